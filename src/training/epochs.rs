//! The epochs of either stage: steps, reports of losses, records, checkpoints, selection.

use super::checkpoint::{Position, Stage};
use super::config::Settings;
use super::film::Film;
use super::job::{Event, TrainingJob};
use super::run::{Run, seconds};
use super::{Purpose, prefetch_async};
use crate::inference::{Engine, Plan};
use crate::model::{Aand, AmplifyRecord, DistillRecord, History, NamedTensors, tensors_async};
use crate::{Error, Result};

/// What one stage trains, on the CPU or a GPU: the part of the epoch loop that differs between the stages.
pub(super) trait Trainee {
    /// The stage.
    const STAGE: Stage;
    /// Everything needed to prepare a step's batch.
    type Tools: Sync;
    /// The data of a step.
    type Batch: Send;

    /// Makes the tools, once, before the first epoch.
    fn tools(job: &TrainingJob) -> Self::Tools;

    /// The batch of the `chosen` pictures. If there are threads, another one prepares it while a step is computed.
    fn prepare(job: &TrainingJob, tools: &Self::Tools, epoch: usize, chosen: &[usize]) -> Self::Batch;

    /// Takes the step `at = [epoch, step]`, or submits it to the GPU. An error in its losses is reported with the
    /// epoch ([`TrainingJob::with_place`]).
    async fn step(&mut self, at: [usize; 2], batch: Self::Batch, lr: f64) -> Result<()>;

    /// The losses of the earliest unreported step, if there are more than `waiting` such steps; a GPU's losses
    /// arrive after later steps were submitted.
    async fn losses(&mut self, waiting: usize) -> Result<Option<[f64; 2]>>;

    /// The record of an epoch, given the means of its losses.
    async fn record(&mut self, epoch: usize, means: [f64; 2], lr: f64) -> Result<Record>;

    /// Copies the weights trained on a GPU into the modules here.
    async fn bring(&mut self) -> Result<()>;

    /// A model with the copied weights.
    fn candidate(&self, history: &History) -> Aand;

    /// The records for a checkpoint.
    async fn checkpoint(&mut self) -> Result<Vec<(&'static str, Vec<u8>)>>;

    /// The copied weights, for [`restore`](Self::restore).
    fn weights(&self) -> Result<Vec<u8>>;

    /// Goes back to `weights`.
    fn restore(&mut self, weights: Vec<u8>) -> Result<()>;
}

/// The record of an epoch of either stage.
#[derive(Clone, Copy)]
pub(super) enum Record {
    Amplify(AmplifyRecord),
    Distill(DistillRecord),
}

impl Record {
    fn lasting(mut self, time: f64) -> Self {
        match &mut self {
            Self::Amplify(record) => record.seconds = time,
            Self::Distill(record) => record.seconds = time,
        }
        self
    }

    fn push(self, history: &mut History) {
        match self {
            Self::Amplify(record) => history.amplify.push(record),
            Self::Distill(record) => history.distill.push(record),
        }
    }

    fn event(&self) -> Event<'_> {
        match self {
            Self::Amplify(record) => Event::Amplified(record),
            Self::Distill(record) => Event::Distilled(record),
        }
    }
}

/// The threshold's students continue from the student as it was after one part in this many of its epochs.
const BRANCH: usize = 4;

/// Its name in a checkpoint.
pub(super) const BRANCH_NAME: &str = "branch.student";

impl Stage {
    fn epochs(self, settings: &Settings) -> usize {
        match self {
            Self::Amplify => settings.epochs_amplify,
            Self::Distill => settings.epochs_distill,
        }
    }

    fn order(self) -> Purpose {
        match self {
            Self::Amplify => Purpose::AmplifyOrder,
            Self::Distill => Purpose::DistillOrder,
        }
    }

    /// The name of the best weights so far in a checkpoint.
    fn best(self) -> &'static str {
        match self {
            Self::Amplify => "best.amplifier",
            Self::Distill => "best.student",
        }
    }
}

/// The losses of an epoch that have been reported so far. A GPU's arrive a step late.
struct Told {
    stage: Stage,
    epoch: usize,
    /// The next step to report.
    step: usize,
    sums: [f64; 2],
}

impl Told {
    /// At the beginning of `epoch`, or within it if a training continues there.
    fn from(from: Position, epoch: usize) -> Self {
        let Position { stage, step, sums, .. } = from;
        let (step, sums) = if epoch == from.epoch { (step, sums) } else { (0, [0.0; 2]) };
        Self { stage, epoch, step, sums }
    }

    fn add(&mut self, losses: [f64; 2]) {
        self.step += 1;
        self.sums = [self.sums[0] + losses[0], self.sums[1] + losses[1]];
    }

