//! The record of a training, as it is sent and stored.

use super::folder::is_plain;
use crate::picture::RangeChoice;
use crate::serve::failure::{Failure, Outcome};
use crate::training::{Preset, Settings};
use serde::{Deserialize, Serialize};

/// The most epochs of a stage, and the most characters of a title.
const MOST_EPOCHS: usize = 10_000;
const LONGEST_TITLE: usize = 100;

/// A requested training.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The name of the model's file, without the ending.
    pub name: String,
    /// The model's title, in any characters; the name unless given.
    pub title: Option<String>,
    /// The network's size, a multiple of 32; 256 unless given.
    pub size: Option<usize>,
    /// Stored values that are black and white in pictures of more than 8 bits, as in `aand train --range`.
    pub range: Option<String>,
    /// Epochs of stage 1, instead of the default of `aand train`; 0 leaves it out.
    pub epochs_amplify: Option<usize>,
    /// Epochs of stage 2.
    pub epochs_distill: Option<usize>,
    /// The false-alarm rate that the threshold should keep.
    pub false_alarms: Option<f64>,
    /// Decides everything random.
    #[serde(default)]
    pub seed: u64,
}

impl Wanted {
    /// All settings for this number of pictures, except the range, which may depend on the pictures.
    pub fn settings(&self, pictures: usize) -> Settings {
        let preset = Settings::preset(Preset::Quick, pictures);
        Settings {
            size: self.size.map_or(preset.size, Into::into),
            epochs_amplify: self.epochs_amplify.unwrap_or(preset.epochs_amplify),
            epochs_distill: self.epochs_distill.unwrap_or(preset.epochs_distill),
            false_alarms: self.false_alarms.unwrap_or(preset.false_alarms),
            seed: self.seed,
            ..preset
        }
    }

    /// The requested range.
    ///
    /// # Errors
    /// It is not a range.
    pub fn range(&self) -> Outcome<Option<RangeChoice>> {
        let read = self.range.as_deref().map(str::parse::<RangeChoice>).transpose();
        read.map_err(|reason| Failure::bad(format!("range: {reason}")))
    }

    /// Checks that the training is possible.
    ///
    /// # Errors
    /// A setting is impossible; says which.
    pub fn check(&self) -> Outcome<()> {
        if !is_plain(&self.name) {
            return Err(Failure::bad("name: 1 to 64 letters (a to z), digits, - and _"));
        }
        let title = self.title.as_deref().unwrap_or_default();
        if title.chars().count() > LONGEST_TITLE || title.chars().any(char::is_control) {
            return Err(Failure::bad(format!("title: at most {LONGEST_TITLE} characters, on one line")));
        }
        if self.epochs_amplify.max(self.epochs_distill) > Some(MOST_EPOCHS) {
            return Err(Failure::bad(format!("epochs_amplify, epochs_distill: at most {MOST_EPOCHS}")));
        }
        self.range()?;
        self.settings(10).check().map_err(|error| Failure::bad(error.to_string()))
    }
}

/// The state of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its pictures are being sent.
    Collecting,
    /// It waits for another training.
    Waiting,
    /// It is running.
    Training,
    /// It is paused, and can continue at the same point.
    Paused,
    /// The service ended in the meantime; it can continue from its last checkpoint.
    Stopped,
    /// It is done, and the model exists.
    Done,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl State {
    /// Whether it is running or should run.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Waiting | Self::Training | Self::Paused)
    }

    /// Whether it has ended for good.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }
}

/// A part of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Stage 1.
    Amplify,
    /// The teacher's features, for stage 2.
    Features,
    /// Stage 2.
    Distill,
    /// The threshold.
    Threshold,
}

/// The progress of a training.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Progress {
    /// The part that is running.
    pub stage: Stage,
    /// Steps done in this part.
    pub done: usize,
    /// All steps of this part.
    pub all: usize,
    /// Its epochs; 0 if it has none.
    pub epochs: usize,
    /// Focal and amplification, or KD and HKD.
    pub losses: Option<[f64; 2]>,
}

