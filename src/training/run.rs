//! A training under way: the epochs of both stages, what is saved after each, and what is kept.

use super::checkpoint::{Checkpoint, Contents, Position, Stage};
use super::checkpoint::{module_record, optimizer_record, restore_module};
use super::course::{Course, Event, Observer};
use super::gpu::{GpuAmplify, GpuDistill, GpuFeatures, OPTIMIZER};
use super::read::floats;
use super::{AmplifyBatch, AmplifyStage, DistillStage, FeatureCache, Purpose, prefetch_async, stream};
use crate::detection::{Detector, FEWEST, batch, from_good_scores, judge};
use crate::gpu::{Network, Processor};
use crate::inference::Plan;
use crate::model::{
    Aand, AmplifyRecord, DistillRecord, History, NamedTensors, Precision, Selection, tensors_async,
};
use crate::picture::{Picture, normalise};
use crate::synthesis::Synthesizer;
use crate::{Error, Result};
use burn::tensor::{Tensor, TensorData};
use std::sync::Arc;

/// Epochs shorter than this share a checkpoint; Ctrl-C saves one at any step.
const SECONDS_BETWEEN_CHECKPOINTS: f64 = 20.0;

/// A training under way.
pub(super) struct Run<'a> {
    pub course: &'a Course,
    pub contents: Contents,
    pub observer: &'a mut dyn Observer,
    pub history: History,
    pub best: Option<(f64, usize)>,
    /// Records that go into every checkpoint besides the current ones: the best weights so far.
    pub records: Vec<(String, Vec<u8>)>,
    /// When the last checkpoint was written, by [`seconds`].
    pub saved: f64,
    /// A GPU's optimizer of an earlier training, to go on from.
    pub optimizer: Option<Vec<u8>>,
    /// Whether a stop was asked for; at the last step of an epoch the epoch is ended first.
    pub stopping: bool,
}

/// The losses of an epoch that were told so far. A GPU's come a step late.
struct Told {
    stage: Stage,
    epoch: usize,
    /// The next step to tell of.
    step: usize,
    sums: [f64; 2],
}

impl Told {
    /// At the beginning of `epoch`, or in the middle of it where a training goes on.
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

/// What judges the good pictures for the threshold: what trained, which in a browser must be awaited.
enum Judge {
    Cpu(Box<Detector>),
    Gpu(Box<Network>),
}

impl Judge {
    async fn new(model: &Aand, processor: &Processor) -> Result<Self> {
        let tensors = NamedTensors::new(tensors_async(model).await?);
        let plan = Plan::new(&model.info, &tensors)?;
        Ok(match processor {
            Processor::Cpu => Self::Cpu(Box::new(Detector::of_plan(model.info.clone(), plan))),
            Processor::Gpu(gpu) => Self::Gpu(Box::new(Network::new(Arc::clone(gpu), plan, Precision::F32)?)),
        })
    }

