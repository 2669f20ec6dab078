//! Training. It runs on threads of its own; the thread that called waits, tells the progress function what happens, and
//! looks whether Ctrl-C was pressed, so that the interpreter's lock is free in between.

use crate::errors::{Error as PyError, raised};
use aand::dataset;
use aand::gpu::Choice;
use aand::model::save;
use aand::picture::{Fit, RangeChoice, Size, Tiles, View};
use aand::synthesis::Foreground;
use aand::teacher::{Backbone, Teacher};
use aand::training::{
    Event, Extent, Observer, Preset, Settings, Stage, TrainingJob, checkpoint_path, claim, range_of,
    train as train_job,
};
use aand::{Error, Result};
use burn::tensor::Device;
use pyo3::prelude::*;
use serde_json::{Map, Value, json};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How often to look for Ctrl-C while nothing else happens.
const LOOK: Duration = Duration::from_millis(100);

/// What the caller asks of a training.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Asked {
    data: PathBuf,
    output: PathBuf,
    category: Option<String>,
    device: String,
    preset: String,
    backbone: Option<String>,
    weights: Option<PathBuf>,
    range: Option<String>,
    tile: Option<usize>,
    overlap: Option<usize>,
    resume: bool,
    all_good: bool,
    /// The settings that are not the defaults, as JSON.
    settings: String,
    /// Whether to report progress, besides warnings.
    watched: bool,
}

/// Trains a model and writes it; its header, as JSON. `tell` gets what happens, as JSON; `False` stops.
#[pyfunction]
pub fn train(py: Python<'_>, asked: &Bound<'_, PyAny>, tell: Py<PyAny>) -> PyResult<String> {
    let asked: Asked = asked.extract()?;
    let pool = crate::pool::threads(None)?;
    let (events, told) = channel();
    let (answer, answers) = channel();
    py.detach(move || {
        std::thread::scope(|scope| {
            let learn = || {
                let mut teller = Teller { events, answers, watched: asked.watched, epochs: 0, steps: 0 };
                pool.install(|| run(&asked, &mut teller))
            };
            let worker = std::thread::Builder::new().name("aand training".into()).spawn_scoped(scope, learn);
            let worker =
                worker.map_err(|error| PyError::new_err(format!("no thread to train on: {error}")))?;
            // A caller who stopped the training is told so, however it ended.
            let stopped = attend(&told, &answer, &tell);
            let done =
                worker.join().map_err(|_| PyError::new_err("the training failed; please report this"))?;
            stopped?;
            done.map_err(raised)
        })
    })
}

/// Passes on what is told until the training is over; the error that ended it, if one did.
fn attend(told: &Receiver<String>, answer: &Sender<bool>, tell: &Py<PyAny>) -> PyResult<()> {
    let mut stopped = Ok(());
    loop {
        let event = match told.recv_timeout(LOOK) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return stopped,
        };
        let heard: PyResult<bool> = Python::attach(|py| {
            py.check_signals()?;
            match (&event, &stopped) {
                (Some(event), Ok(())) if !event.is_empty() => {
                    let said = tell.bind(py).call1((event,))?;
                    Ok(said.extract::<bool>().unwrap_or(true))
                }
                _ => Ok(true),
            }
        });
        let go_on = match heard {
            Ok(go_on) => go_on && stopped.is_ok(),
            Err(error) => {
                stopped = stopped.and(Err(error));
                false
            }
        };
        if event.is_some() {
            // A training that has ended needs no answer.
            let _ = answer.send(go_on);
        }
    }
}

/// Tells the calling thread, and waits for its answer.
struct Teller {
    events: Sender<String>,
    answers: Receiver<bool>,
    watched: bool,
    epochs: usize,
    steps: usize,
}

impl Teller {
    fn tell(&mut self, event: &str) -> ControlFlow<()> {
        let heard = self.events.send(event.into()).is_ok() && self.answers.recv() == Ok(true);
        if heard { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    /// Gives a warning before the training.
    ///
    /// # Errors
    /// The caller asked to stop.
    fn warn(&mut self, words: &str) -> Result<()> {
        match self.tell(&json!({ "warning": words }).to_string()) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Interrupted("stopped before the training began".into())),
        }
    }
}

impl Observer for Teller {
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        if let Event::Begin { epochs, steps, .. } = event {
            (self.epochs, self.steps) = (epochs, steps);
        }
        if !self.watched {
            // Telling nothing still asks whether Ctrl-C was pressed.
            return self.tell("");
        }
        let (epochs, steps) = (self.epochs, self.steps);
        let mut told = match event {
            Event::Begin { stage, epoch, .. } => {
                json!({ "kind": "begin", "stage": stage, "epoch": epoch })
            }
            Event::Step { stage, epoch, step, losses } => {
                let names = match stage {
                    Stage::Amplify => ["focal", "amplification"],
                    Stage::Distill => ["kd", "hkd"],
                };
                let losses = json!({ (names[0]): losses[0], (names[1]): losses[1] });
                json!({ "kind": "step", "stage": stage, "epoch": epoch, "step": step, "losses": losses })
            }
            Event::Amplified(record) => {
                json!({ "kind": "epoch", "stage": "amplify", "epoch": record.epoch.saturating_sub(1), "losses": record })
            }
            Event::Distilled(record) => {
                json!({ "kind": "epoch", "stage": "distill", "epoch": record.epoch.saturating_sub(1), "losses": record })
            }
            Event::Caching(done, all) => json!({ "kind": "caching", "done": done, "all": all }),
            Event::Scoring(done, all) => json!({ "kind": "scoring", "done": done, "all": all }),
        };
        if told["stage"].is_string() {
            (told["epochs"], told["steps"]) = (epochs.into(), steps.into());
        }
        self.tell(&told.to_string())
    }
}

