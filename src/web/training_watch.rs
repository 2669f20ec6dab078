//! Reports a training's events to the page, and yields to it.

use crate::training::{Event, Film, Observer};
use std::ops::ControlFlow;
use std::pin::Pin;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// A stopwatch in milliseconds.
pub(super) struct Clock(f64);

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self(js_sys::Date::now())
    }

    /// Milliseconds since the start.
    pub fn milliseconds(&self) -> f64 {
        js_sys::Date::now() - self.0
    }
}

/// Passes events on to JavaScript.
pub(super) struct TrainingObserver {
    /// Receives every event as JSON. Its answer decides what follows: `model`, `stop`, or anything else to
    /// continue.
    pub tell: js_sys::Function,
    /// The promise that it returns is awaited after every event.
    pub idle: js_sys::Function,
    /// Receives the file of the present model, a `Uint8Array`, if that may be wanted.
    pub keep: Option<js_sys::Function>,
    pub clock: Clock,
    /// The film of stage 2.
    pub film: Option<Film>,
    /// Whether the last event was answered with `model`.
    wanted: bool,
}

impl TrainingObserver {
    pub fn new(tell: js_sys::Function, idle: js_sys::Function, keep: Option<js_sys::Function>) -> Self {
        Self { tell, idle, keep, clock: Clock::start(), film: None, wanted: false }
    }
}

impl Observer for TrainingObserver {
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        let mut told = match event {
            Event::Begin { stage, epoch, epochs, steps } => serde_json::json!({
                "type": "begin", "stage": stage, "epoch": epoch, "epochs": epochs, "steps": steps,
            }),
            Event::Step { stage, epoch, step, losses } => serde_json::json!({
                "type": "step", "stage": stage, "epoch": epoch, "step": step, "losses": losses,
            }),
            Event::Amplified(record) => {
                serde_json::json!({ "type": "epoch", "stage": "amplify", "record": record })
            }
            Event::Distilled(record) => {
                serde_json::json!({ "type": "epoch", "stage": "distill", "record": record })
            }
            Event::Caching(done, all) => {
                serde_json::json!({ "type": "caching", "done": done, "all": all })
            }
            Event::Scoring(done, all) => {
                serde_json::json!({ "type": "scoring", "done": done, "all": all })
            }
        };
        told["ms"] = self.clock.milliseconds().into();
        // Exceptions of a listener are ignored.
        let answer = self.tell.call1(&JsValue::NULL, &told.to_string().into()).ok();
        let answer = answer.and_then(|answer| answer.as_string());
        self.wanted = self.keep.is_some() && answer.as_deref() == Some("model");
        match answer.as_deref() {
            Some("stop") => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn wants_model(&self) -> bool {
        self.wanted
    }

    fn model(&mut self, bytes: Vec<u8>) {
        self.wanted = false;
        if let Some(keep) = &self.keep {
            let _ = keep.call1(&JsValue::NULL, &js_sys::Uint8Array::from(bytes.as_slice()).into());
        }
    }

    fn film(&mut self) -> Option<&mut Film> {
        self.film.as_mut()
    }

    fn idle(&mut self) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(async {
            if let Ok(promise) = self.idle.call0(&JsValue::NULL)
                && let Ok(promise) = promise.dyn_into::<js_sys::Promise>()
            {
                // Continues whether the promise is resolved or rejected.
                let _ = JsFuture::from(promise).await;
            }
        })
    }
}