    /// The scores of pictures of the model's size.
    async fn scores(&mut self, pictures: &[Picture]) -> Result<Vec<f64>> {
        match self {
            Self::Cpu(detector) => Ok(detector.detect(pictures)?.into_iter().map(|d| d.score).collect()),
            Self::Gpu(network) => {
                let pixels: Vec<f32> = pictures.iter().flat_map(normalise).collect();
                let found = network.maps(&pixels, pictures.len()).await?;
                // The threshold is not known yet; what is not finite is refused all the same.
                found.into_iter().map(|(map, _)| judge(map, 1.0).map(|d| d.score)).collect()
            }
        }
    }
}

/// Where stage 2 has its features from.
enum Source {
    /// The host's cache, and the shape of each level.
    Cpu(FeatureCache, [[usize; 3]; 3]),
    /// The GPU.
    Gpu(GpuFeatures),
}

/// Steps whose losses may be outstanding after a step: one, so that the GPU has work while the host prepares the next;
/// none at the end of an epoch.
fn lag(step: usize, steps: usize) -> usize {
    usize::from(step + 1 < steps)
}

async fn bring_amplifier(gpu: &Option<GpuAmplify>, state: &mut AmplifyStage) -> Result<()> {
    match gpu {
        Some(gpu) => gpu.bring(state).await,
        None => Ok(()),
    }
}

async fn bring_student(gpu: &Option<GpuDistill>, state: &mut DistillStage) -> Result<()> {
    match gpu {
        Some(gpu) => gpu.bring(state).await,
        None => Ok(()),
    }
}

/// What a checkpoint keeps of stage 1; nothing where there are no checkpoints.
async fn amplify_records(
    gpu: &Option<GpuAmplify>,
    state: &mut AmplifyStage,
    course: &Course,
) -> Result<Vec<(&'static str, Vec<u8>)>> {
    if course.checkpoint.is_none() {
        return Ok(Vec::new());
    }
    bring_amplifier(gpu, state).await?;
    let optimizer = match gpu {
        Some(gpu) => (OPTIMIZER, gpu.optimizer_record().await?),
        None => ("optimizer", optimizer_record(&state.optimizer)?),
    };
    Ok(vec![("amplifier", module_record(&state.amplifier)?), optimizer])
}

/// The same of stage 2.
async fn distill_records(
    gpu: &Option<GpuDistill>,
    amplify: &AmplifyStage,
    state: &mut DistillStage,
    course: &Course,
) -> Result<Vec<(&'static str, Vec<u8>)>> {
    if course.checkpoint.is_none() {
        return Ok(Vec::new());
    }
    bring_student(gpu, state).await?;
    let optimizer = match gpu {
        Some(gpu) => (OPTIMIZER, gpu.optimizer_record().await?),
        None => ("optimizer", optimizer_record(&state.optimizer)?),
    };
    let amplifier = ("amplifier", module_record(&amplify.amplifier)?);
    Ok(vec![amplifier, ("student", module_record(&state.student)?), optimizer])
}

impl Run<'_> {
    /// Stage 1 from a position to its end.
    pub async fn amplify(
        &mut self,
        state: &mut AmplifyStage,
        student: &DistillStage,
        from: Position,
    ) -> Result<()> {
        let (course, settings) = (self.course, &self.course.settings);
        let synthesizer = Synthesizer::new(settings.size, course.textures.clone());
        let (epochs, steps) = (settings.epochs_amplify, course.steps());
        let sides = course.teacher.backbone.sides(settings.size);
        let mut gpu = None;
        if let Some(device) = course.gpu() {
            let model = course.candidate(state, student, &History::default());
            gpu = Some(GpuAmplify::new(course, device, &model, self.optimizer.take().as_deref()).await?);
        }
        self.begin(Stage::Amplify, from.epoch, epochs).await?;
        for epoch in from.epoch..epochs {
            let started = seconds();
            let lr = settings.lr_at(epoch, epochs);
            let mut told = Told::from(from, epoch);
            let batches = course.batches(Purpose::AmplifyOrder, epoch);
            let mut last = None;
            let make = |step: usize| course.corrupt(&synthesizer, epoch, &batches[step]);
            prefetch_async(told.step..steps, make, async |step, data| {
                let mut rng = stream(settings.seed, Purpose::Pairs, epoch, step);
                if step + 1 == steps {
                    last = Some(data.clone());
                }
                let stop = match &mut gpu {
                    None => {
                        let loss = state.step_async(&course.teacher, data, settings, lr, &mut rng).await;
                        let loss = loss.map_err(|e| self.with_place(e, epoch))?;
                        self.told(&mut told, [loss.focal, loss.amplification]).await
                    }
                    Some(gpu) => {
                        let given = gpu.step(&data, settings, sides, lr, &mut rng);
                        given.map_err(|e| self.with_place(e, epoch))?;
                        let mut stop = false;
                        while gpu.pending() > lag(step, steps) {
                            let losses = gpu.losses().await.map_err(|e| self.with_place(e, epoch))?;
                            stop |= self.told(&mut told, losses.unwrap_or_default()).await;
                        }
                        stop
                    }
                };
                if !stop || step + 1 == steps {
                    return Ok(());
                }
                if let Some(gpu) = &mut gpu {
                    while let Some(losses) = gpu.losses().await.map_err(|e| self.with_place(e, epoch))? {
                        told.add(losses);
                    }
                }
                let records = amplify_records(&gpu, state, course).await?;
                self.stop(told.next(), records)
            })
            .await?;
            let [normal, anomalous] = match (last, &mut gpu) {
                (None, _) => [0.0; 2],
                (Some(data), None) => {
                    state.residual_intensity(&course.teacher, &first_of(data, 4), settings).await?
                }
                (Some(data), Some(gpu)) => gpu.residual_intensity(&first_of(data, 4), sides).await?,
            };
            let record = AmplifyRecord {
                epoch: epoch + 1,
                focal: told.sums[0] / steps as f64,
                amplification: told.sums[1] / steps as f64,
                residual_normal: normal,
                residual_anomalous: anomalous,
                lr,
                seconds: seconds() - started,
            };
            self.history.amplify.push(record);
            let stop = self.tell(Event::Amplified(&record)).await || self.stopping;
            if self.due(epoch, epochs) {
                bring_amplifier(&gpu, state).await?;
                let candidate = course.candidate(state, student, &self.history);
                if self.improves(&candidate, Stage::Amplify, epoch)? {
                    self.keep("best.amplifier", module_record(&state.amplifier)?);
                }
            }
            let next = Position { stage: Stage::Amplify, epoch: epoch + 1, step: 0, sums: [0.0; 2] };
            if self.course.checkpoint.is_some() && (stop || self.wanted(epoch, epochs)) {
                let records = amplify_records(&gpu, state, course).await?;
                self.save(next, &records)?;
            }
            if stop {
                return Err(self.interrupted());
            }
        }
        bring_amplifier(&gpu, state).await?;
        if let Some(bytes) = self.take("best.amplifier") {
            state.amplifier = restore_module(state.amplifier.clone(), Some(&bytes))?;
        }
        self.best = None;
        Ok(())
    }