/// The training from folder to file.
fn run(asked: &Asked, teller: &mut Teller) -> Result<String> {
    let mut sets = dataset::open(&asked.data, None, asked.category.as_deref())?;
    if sets.len() != 1 {
        let reason = "holds several categories; name one with `category`, and call train for each";
        return Err(Error::dataset(&asked.data, reason));
    }
    let set = sets.remove(0);
    set.insist_on_good(asked.all_good)?;
    let set = set.without_copies();
    let settings = settings(asked, &set)?;
    settings.check()?;
    let _claimed = claim(&asked.output, "`output`")?;
    let choice: Choice =
        asked.device.parse().map_err(|e| Error::Setting(format!("`device` {}: {e}", asked.device)))?;
    let (processor, _) = choice.open()?;
    let backbone: Option<Backbone> = match &asked.backbone {
        Some(name) => Some(named("backbone", name.as_str().into())?),
        None => None,
    };
    let (teacher, source) = Teacher::resolve(backbone, asked.weights.as_deref(), &Device::flex())?;
    for advice in set.advice() {
        teller.warn(&advice.text)?;
    }
    let mut job = TrainingJob::prepare(&set, settings, teacher, source)?;
    let checkpoint = checkpoint_path(&asked.output);
    if asked.resume && !checkpoint.exists() {
        teller.warn(&format!("no checkpoint at {}; starting anew", checkpoint.display()))?;
    }
    job.checkpoint = Some(checkpoint.clone());
    job.resume = asked.resume;
    job.processor = processor;
    for warning in job.warnings() {
        teller.warn(&warning)?;
    }
    let model = train_job(&job, teller)?;
    save(&model, &asked.output)?;
    // The model is safe on disk; a checkpoint that cannot be removed does no harm.
    let _ = std::fs::remove_file(checkpoint);
    serde_json::to_string(&model.info).map_err(|error| Error::model(&asked.output, error.to_string()))
}

/// A value of a setting, by its name in JSON.
fn named<T: serde::de::DeserializeOwned>(name: &str, value: Value) -> Result<T> {
    serde_json::from_value(value.clone())
        .map_err(|error| Error::Setting(format!("`{name}` {value}: {error}")))
}

/// All settings, as the command line has them unless others are asked for.
fn settings(asked: &Asked, set: &dataset::Dataset) -> Result<Settings> {
    let given: Map<String, Value> =
        named("settings", serde_json::from_str(&asked.settings).unwrap_or_default())?;
    let extent = Extent::of(set);
    let preset = match asked.preset.as_str() {
        "quick" => Preset::Quick,
        "paper" => Preset::Paper,
        other => return Err(Error::Setting(format!("`preset` {other}: quick or paper"))),
    };
    let usual = Settings::default();
    let (size, fit) = match asked.tile {
        Some(tile) => (Size::square(tile), Fit::Squash),
        None if given.contains_key("size") => (usual.size, Fit::Squash),
        None => Extent::usual(extent.as_ref(), preset),
    };
    let overlap = asked.overlap.unwrap_or(Tiles::overlap_of(size));
    let view = View { fit, tiles: asked.tile.map(|_| Tiles { overlap }), ..View::default() };
    let mut settings = with(&Settings { size, view, ..usual }, &given)?;
    if let Some(range) = &asked.range {
        let choice: RangeChoice =
            range.parse().map_err(|e| Error::Setting(format!("`range` {range}: {e}")))?;
        settings.range = range_of(Some(choice), set);
    }
    if let (Preset::Paper, None) = (preset, given.get("foreground")) {
        settings.foreground = Foreground::paper(&set.name).unwrap_or_default();
    }
    let native = extent.map(|extent| extent.native);
    let [amplify, distill] = settings.usual_epochs(preset, set.train.len(), native);
    if !given.contains_key("epochs_amplify") {
        settings.epochs_amplify = amplify;
    }
    if !given.contains_key("epochs_distill") {
        settings.epochs_distill = distill;
    }
    Ok(settings)
}

/// Settings that the JSON of the defaults leaves out.
const UNSAID: [&str; 1] = ["augment"];
/// Settings that have their own arguments.
const OTHERWISE: [&str; 2] = ["view", "range"];

/// The settings with those that are `given` by name, as a model file has them.
fn with(settings: &Settings, given: &Map<String, Value>) -> Result<Settings> {
    let Value::Object(mut all) = serde_json::to_value(settings).unwrap_or_default() else {
        return Err(Error::Setting("the settings cannot be written".into()));
    };
    for (name, value) in given {
        let known = all.contains_key(name) && !OTHERWISE.contains(&name.as_str());
        if !known && !UNSAID.contains(&name.as_str()) {
            let names = all.keys().map(String::as_str).filter(|name| !OTHERWISE.contains(name));
            let names: Vec<&str> = names.chain(UNSAID).collect();
            return Err(Error::Setting(format!("`{name}`: no such setting; there are {}", names.join(", "))));
        }
        all.insert(name.clone(), value.clone());
        // Each by itself, so that the error names the one that is wrong.
        if let Err(error) = serde_json::from_value::<Settings>(Value::Object(all.clone())) {
            return Err(Error::Setting(format!("`{name}` {value}: {error}")));
        }
    }
    named("settings", Value::Object(all))
}