/// Everything known about a training.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Its number.
    pub id: u64,
    /// What is requested.
    pub wanted: Wanted,
    /// Its state.
    pub state: State,
    /// Number of good pictures.
    pub pictures: usize,
    /// Size of the pictures in bytes.
    pub bytes: u64,
    /// Steps of stage 1 and of stage 2, once it has begun.
    pub steps: Option<[usize; 2]>,
    /// Its progress.
    pub progress: Option<Progress>,
    /// Why it failed, or another message.
    pub message: Option<String>,
    /// The model it produced.
    pub model: Option<String>,
    /// SHA-256 of the model's file, stored before the file is written: by this a service that was killed in between
    /// recognizes its own file.
    pub made: Option<String>,
    /// Whether a thread is working on it.
    #[serde(skip)]
    pub computing: bool,
    /// Number of pictures being written.
    #[serde(skip)]
    pub coming: usize,
}

impl Record {
    /// A new record.
    pub fn new(id: u64, wanted: Wanted) -> Self {
        Self {
            id,
            wanted,
            state: State::Collecting,
            pictures: 0,
            bytes: 0,
            steps: None,
            progress: None,
            message: None,
            model: None,
            made: None,
            computing: false,
            coming: 0,
        }
    }

    /// Obeys an order, if it can.
    ///
    /// # Errors
    /// It cannot, or there is no such order.
    pub fn order(&mut self, order: &str) -> Outcome<()> {
        use State::*;
        self.state = match (order, self.state) {
            ("start", Collecting) if self.pictures == 0 => {
                return Err(Failure::bad("there are no pictures to learn from"));
            }
            ("start", Collecting) if self.coming > 0 => {
                return Err(Failure::bad("pictures are still coming; start when they are here"));
            }
            ("start", Collecting) | ("resume", Stopped | Failed) => {
                self.message = None;
                Waiting
            }
            ("resume", Paused) if self.computing => Training,
            ("resume", Paused) => Waiting,
            ("pause", Training | Waiting) => Paused,
            ("cancel", Collecting | Waiting | Training | Paused | Stopped | Failed) => Cancelled,
            ("start" | "resume" | "pause" | "cancel", state) => {
                let state = format!("{state:?}").to_lowercase();
                return Err(Failure::bad(format!("{order}: not while the training is {state}")));
            }
            _ => return Err(Failure::unknown("there are start, pause, resume and cancel")),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_obeyed_where_they_can_be() {
        let wanted: Wanted = serde_json::from_str(r#"{"name":"disc"}"#).unwrap();
        let mut record = Record::new(1, wanted);
        assert!(record.order("start").unwrap_err().message.contains("no pictures"));
        (record.pictures, record.coming) = (3, 1);
        assert!(record.order("start").unwrap_err().message.contains("still coming"));
        record.coming = 0;
        for (order, state) in [
            ("start", State::Waiting),
            ("pause", State::Paused),
            ("resume", State::Waiting),
            ("cancel", State::Cancelled),
        ] {
            record.order(order).unwrap();
            assert_eq!(record.state, state);
        }
        let said = record.order("resume").unwrap_err();
        assert!(said.status == 400 && said.message.contains("is cancelled"), "{}", said.message);
        assert_eq!(record.order("explode").unwrap_err().status, 404);
    }

    #[test]
    fn what_cannot_be_trained_is_refused() {
        let check = |json: &str| {
            let wanted: Wanted = serde_json::from_str(json).unwrap();
            wanted.check().map_err(|failure| failure.message)
        };
        check(r#"{"name":"disc","title":"Gehäuse, links","range":"0..4095","size":64,"epochs_amplify":0}"#)
            .unwrap();
        for name in ["", "../x", "a/b", "a.b", "ä", &"x".repeat(65)] {
            let json = serde_json::json!({ "name": name }).to_string();
            assert!(check(&json).unwrap_err().starts_with("name:"), "{name}");
        }
        for (rest, words) in [
            (r#""size":100"#, "multiple of 32"),
            (r#""range":"dark""#, "range:"),
            (r#""title":"two\nlines""#, "title:"),
            (r#""epochs_distill":10001"#, "at most 10000"),
            (r#""false_alarms":1"#, "false_alarms"),
        ] {
            let said = check(&format!(r#"{{"name":"x",{rest}}}"#)).unwrap_err();
            assert!(said.contains(words), "{rest}: {said}");
        }
    }
}
