//! Stage 2 in the epoch loop, and its source of features.

use super::checkpoint::{Stage, module_record, optimizer_record, restore_module};
use super::epochs::{Record, Trainee};
use super::gpu::{GpuDistill, GpuFeatures, OPTIMIZER};
use super::job::{Event, TrainingJob};
use super::read_back::floats;
use super::run::Run;
use super::{DistillStage, FeatureCache};
use crate::amplification::Amplifier;
use crate::detection::batch;
use crate::model::{Aand, DistillRecord, History};
use crate::picture::normalize;
use crate::student::Student;
use crate::{Error, Result};
use burn::tensor::{Tensor, TensorData};

/// The source of a student's features.
pub(super) enum Source {
    /// The host's cache, with the shape of each level.
    Cpu(FeatureCache, [[usize; 3]; 3]),
    /// Features on the GPU.
    Gpu(GpuFeatures),
    /// Computed again on the CPU for each step, because the pictures vary or are seen in tiles.
    Anew,
}

/// The pictures of a step.
pub(super) enum Batch {
    /// Indices of pictures whose features are cached.
    Known(Vec<usize>),
    /// Normalized pixels `[count, 3, H, W]` of pictures or tiles that occur only in this step.
    Varied(Vec<f32>, usize),
}

/// A student in training.
pub(super) struct Distilling<'a> {
    job: &'a TrainingJob,
    amplifier: &'a Amplifier,
    /// The amplifier on the plain device.
    frozen: Amplifier,
    stage: DistillStage,
    source: Source,
    gpu: Option<Box<GpuDistill>>,
    /// The losses of the CPU's last step, until they are reported.
    losses: Option<[f64; 2]>,
}

impl<'a> Distilling<'a> {
    /// Continues from `stage` and, on a GPU, an optimizer's record.
    ///
    /// # Errors
    /// The device is out of memory, or the record belongs to another training.
    pub async fn of(
        job: &'a TrainingJob,
        amplifier: &'a Amplifier,
        stage: DistillStage,
        source: Source,
        record: Option<Vec<u8>>,
    ) -> Result<Self> {
        let model = job.candidate(amplifier, &stage.student, &History::default());
        let gpu = match job.gpu() {
            Some(gpu) => Some(Box::new(GpuDistill::new(job, gpu, &model, record.as_deref()).await?)),
            None => None,
        };
        Ok(Self { job, amplifier, frozen: model.amplifier, stage, source, gpu, losses: None })
    }

    /// The trained student, and its source of features.
    pub fn end(self) -> (Student, Source) {
        (self.stage.student, self.source)
    }
}

impl Trainee for Distilling<'_> {
    const STAGE: Stage = Stage::Distill;
    type Tools = ();
    type Batch = Batch;

    fn tools(_: &TrainingJob) {}

    fn prepare(job: &TrainingJob, (): &(), epoch: usize, chosen: &[usize]) -> Batch {
        match job.learns_anew() {
            true => Batch::Varied(job.pixels(epoch, chosen), chosen.len()),
            false => Batch::Known(chosen.to_vec()),
        }
    }

    async fn step(&mut self, [epoch, _]: [usize; 2], batch: Batch, lr: f64) -> Result<()> {
        let job = self.job;
        let place = |error| job.with_place(error, epoch);
        let features = match (&mut self.source, &mut self.gpu, batch) {
            (Source::Gpu(features), Some(gpu), Batch::Known(chosen)) => {
                return gpu.step(features, &chosen, lr).map_err(place);
            }
            (Source::Gpu(features), Some(gpu), Batch::Varied(pixels, count)) => {
                return gpu.step_anew(features, &pixels, count, lr).map_err(place);
            }
            (Source::Cpu(cache, shapes), _, Batch::Known(chosen)) => {
                gather(cache, shapes, &chosen, &job.teacher.trunk.stem.weight.device())?
            }
            (_, _, Batch::Varied(pixels, count)) => advanced(job, &self.frozen, pixels, count),
            (..) => return Err(Error::Device("the features are gone".into())),
        };
        let loss = self.stage.step_async(features, &job.settings, lr).await.map_err(place)?;
        self.losses = Some([loss.kd, loss.hkd]);
        Ok(())
    }

    async fn losses(&mut self, waiting: usize) -> Result<Option<[f64; 2]>> {
        match &mut self.gpu {
            Some(gpu) if gpu.pending() > waiting => gpu.losses().await,
            _ => Ok(self.losses.take()),
        }
    }

    async fn record(&mut self, epoch: usize, [kd, hkd]: [f64; 2], lr: f64) -> Result<Record> {
        Ok(Record::Distill(DistillRecord { epoch: epoch + 1, kd, hkd, lr, seconds: 0.0 }))
    }

    async fn bring(&mut self) -> Result<()> {
        match &self.gpu {
            Some(gpu) => gpu.bring(&mut self.stage).await,
            None => Ok(()),
        }
    }

    fn candidate(&self, history: &History) -> Aand {
        self.job.candidate(self.amplifier, &self.stage.student, history)
    }

    async fn checkpoint(&mut self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        self.bring().await?;
        let optimizer = match &self.gpu {
            Some(gpu) => (OPTIMIZER, gpu.optimizer_record().await?),
            None => ("optimizer", optimizer_record(&self.stage.optimizer)?),
        };
        Ok(vec![("amplifier", module_record(self.amplifier)?), ("student", self.weights()?), optimizer])
    }

    fn weights(&self) -> Result<Vec<u8>> {
        module_record(&self.stage.student)
    }

    fn restore(&mut self, weights: Vec<u8>) -> Result<()> {
        self.stage.student = restore_module(self.stage.student.clone(), Some(&weights))?;
        Ok(())
    }
}