    /// Stage 2 from a position to its end.
    pub async fn distill(
        &mut self,
        amplify: &AmplifyStage,
        state: &mut DistillStage,
        from: Position,
    ) -> Result<()> {
        let (course, settings) = (self.course, &self.course.settings);
        let (epochs, steps) = (settings.epochs_distill, course.steps());
        let device = course.teacher.trunk.stem.weight.device();
        let mut source = self.features(amplify, state).await?;
        let mut gpu = None;
        if let Some(device) = course.gpu() {
            let model = course.candidate(amplify, state, &History::default());
            gpu = Some(GpuDistill::new(course, device, &model, self.optimizer.take().as_deref()).await?);
        }
        self.begin(Stage::Distill, from.epoch, epochs).await?;
        for epoch in from.epoch..epochs {
            let started = seconds();
            let lr = settings.lr_at(epoch, epochs);
            let mut told = Told::from(from, epoch);
            for (step, chosen) in
                course.batches(Purpose::DistillOrder, epoch).iter().enumerate().skip(told.step)
            {
                let stop = match (&mut source, &mut gpu) {
                    (Source::Gpu(features), Some(gpu)) => {
                        gpu.step(features, chosen, lr).map_err(|e| self.with_place(e, epoch))?;
                        let mut stop = false;
                        while gpu.pending() > lag(step, steps) {
                            let losses = gpu.losses().await.map_err(|e| self.with_place(e, epoch))?;
                            stop |= self.told(&mut told, losses.unwrap_or_default()).await;
                        }
                        stop
                    }
                    (Source::Cpu(cache, shapes), _) => {
                        let features = gather(cache, shapes, chosen, &device)?;
                        let loss = state.step_async(features, settings, lr).await;
                        let loss = loss.map_err(|e| self.with_place(e, epoch))?;
                        self.told(&mut told, [loss.kd, loss.hkd]).await
                    }
                    (Source::Gpu(_), None) => return Err(Error::Device("the GPU is gone".into())),
                };
                if !stop || step + 1 == steps {
                    continue;
                }
                if let Some(gpu) = &mut gpu {
                    while let Some(losses) = gpu.losses().await.map_err(|e| self.with_place(e, epoch))? {
                        told.add(losses);
                    }
                }
                let records = distill_records(&gpu, amplify, state, course).await?;
                self.stop(told.next(), records)?;
            }
            let record = DistillRecord {
                epoch: epoch + 1,
                kd: told.sums[0] / steps as f64,
                hkd: told.sums[1] / steps as f64,
                lr,
                seconds: seconds() - started,
            };
            self.history.distill.push(record);
            let stop = self.tell(Event::Distilled(&record)).await || self.stopping;
            if self.due(epoch, epochs) {
                bring_student(&gpu, state).await?;
                let candidate = course.candidate(amplify, state, &self.history);
                if self.improves(&candidate, Stage::Distill, epoch)? {
                    self.keep("best.student", module_record(&state.student)?);
                }
            }
            let next = Position { stage: Stage::Distill, epoch: epoch + 1, step: 0, sums: [0.0; 2] };
            if self.course.checkpoint.is_some() && (stop || self.wanted(epoch, epochs)) {
                let records = distill_records(&gpu, amplify, state, course).await?;
                self.save(next, &records)?;
            }
            if stop {
                return Err(self.interrupted());
            }
        }
        bring_student(&gpu, state).await?;
        if let Some(bytes) = self.take("best.student") {
            state.student = restore_module(state.student.clone(), Some(&bytes))?;
        }
        Ok(())
    }