    /// The position after the last step.
    fn next(&self) -> Position {
        let &Self { stage, epoch, step, sums } = self;
        Position { stage, epoch, step, sums }
    }
}

/// How many steps' losses may be outstanding after a step: one, so that the GPU has work while the host prepares the
/// next step; none at the end of an epoch.
fn lag(step: usize, steps: usize) -> usize {
    usize::from(step + 1 < steps)
}

impl Run<'_> {
    /// Runs a stage from a position to its end.
    pub async fn epochs<T: Trainee>(&mut self, trainee: &mut T, from: Position) -> Result<()> {
        let settings = &self.job.settings;
        let (epochs, steps) = (T::STAGE.epochs(settings), self.job.steps());
        let tools = T::tools(self.job);
        let begin = Event::Begin { stage: T::STAGE, epoch: from.epoch, epochs, steps };
        if self.tell(begin).await {
            return Err(self.interrupted());
        }
        if (from.epoch, from.step) == (0, 0) {
            self.film(trainee, 0).await?;
        }
        for epoch in from.epoch..epochs {
            let started = seconds();
            let lr = settings.lr_at(epoch, epochs);
            let mut told = Told::from(from, epoch);
            self.steps(trainee, &tools, &mut told, lr).await?;
            let means = told.sums.map(|sum| sum / steps as f64);
            let record = trainee.record(epoch, means, lr).await?.lasting(seconds() - started);
            record.push(&mut self.history);
            let stop = self.tell(record.event()).await || self.stopping;
            if self.observer.wants_model() {
                trainee.bring().await?;
                self.hand_over(&trainee.candidate(&self.history)).await?;
            }
            if self.due(epoch, epochs) {
                trainee.bring().await?;
                if self.improves(&trainee.candidate(&self.history), T::STAGE, epoch)? {
                    self.keep(T::STAGE.best(), trainee.weights()?);
                }
            }
            self.film(trainee, epoch + 1).await?;
            if T::STAGE == Stage::Distill && epoch + 1 == epochs / BRANCH && self.job.leaves_out() {
                trainee.bring().await?;
                self.keep(BRANCH_NAME, trainee.weights()?);
            }
            let next = Position { stage: T::STAGE, epoch: epoch + 1, step: 0, sums: [0.0; 2] };
            if stop || self.wanted(epoch, epochs) {
                self.save(next, trainee).await?;
            }
            if stop {
                return Err(self.interrupted());
            }
        }
        trainee.bring().await?;
        if let Some(weights) = self.take(T::STAGE.best()) {
            trainee.restore(weights)?;
        }
        self.best = None;
        Ok(())
    }

    /// Takes a frame of the observer's film of stage 2, if it has one and a frame is due.
    async fn film<T: Trainee>(&mut self, trainee: &mut T, epoch: usize) -> Result<()> {
        let epochs = self.job.settings.epochs_distill;
        let due = |film: &mut Film| film.is_due(epoch, epochs);
        if T::STAGE != Stage::Distill || !self.observer.film().is_some_and(due) {
            return Ok(());
        }
        trainee.bring().await?;
        let model = trainee.candidate(&self.history);
        let tensors = NamedTensors::new(tensors_async(&model).await?);
        let engine = Engine::new(Plan::new(&model.info, &tensors)?);
        if let Some(film) = self.observer.film() {
            film.take(epoch, &engine, model.info.view.pooling);
        }
        Ok(())
    }

    /// Runs the remaining steps of an epoch.
    async fn steps<T: Trainee>(
        &mut self,
        trainee: &mut T,
        tools: &T::Tools,
        told: &mut Told,
        lr: f64,
    ) -> Result<()> {
        let (job, epoch, steps) = (self.job, told.epoch, self.job.steps());
        let batches = job.batches(T::STAGE.order(), epoch);
        let make = |step: usize| T::prepare(job, tools, epoch, &batches[step]);
        prefetch_async(told.step..steps, make, async |step, batch| {
            let place = |error: Error| job.with_place(error, epoch);
            trainee.step([epoch, step], batch, lr).await?;
            let mut stop = false;
            while let Some(losses) = trainee.losses(lag(step, steps)).await.map_err(place)? {
                stop |= self.told(told, losses).await;
            }
            if !stop || step + 1 == steps {
                return Ok(());
            }
            while let Some(losses) = trainee.losses(0).await.map_err(place)? {
                told.add(losses);
            }
            self.save(told.next(), trainee).await?;
            Err(self.interrupted())
        })
        .await
    }

    /// Reports the next step's losses; returns whether to stop.
    async fn told(&mut self, told: &mut Told, losses: [f64; 2]) -> bool {
        let event = Event::Step { stage: told.stage, epoch: told.epoch, step: told.step, losses };
        told.add(losses);
        let stop = self.tell(event).await;
        self.stopping |= stop;
        stop
    }
}
