//! A running training: what is saved after each epoch, and which weights are kept.

use super::checkpoint::{Checkpoint, Contents, Position, Stage};
use super::epochs::Trainee;
use super::job::{Event, Observer, TrainingJob};
use crate::model::{Aand, History, Selection, encode_async};
use crate::{Error, Result};

/// Shorter epochs share a checkpoint; Ctrl-C saves one at any step.
const SECONDS_BETWEEN_CHECKPOINTS: f64 = 20.0;

/// A running training.
pub(super) struct Run<'a> {
    pub job: &'a TrainingJob,
    pub contents: Contents,
    pub observer: &'a mut dyn Observer,
    pub history: History,
    pub best: Option<(f64, usize)>,
    /// Records that go into every checkpoint besides the current ones: the best weights so far.
    pub records: Vec<(String, Vec<u8>)>,
    /// When the last checkpoint was written, by [`seconds`].
    pub saved: f64,
    /// Whether a stop was asked for; if at the last step of an epoch, the epoch is finished first.
    pub stopping: bool,
}

impl<'a> Run<'a> {
    /// A training that has not begun.
    pub fn new(job: &'a TrainingJob, contents: Contents, observer: &'a mut dyn Observer) -> Self {
        Self {
            job,
            contents,
            observer,
            history: History::default(),
            best: None,
            records: Vec::new(),
            saved: 0.0,
            stopping: false,
        }
    }
}

impl Run<'_> {
    /// Reports an event; returns whether to stop.
    pub async fn tell(&mut self, event: Event<'_>) -> bool {
        let stop = self.observer.event(event).is_break();
        self.observer.idle().await;
        stop
    }

    /// Gives the observer the present model.
    pub async fn hand_over(&mut self, candidate: &Aand) -> Result<()> {
        let bytes = encode_async(candidate).await?;
        self.observer.model(bytes);
        self.observer.idle().await;
        Ok(())
    }

    /// Whether a checkpoint is wanted after an epoch: the first, the last, or if enough time has passed. A
    /// checkpoint holds all weights and their moments; after each epoch of a second, writing it would take
    /// longer than the epoch.
    pub fn wanted(&self, epoch: usize, epochs: usize) -> bool {
        self.job.checkpoint.is_some()
            && (epoch == 0 || epoch + 1 == epochs || seconds() - self.saved >= SECONDS_BETWEEN_CHECKPOINTS)
    }

    /// Saves the state of the training, if checkpoints are kept.
    pub async fn save(&mut self, position: Position, trainee: &mut impl Trainee) -> Result<()> {
        let Some(path) = &self.job.checkpoint else { return Ok(()) };
        let records = trainee.checkpoint().await?;
        self.saved = seconds();
        let checkpoint = Checkpoint {
            position,
            history: self.history.clone(),
            settings: self.job.settings.clone(),
            teacher: self.job.teacher_words(),
            contents: self.contents.clone(),
            data_fingerprint: self.job.data_fingerprint.clone(),
            best: self.best,
        };
        let mut all = records;
        all.extend(self.records.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())));
        checkpoint.save(path, &all)
    }

    /// Whether a candidate should be judged after this epoch (from 0): method.md 2.10, 4.4.
    pub fn due(&self, epoch: usize, epochs: usize) -> bool {
        let number = epoch + 1;
        self.job.settings.selection == Selection::Test
            && (number.is_multiple_of(5) && number > 5 || number == epochs)
    }

    pub fn improves(&mut self, candidate: &Aand, stage: Stage, epoch: usize) -> Result<bool> {
        let score = self.observer.judge(candidate, stage)?;
        // If the criterion says nothing (an untrained gate, no masks, no good pictures), a later candidate wins.
        // Otherwise the first of equals stays, as in the official code.
        let silent = |best: f64| score == best && (stage == Stage::Amplify || score == 0.0);
        let better = self.best.is_none_or(|(best, _)| score > best || score.is_nan() || silent(best));
        if better {
            self.best = Some((score, epoch + 1));
        }
        Ok(better)
    }

    pub fn keep(&mut self, name: &str, bytes: Vec<u8>) {
        self.records.retain(|(n, _)| n != name);
        self.records.push((name.into(), bytes));
    }

    pub fn take(&mut self, name: &str) -> Option<Vec<u8>> {
        let index = self.records.iter().position(|(n, _)| n == name)?;
        Some(self.records.swap_remove(index).1)
    }

    pub fn interrupted(&self) -> Error {
        let how = match &self.job.checkpoint {
            Some(path) => format!("saved {}; give the same command with `resume` to go on", path.display()),
            None => "nothing was saved".into(),
        };
        Error::Interrupted(format!("stopped: {how}"))
    }
}

/// Seconds on a clock; always the same in a browser, where none works here and the web API keeps its own.
pub(super) fn seconds() -> f64 {
    #[cfg(target_arch = "wasm32")]
    return 0.0;
    #[cfg(not(target_arch = "wasm32"))]
    {
        use std::sync::LazyLock;
        static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
        START.elapsed().as_secs_f64()
    }
}
