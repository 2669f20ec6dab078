//! Stage 1 in the epoch loop.

use super::checkpoint::{Stage, module_record, optimizer_record, restore_module};
use super::epochs::{Record, Trainee};
use super::gpu::{GpuAmplify, OPTIMIZER};
use super::job::TrainingJob;
use super::{AmplifyBatch, AmplifyStage, Purpose, stream};
use crate::Result;
use crate::amplification::Amplifier;
use crate::model::{Aand, AmplifyRecord, History};
use crate::student::Student;
use crate::synthesis::Synthesizer;

/// How many pictures the residual in an epoch's record is measured on.
const SHOWN: usize = 4;

/// The amplifier in training.
pub(super) struct Amplifying<'a> {
    job: &'a TrainingJob,
    stage: AmplifyStage,
    /// The student of a candidate, which stage 1 does not change.
    student: &'a Student,
    gpu: Option<GpuAmplify>,
    /// The losses of the CPU's last step, until they are reported.
    losses: Option<[f64; 2]>,
    /// The batch of the epoch's last step.
    last: Option<AmplifyBatch>,
}

impl<'a> Amplifying<'a> {
    /// Continues from `stage` and, on a GPU, an optimizer's record.
    ///
    /// # Errors
    /// The device is out of memory, or the record belongs to another training.
    pub async fn new(
        job: &'a TrainingJob,
        stage: AmplifyStage,
        student: &'a Student,
        record: Option<Vec<u8>>,
    ) -> Result<Self> {
        let mut new = Self { job, stage, student, gpu: None, losses: None, last: None };
        if let Some(device) = job.gpu() {
            let model = new.candidate(&History::default());
            new.gpu = Some(GpuAmplify::new(job, device, &model, record.as_deref()).await?);
        }
        Ok(new)
    }

    /// The trained amplifier.
    pub fn end(self) -> Amplifier {
        self.stage.amplifier
    }
}

impl Trainee for Amplifying<'_> {
    const STAGE: Stage = Stage::Amplify;
    type Tools = Synthesizer;
    type Batch = AmplifyBatch;

    fn tools(job: &TrainingJob) -> Synthesizer {
        Synthesizer::new(job.settings.size, job.textures.clone())
    }

    fn prepare(job: &TrainingJob, tools: &Synthesizer, epoch: usize, chosen: &[usize]) -> AmplifyBatch {
        job.corrupt(tools, epoch, chosen)
    }

    async fn step(&mut self, [epoch, step]: [usize; 2], batch: AmplifyBatch, lr: f64) -> Result<()> {
        let (job, settings) = (self.job, &self.job.settings);
        let mut rng = stream(settings.seed, Purpose::Pairs, epoch, step);
        if step + 1 == job.steps() {
            self.last = Some(batch.clone());
        }
        let place = |error| job.with_place(error, epoch);
        match &mut self.gpu {
            Some(gpu) => gpu.step(&batch, settings, job.sizes(), lr, &mut rng).map_err(place),
            None => {
                let loss = self.stage.step_async(&job.teacher, batch, settings, lr, &mut rng).await;
                let loss = loss.map_err(place)?;
                self.losses = Some([loss.focal, loss.amplification]);
                Ok(())
            }
        }
    }

    async fn losses(&mut self, waiting: usize) -> Result<Option<[f64; 2]>> {
        match &mut self.gpu {
            Some(gpu) if gpu.pending() > waiting => gpu.losses().await,
            _ => Ok(self.losses.take()),
        }
    }

    async fn record(&mut self, epoch: usize, [focal, amplification]: [f64; 2], lr: f64) -> Result<Record> {
        let (job, settings) = (self.job, &self.job.settings);
        let last = self.last.take().map(|batch| first_of(batch, SHOWN));
        let [residual_normal, residual_anomalous] = match (last, &mut self.gpu) {
            (None, _) => [0.0; 2],
            (Some(data), None) => self.stage.residual_intensity(&job.teacher, &data, settings).await?,
            (Some(data), Some(gpu)) => gpu.residual_intensity(&data, job.sizes()).await?,
        };
        Ok(Record::Amplify(AmplifyRecord {
            epoch: epoch + 1,
            focal,
            amplification,
            residual_normal,
            residual_anomalous,
            lr,
            seconds: 0.0,
        }))
    }

    async fn bring(&mut self) -> Result<()> {
        match &self.gpu {
            Some(gpu) => gpu.bring(&mut self.stage).await,
            None => Ok(()),
        }
    }

    fn candidate(&self, history: &History) -> Aand {
        self.job.candidate(&self.stage.amplifier, self.student, history)
    }

    async fn checkpoint(&mut self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        self.bring().await?;
        let optimizer = match &self.gpu {
            Some(gpu) => (OPTIMIZER, gpu.optimizer_record().await?),
            None => ("optimizer", optimizer_record(&self.stage.optimizer)?),
        };
        Ok(vec![("amplifier", self.weights()?), optimizer])
    }

    fn weights(&self) -> Result<Vec<u8>> {
        module_record(&self.stage.amplifier)
    }

    fn restore(&mut self, weights: Vec<u8>) -> Result<()> {
        self.stage.amplifier = restore_module(self.stage.amplifier.clone(), Some(&weights))?;
        Ok(())
    }
}

/// The first pictures of a batch.
fn first_of(mut data: AmplifyBatch, count: usize) -> AmplifyBatch {
    let all = data.masks.len();
    let count = count.min(all);
    data.pixels.truncate(data.pixels.len() / all * count);
    data.masks.truncate(count);
    data.foregrounds.truncate(count);
    data
}
