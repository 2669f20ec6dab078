//! What a training reports to the page, and where it yields to it.

use crate::training::{Event, Observer, Stage};
use std::ops::ControlFlow;
use std::pin::Pin;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// A clock of milliseconds.
pub(super) struct Clock(f64);

impl Clock {
    /// From now.
    pub fn start() -> Self {
        Self(js_sys::Date::now())
    }

    /// Since then.
    pub fn milliseconds(&self) -> f64 {
        js_sys::Date::now() - self.0
    }
}

/// Passes events on to JavaScript.
pub(super) struct Watch {
    pub tell: js_sys::Function,
    pub idle: js_sys::Function,
    pub clock: Clock,
}

impl Observer for Watch {
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        let named = |stage| match stage {
            Stage::Amplify => "amplify",
            Stage::Distill => "distill",
        };
        let mut told = match event {
            Event::Begin { stage, epoch, epochs, steps } => serde_json::json!({
                "type": "begin", "stage": named(stage), "epoch": epoch, "epochs": epochs, "steps": steps,
            }),
            Event::Step { stage, epoch, step, losses } => serde_json::json!({
                "type": "step", "stage": named(stage), "epoch": epoch, "step": step, "losses": losses,
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
        // What a listener throws is its own affair.
        let _ = self.tell.call1(&JsValue::NULL, &told.to_string().into());
        ControlFlow::Continue(())
    }

    fn idle(&mut self) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(async {
            if let Ok(promise) = self.idle.call0(&JsValue::NULL)
                && let Ok(promise) = promise.dyn_into::<js_sys::Promise>()
            {
                // A promise that is broken is as good as one that is kept: go on.
                let _ = JsFuture::from(promise).await;
            }
        })
    }
}
