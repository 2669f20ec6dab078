//! Stage 2 in the epoch loop, and the features that it learns from.

use super::checkpoint::{Stage, module_record, optimizer_record, restore_module};
use super::course::{Course, Event};
use super::epochs::{Record, Trainee};
use super::gpu::{GpuDistill, GpuFeatures, OPTIMIZER};
use super::read::floats;
use super::run::Run;
use super::{DistillStage, FeatureCache};
use crate::amplification::Amplifier;
use crate::detection::batch;
use crate::model::{Aand, DistillRecord, History};
use crate::picture::normalise;
use crate::student::Student;
use crate::{Error, Result};
use burn::tensor::{Tensor, TensorData};

/// Where the student has its features from, and what takes the steps.
enum Engine {
    /// The host's cache with the shape of each level, and the CPU.
    Cpu(FeatureCache, [[usize; 3]; 3]),
    /// The GPU; its features are made before it.
    Gpu(GpuFeatures, Box<GpuDistill>),
}

/// The student in training.
pub(super) struct Distilling<'a> {
    course: &'a Course,
    amplifier: &'a Amplifier,
    stage: DistillStage,
    engine: Engine,
    /// The losses of the CPU's last step, until they are told.
    losses: Option<[f64; 2]>,
}

impl<'a> Distilling<'a> {
    /// Goes on from `stage` and, on a GPU, an optimizer's record; computes the features of all pictures first.
    ///
    /// # Errors
    /// The device or the cache failed, a stop was asked for, or the record is of another training.
    pub async fn new(
        run: &mut Run<'a>,
        amplifier: &'a Amplifier,
        stage: DistillStage,
        record: Option<Vec<u8>>,
    ) -> Result<Self> {
        let course = run.course;
        let model = course.candidate(amplifier, &stage.student, &History::default());
        let engine = match course.gpu() {
            Some(gpu) => {
                let all = course.pictures.len();
                let progress = async |done: usize| run.tell(Event::Caching(done, all)).await;
                let features = GpuFeatures::new(course, gpu, &model, progress).await;
                let features = features.map_err(|error| match error {
                    Error::Interrupted(_) => run.interrupted(),
                    other => other,
                })?;
                let steps = GpuDistill::new(course, gpu, &model, record.as_deref()).await?;
                Engine::Gpu(features, Box::new(steps))
            }
            None => {
                let (cache, shapes) = features(run, &model).await?;
                Engine::Cpu(cache, shapes)
            }
        };
        Ok(Self { course, amplifier, stage, engine, losses: None })
    }

    /// The trained student.
    pub fn end(self) -> Student {
        self.stage.student
    }
}

impl Trainee for Distilling<'_> {
    const STAGE: Stage = Stage::Distill;
    type Tools = ();
    type Batch = Vec<usize>;

    fn tools(_: &Course) {}

    fn prepare(_: &Course, (): &(), _: usize, chosen: &[usize]) -> Vec<usize> {
        chosen.to_vec()
    }

    async fn step(&mut self, [epoch, _]: [usize; 2], chosen: Vec<usize>, lr: f64) -> Result<()> {
        let place = |error| self.course.with_place(error, epoch);
        match &mut self.engine {
            Engine::Gpu(features, gpu) => gpu.step(features, &chosen, lr).map_err(place),
            Engine::Cpu(cache, shapes) => {
                let device = self.course.teacher.trunk.stem.weight.device();
                let features = gather(cache, shapes, &chosen, &device)?;
                let loss = self.stage.step_async(features, &self.course.settings, lr).await;
                let loss = loss.map_err(place)?;
                self.losses = Some([loss.kd, loss.hkd]);
                Ok(())
            }
        }
    }

    async fn losses(&mut self, waiting: usize) -> Result<Option<[f64; 2]>> {
        match &mut self.engine {
            Engine::Gpu(_, gpu) if gpu.pending() > waiting => gpu.losses().await,
            _ => Ok(self.losses.take()),
        }
    }

    async fn record(&mut self, epoch: usize, [kd, hkd]: [f64; 2], lr: f64) -> Result<Record> {
        Ok(Record::Distill(DistillRecord { epoch: epoch + 1, kd, hkd, lr, seconds: 0.0 }))
    }

    async fn bring(&mut self) -> Result<()> {
        match &self.engine {
            Engine::Gpu(_, gpu) => gpu.bring(&mut self.stage).await,
            Engine::Cpu(..) => Ok(()),
        }
    }

    fn candidate(&self, history: &History) -> Aand {
        self.course.candidate(self.amplifier, &self.stage.student, history)
    }

    async fn checkpoint(&mut self) -> Result<Vec<(&'static str, Vec<u8>)>> {
        self.bring().await?;
        let optimizer = match &self.engine {
            Engine::Gpu(_, gpu) => (OPTIMIZER, gpu.optimizer_record().await?),
            Engine::Cpu(..) => ("optimizer", optimizer_record(&self.stage.optimizer)?),
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

/// The advanced teacher's features of all training pictures, and the shape of each level.
async fn features(run: &mut Run<'_>, model: &Aand) -> Result<(FeatureCache, [[usize; 3]; 3])> {
    let (course, settings) = (run.course, &run.course.settings);
    let (channels, sides) = (course.teacher.backbone.channels(), course.sides());
    let shapes = [0, 1, 2].map(|k| [channels[k], sides[k], sides[k]]);
    let length = shapes.iter().map(|s| s.iter().product::<usize>()).sum();
    let mut cache = FeatureCache::new(length, course.cache_budget);
    let device = course.teacher.trunk.stem.weight.device();
    for chosen in course.pictures.chunks(settings.batch) {
        let pixels = chosen.iter().flat_map(normalise).collect();
        let x = batch(pixels, chosen.len(), settings.size, &device);
        let teacher = course.teacher.forward(x);
        let advanced = match course.advances() {
            true => model.amplifier.forward(teacher, model.info.raa).map(|a| a.feature),
            false => teacher,
        };
        let mut levels = [const { Vec::new() }; 3];
        for (level, feature) in levels.iter_mut().zip(advanced) {
            *level = floats(feature).await?;
        }
        for i in 0..chosen.len() {
            let one = levels.iter().flat_map(|level| {
                let length = level.len() / chosen.len();
                &level[i * length..][..length]
            });
            cache.push(one.copied().collect())?;
        }
        if run.tell(Event::Caching(cache.len(), course.pictures.len())).await {
            return Err(run.interrupted());
        }
    }
    Ok((cache, shapes))
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