    /// The advanced teacher's features of all training pictures, and the shape of each level.
    async fn features(&mut self, amplify: &AmplifyStage, student: &DistillStage) -> Result<Source> {
        let (course, settings) = (self.course, &self.course.settings);
        let candidate = course.candidate(amplify, student, &History::default());
        if let Some(gpu) = course.gpu() {
            let all = course.pictures.len();
            let progress = async |done: usize| self.tell(Event::Caching(done, all)).await;
            let features = GpuFeatures::new(course, gpu, &candidate, progress).await;
            return features.map(Source::Gpu).map_err(|error| match error {
                Error::Interrupted(_) => self.interrupted(),
                other => other,
            });
        }
        let backbone = course.teacher.backbone;
        let (channels, sides) = (backbone.channels(), backbone.sides(settings.size));
        let shapes = [0, 1, 2].map(|k| [channels[k], sides[k], sides[k]]);
        let length = shapes.iter().map(|s| s.iter().product::<usize>()).sum();
        let mut cache = FeatureCache::new(length, course.cache_budget);
        let device = course.teacher.trunk.stem.weight.device();
        for chosen in course.pictures.chunks(settings.batch) {
            let pixels = chosen.iter().flat_map(normalise).collect();
            let x = batch(pixels, chosen.len(), settings.size, &device);
            let teacher = course.teacher.forward(x);
            let advanced = match course.advances() {
                true => candidate.amplifier.forward(teacher, candidate.info.raa).map(|a| a.feature),
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
            if self.tell(Event::Caching(cache.len(), course.pictures.len())).await {
                return Err(self.interrupted());
            }
        }
        Ok(Source::Cpu(cache, shapes))
    }

    /// The finished model with its threshold.
    pub async fn finish(&mut self, amplify: &AmplifyStage, distill: &DistillStage) -> Result<Aand> {
        let course = self.course;
        let mut model = course.candidate(amplify, distill, &self.history);
        let mut judge = Judge::new(&model, &course.processor).await?;
        // A browser has one thread: between single pictures the page can respond.
        let together = if cfg!(target_arch = "wasm32") { 1 } else { course.settings.batch.min(16) };
        let few = course.held_out.len() < FEWEST;
        let all = course.held_out.len() + if few { course.pictures.len() } else { 0 };
        let (mut held_out, mut trained_on, mut done) = (Vec::new(), Vec::new(), 0);
        for (scores, pictures) in [
            (&mut held_out, course.held_out.as_slice()),
            (&mut trained_on, if few { &course.pictures } else { &[] }),
        ] {
            for some in pictures.chunks(together) {
                scores.extend(judge.scores(some).await?);
                done += some.len();
                if self.tell(Event::Scoring(done, all)).await {
                    return Err(self.interrupted());
                }
            }
        }
        model.info.threshold = from_good_scores(&held_out, &trained_on);
        Ok(model)
    }

    async fn begin(&mut self, stage: Stage, epoch: usize, epochs: usize) -> Result<()> {
        let event = Event::Begin { stage, epoch, epochs, steps: self.course.steps() };
        if self.tell(event).await { Err(self.interrupted()) } else { Ok(()) }
    }

    /// Reports an event; whether to stop.
    pub async fn tell(&mut self, event: Event<'_>) -> bool {
        let stop = self.observer.event(event).is_break();
        self.observer.idle().await;
        stop
    }

    /// Reports the next step's losses; whether to stop.
    async fn told(&mut self, told: &mut Told, losses: [f64; 2]) -> bool {
        let event = Event::Step { stage: told.stage, epoch: told.epoch, step: told.step, losses };
        told.add(losses);
        let stop = self.tell(event).await;
        self.stopping |= stop;
        stop
    }

    /// Stops before a position, which is saved.
    fn stop(&mut self, position: Position, records: Vec<(&str, Vec<u8>)>) -> Result<()> {
        if self.course.checkpoint.is_some() {
            self.save(position, &records)?;
        }
        Err(self.interrupted())
    }

    /// Whether a checkpoint is wanted after an epoch: the first, the last, and where enough time has passed.
    /// One holds all weights twice over (moments included); after each epoch of a second it would take
    /// longer than the epoch.
    fn wanted(&self, epoch: usize, epochs: usize) -> bool {
        self.course.checkpoint.is_some()
            && (epoch == 0 || epoch + 1 == epochs || seconds() - self.saved >= SECONDS_BETWEEN_CHECKPOINTS)
    }

    fn save(&mut self, position: Position, records: &[(&str, Vec<u8>)]) -> Result<()> {
        let Some(path) = &self.course.checkpoint else { return Ok(()) };
        self.saved = seconds();
        let checkpoint = Checkpoint {
            position,
            history: self.history.clone(),
            settings: self.course.settings.clone(),
            teacher: self.course.teacher_words(),
            contents: self.contents.clone(),
            data_fingerprint: self.course.data_fingerprint.clone(),
            best: self.best,
        };
        let mut all = records.to_vec();
        all.extend(self.records.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())));
        checkpoint.save(path, &all)
    }

    /// Whether a candidate is to be judged after this epoch (from 0): method.md 2.10, 4.4.
    fn due(&self, epoch: usize, epochs: usize) -> bool {
        let number = epoch + 1;
        self.course.settings.selection == Selection::Test
            && (number.is_multiple_of(5) && number > 5 || number == epochs)
    }

    fn improves(&mut self, candidate: &Aand, stage: Stage, epoch: usize) -> Result<bool> {
        let score = self.observer.judge(candidate, stage)?;
        // A later candidate wins where the criterion says nothing: a gate that is not trained, no masks, no good
        // pictures. Elsewhere the first of equals stays, as in the official code.
        let silent = |best: f64| score == best && (stage == Stage::Amplify || score == 0.0);
        let better = self.best.is_none_or(|(best, _)| score > best || score.is_nan() || silent(best));
        if better {
            self.best = Some((score, epoch + 1));
        }
        Ok(better)
    }

    fn keep(&mut self, name: &str, bytes: Vec<u8>) {
        self.records.retain(|(n, _)| n != name);
        self.records.push((name.into(), bytes));
    }

    fn take(&mut self, name: &str) -> Option<Vec<u8>> {
        let index = self.records.iter().position(|(n, _)| n == name)?;
        Some(self.records.swap_remove(index).1)
    }

    fn with_place(&self, error: Error, epoch: usize) -> Error {
        let kept = match &self.course.checkpoint {
            Some(path) if path.exists() => format!("; the last good checkpoint is {}", path.display()),
            _ => String::new(),
        };
        match error {
            Error::Training(reason) => {
                Error::Training(format!("{reason} in epoch {}; try a lower --lr{kept}", epoch + 1))
            }
            Error::Device(reason) if !kept.is_empty() => {
                Error::Device(format!("{reason}{kept}: give the same command with --resume to go on from it"))
            }
            other => other,
        }
    }

    pub fn interrupted(&self) -> Error {
        let how = match &self.course.checkpoint {
            Some(path) => format!("saved {}; give the same command with --resume to go on", path.display()),
            None => "nothing was saved".into(),
        };
        Error::Interrupted(format!("stopped: {how}"))
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

/// The first pictures of a batch.
fn first_of(mut data: AmplifyBatch, count: usize) -> AmplifyBatch {
    let all = data.masks.len();
    let count = count.min(all);
    data.pixels.truncate(data.pixels.len() / all * count);
    data.masks.truncate(count);
    data.foregrounds.truncate(count);
    data
}

/// A clock; a browser has none that works here, the web API keeps its own.
fn seconds() -> f64 {
    #[cfg(target_arch = "wasm32")]
    return 0.0;
    #[cfg(not(target_arch = "wasm32"))]
    {
        use std::sync::LazyLock;
        static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
        START.elapsed().as_secs_f64()
    }
}
