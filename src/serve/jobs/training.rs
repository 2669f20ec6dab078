//! Runs one training: the library's job, with an observer.

use super::record::{Progress, Stage, State};
use super::{Jobs, gone};
use crate::dataset::{self, Layout};
use crate::model::encode;
use crate::teacher::Teacher;
use crate::training::{Event, Observer, Settings, Stage as TrainingStage, TrainingJob, range_of, train};
use crate::{Error, Result};
use burn::tensor::Device;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// How often listeners are notified.
const PERIOD: Duration = Duration::from_millis(200);

/// Runs training number `id`; returns a message about its pictures and its model, if there is one.
///
/// # Errors
/// It failed, or was asked to stop.
pub fn train_job(jobs: &Jobs, id: u64) -> Result<Option<String>> {
    // A panic in one training must not end the thread that runs all of them.
    let done = catch_unwind(AssertUnwindSafe(|| run(jobs, id)));
    done.unwrap_or_else(|_| Err(Error::Training("the training failed; this is a fault of aand".into())))
}

fn run(jobs: &Jobs, id: u64) -> Result<Option<String>> {
    let wanted = jobs.lock().get(&id).map(|record| record.wanted.clone()).ok_or_else(gone)?;
    let pictures = jobs.folder.pictures(id);
    let set = dataset::open(&pictures, Some(Layout::Folder), None)?.into_iter().next();
    let set =
        set.ok_or_else(|| Error::dataset(&pictures, "there are no pictures; begin another training"))?;
    let set = set.without_copies();
    let range = wanted.range().map_err(|failure| Error::Setting(failure.message))?;
    let settings = Settings { range: range_of(range, &set), ..wanted.settings(set.train.len()) };
    let (teacher, source) = Teacher::resolve(None, None, &Device::flex())?;
    let mut job = TrainingJob::prepare(&set, settings, teacher, source)?;
    job.name = wanted.title.filter(|title| !title.trim().is_empty()).unwrap_or_else(|| wanted.name.clone());
    job.checkpoint = Some(jobs.folder.checkpoint(id));
    job.resume = true;
    job.processor = jobs.models.processor().clone();
    let steps = job.steps();
    let steps = [job.settings.epochs_amplify, job.settings.epochs_distill].map(|epochs| epochs * steps);
    if let Some(record) = jobs.lock().get_mut(&id) {
        record.steps = Some(steps);
    }
    let mut watcher = Watcher { jobs, id, told: None, steps: 0, epochs: 0 };
    let model = train(&job, &mut watcher)?;
    drop(job);
    let said = jobs.publish(id, &wanted.name, &encode(&model)?)?;
    let left_out = set.left_out.advice().into_iter().map(|advice| advice.text);
    let messages: Vec<String> = left_out.chain(said).collect();
    Ok((!messages.is_empty()).then(|| messages.join("; ")))
}

/// Keeps the record of a training up to date, and obeys its state.
struct Watcher<'a> {
    jobs: &'a Jobs,
    id: u64,
    told: Option<Instant>,
    /// Steps of an epoch.
    steps: usize,
    epochs: usize,
}

impl Watcher<'_> {
    fn progress(&mut self, event: &Event<'_>) -> Option<Progress> {
        let other = |stage, done, all| Some(Progress { stage, done, all, epochs: 0, losses: None });
        let part = |stage| match stage {
            TrainingStage::Amplify => Stage::Amplify,
            TrainingStage::Distill => Stage::Distill,
        };
        let (stage, done, losses) = match *event {
            Event::Begin { stage, epoch, epochs, steps } => {
                (self.steps, self.epochs) = (steps, epochs);
                (part(stage), epoch * steps, None)
            }
            Event::Step { stage, epoch, step, losses } => {
                (part(stage), epoch * self.steps + step + 1, Some(losses))
            }
            Event::Caching(done, all) => return other(Stage::Features, done, all),
            Event::Scoring(done, all) => return other(Stage::Threshold, done, all),
            _ => return None,
        };
        Some(Progress { stage, done, all: self.epochs * self.steps, epochs: self.epochs, losses })
    }
}

impl Observer for Watcher<'_> {
    /// Waits as long as the training is paused.
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        let progress = self.progress(&event);
        let mut all = self.jobs.lock();
        loop {
            let Some(record) = all.get_mut(&self.id) else { return ControlFlow::Break(()) };
            record.progress = progress.or(record.progress);
            if self.jobs.is_stopping() || record.state == State::Cancelled {
                return ControlFlow::Break(());
            }
            if record.state != State::Paused {
                break;
            }
            all = self.jobs.changed.wait(all).unwrap_or_else(PoisonError::into_inner);
        }
        drop(all);
        if self.told.is_none_or(|told| told.elapsed() >= PERIOD) {
            self.told = Some(Instant::now());
            self.jobs.tell();
        }
        ControlFlow::Continue(())
    }
}