impl Run<'_> {
    /// The source of the advanced teacher's features for students; they are computed now for all training
    /// pictures, unless these vary.
    ///
    /// # Errors
    /// The device or the cache failed, or a stop was asked for.
    pub async fn features(&mut self, amplifier: &Amplifier, student: &Student) -> Result<Source> {
        let (job, settings) = (self.job, &self.job.settings);
        let model = job.candidate(amplifier, student, &History::default());
        let all = job.pictures.len();
        if let Some(gpu) = job.gpu() {
            let progress = async |done: usize| self.tell(Event::Caching(done, all)).await;
            let features = GpuFeatures::new(job, gpu, &model, progress).await;
            return features.map(Source::Gpu).map_err(|error| match error {
                Error::Interrupted(_) => self.interrupted(),
                other => other,
            });
        }
        if job.learns_anew() {
            return Ok(Source::Anew);
        }
        let (channels, sizes) = (job.teacher.backbone.channels(), job.sizes());
        let shapes = [0, 1, 2].map(|k| [channels[k], sizes[k].height, sizes[k].width]);
        let length = shapes.iter().map(|s| s.iter().product::<usize>()).sum();
        let mut cache = FeatureCache::new(length, job.cache_budget);
        for chosen in job.pictures.chunks(settings.batch) {
            let pixels = chosen.iter().flat_map(|seen| normalize(&seen.picture)).collect();
            let mut levels = [const { Vec::new() }; 3];
            for (level, feature) in
                levels.iter_mut().zip(advanced(job, &model.amplifier, pixels, chosen.len()))
            {
                *level = floats(feature).await?;
            }
            for i in 0..chosen.len() {
                let one = levels.iter().flat_map(|level| {
                    let length = level.len() / chosen.len();
                    &level[i * length..][..length]
                });
                cache.push(one.copied().collect())?;
            }
            if self.tell(Event::Caching(cache.len(), all)).await {
                return Err(self.interrupted());
            }
        }
        Ok(Source::Cpu(cache, shapes))
    }
}

/// The features `[B, C_k, H_k, W_k]` that a student learns, computed from normalized pixels `[count, 3, H, W]`; the
/// amplifier is on the plain device.
fn advanced(job: &TrainingJob, amplifier: &Amplifier, pixels: Vec<f32>, count: usize) -> [Tensor<4>; 3] {
    let device = job.teacher.trunk.stem.weight.device();
    let teacher = job.teacher.forward(batch(pixels, count, job.settings.size, &device));
    match job.advances() {
        true => amplifier.forward(teacher, job.raa()).map(|a| a.feature),
        false => teacher,
    }
}

/// The features of the chosen pictures, `[B, C_k, H_k, W_k]` by level.
fn gather(
    cache: &mut FeatureCache,
    shapes: &[[usize; 3]; 3],
    chosen: &[usize],
    device: &burn::tensor::Device,
) -> Result<[Tensor<4>; 3]> {
    let mut start = 0;
    let mut level = |[c, h, w]: [usize; 3]| -> Result<Tensor<4>> {
        let range = start..start + c * h * w;
        start = range.end;
        let mut values = Vec::with_capacity(chosen.len() * c * h * w);
        for &i in chosen {
            cache.extend(i, range.clone(), &mut values)?;
        }
        Ok(Tensor::from_data(TensorData::new(values, [chosen.len(), c, h, w]), device))
    };
    Ok([level(shapes[0])?, level(shapes[1])?, level(shapes[2])?])
}
