//! The course of a training: both stages from pictures to a model, observable, interruptible, resumable.

use super::checkpoint::{Checkpoint, Position, Stage};
use super::checkpoint::{module_record, optimizer_record, restore_module, restore_optimizer};
use super::config::Settings;
use super::{AmplifyBatch, AmplifyStage, DistillStage, FeatureCache, Purpose, prefetch, stream};
use crate::detection::{Detector, batch, from_good_scores};
use crate::model::{Aand, AmplifyRecord, DistillRecord, FORMAT_VERSION, History, Info, Selection, Threshold};
use crate::picture::{Mask, Picture, normalise};
use crate::synthesis::{Corrupted, Synthesizer, Textures};
use crate::teacher::Teacher;
use crate::{Error, Result};
use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use rand::seq::SliceRandom;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// What a training needs.
pub struct Course {
    /// All settings.
    pub settings: Settings,
    /// The frozen teacher, on the plain device that computes.
    pub teacher: Teacher,
    /// Where its weights came from, in words.
    pub teacher_source: String,
    /// What the model is of.
    pub name: String,
    /// SHA-256 over the good pictures.
    pub data_fingerprint: String,
    /// Good pictures to train on, `S x S`.
    pub pictures: Vec<Picture>,
    /// Their foregrounds, `S x S`.
    pub foregrounds: Vec<Mask>,
    /// Good pictures held out for the threshold, `S x S`.
    pub held_out: Vec<Picture>,
    /// Where the synthetic anomalies' textures come from.
    pub textures: Textures,
    /// Bytes of cached features to keep in memory.
    pub cache_budget: u64,
    /// The checkpoint file, if the training is to be resumable.
    pub checkpoint: Option<PathBuf>,
    /// Go on from the checkpoint.
    pub resume: bool,
}

/// What happens during a training.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A stage begins (or goes on) at an epoch, counted from 0.
    Begin {
        /// The stage.
        stage: Stage,
        /// The first epoch.
        epoch: usize,
        /// All its epochs.
        epochs: usize,
        /// Steps per epoch.
        steps: usize,
    },
    /// A step was taken.
    Step {
        /// The stage.
        stage: Stage,
        /// The epoch, from 0.
        epoch: usize,
        /// The step within the epoch, from 0.
        step: usize,
        /// Focal and amplification, or KD and HKD.
        losses: [f64; 2],
    },
    /// An epoch of stage 1 is over.
    Amplified(&'a AmplifyRecord),
    /// An epoch of stage 2 is over.
    Distilled(&'a DistillRecord),
    /// The teacher's features are being computed: so many pictures of all.
    Caching(usize, usize),
}

/// Watches a training and may stop it.
pub trait Observer {
    /// Called for every event; [`ControlFlow::Break`] stops after saving a checkpoint.
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()>;

    /// Judges a candidate on test data, higher is better; called every 5 epochs under `--select test` only.
    ///
    /// # Errors
    /// The candidate could not be evaluated.
    fn judge(&mut self, _candidate: &Aand, _stage: Stage) -> Result<f64> {
        Err(Error::Setting("this training has no test data to select on".into()))
    }
}

/// Runs both stages.
///
/// # Errors
/// A setting is impossible, a loss is not a number, the device or a file failed, or the observer asked to
/// stop ([`Error::Interrupted`]); the last checkpoint then stays.
pub fn train(course: &Course, observer: &mut dyn Observer) -> Result<Aand> {
    course.settings.check()?;
    if course.pictures.is_empty() {
        return Err(Error::Training("there are no pictures to train on".into()));
    }
    let saved = match (&course.checkpoint, course.resume) {
        (Some(path), true) if path.exists() => {
            let (checkpoint, records) = Checkpoint::open(path)?;
            course.check_same(&checkpoint)?;
            Some((checkpoint, records))
        }
        _ => None,
    };
    let mut run = Run { course, observer, history: History::default(), best: None, records: Vec::new() };
    let mut position = Position { stage: Stage::Amplify, epoch: 0, step: 0, sums: [0.0; 2] };
    let settings = &course.settings;
    let device = course.teacher.trunk.stem.weight.device();
    let mut rng = stream(settings.seed, Purpose::Amplifier, 0, 0);
    let mut amplify = AmplifyStage::new(&course.teacher, settings, &mut rng, &device);
    let mut rng = stream(settings.seed, Purpose::Student, 0, 0);
    let mut distill = DistillStage::new(course.teacher.backbone, settings, &mut rng, &device);
    if let Some((checkpoint, records)) = &saved {
        (position, run.history, run.best) =
            (checkpoint.position, checkpoint.history.clone(), checkpoint.best);
        amplify.amplifier = restore_module(amplify.amplifier, records.get("amplifier"))?;
        if position.stage == Stage::Amplify {
            amplify.optimizer = restore_optimizer(amplify.optimizer, records.get("optimizer"))?;
        } else {
            distill.student = restore_module(distill.student, records.get("student"))?;
            distill.optimizer = restore_optimizer(distill.optimizer, records.get("optimizer"))?;
        }
        run.records = records
            .iter()
            .filter(|(name, _)| name.starts_with("best."))
            .map(|(name, bytes)| (name.clone(), bytes.clone()))
            .collect();
    }
    if position.stage == Stage::Amplify {
        if settings.amplifies() {
            run.amplify(&mut amplify, &distill, position)?;
        } else {
            // Without stage 1 the residual stays off: the student learns from the vanilla teacher.
        }
        position = Position { stage: Stage::Distill, epoch: 0, step: 0, sums: [0.0; 2] };
    }
    if settings.distils() {
        run.distill(&amplify, &mut distill, position)?;
    }
    let Run { history, .. } = run;
    course.finish(&amplify, &distill, history)
}

impl Course {
    fn steps(&self) -> usize {
        self.pictures.len().div_ceil(self.settings.batch)
    }

    fn teacher_words(&self) -> String {
        format!("{} from {}", self.teacher.backbone, self.teacher_source)
    }

    /// A checkpoint of other data or settings must not be gone on with.
    fn check_same(&self, checkpoint: &Checkpoint) -> Result<()> {
        let differs = if checkpoint.data_fingerprint != self.data_fingerprint {
            "other pictures"
        } else if checkpoint.settings != self.settings {
            "other settings"
        } else if checkpoint.teacher != self.teacher_words() {
            "another teacher"
        } else {
            return Ok(());
        };
        Err(Error::Training(format!(
            "the checkpoint was begun with {differs}; give the same command as then, or train anew without --resume"
        )))
    }

    /// The order of the pictures in an epoch, in batches.
    fn batches(&self, purpose: Purpose, epoch: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.pictures.len()).collect();
        order.shuffle(&mut stream(self.settings.seed, purpose, epoch, 0));
        order.chunks(self.settings.batch).map(<[usize]>::to_vec).collect()
    }

    /// Corrupted pictures for one step of stage 1.
    fn corrupt(&self, synthesizer: &Synthesizer, epoch: usize, chosen: &[usize]) -> AmplifyBatch {
        let one = |&i: &usize| {
            let mut rng = stream(self.settings.seed, Purpose::Synthesis, epoch, i);
            synthesizer.sample(&self.pictures[i], &self.foregrounds[i], &mut rng)
        };
        #[cfg(not(target_arch = "wasm32"))]
        let corrupted: Vec<Corrupted> = {
            use rayon::prelude::*;
            chosen.par_iter().map(one).collect()
        };
        #[cfg(target_arch = "wasm32")]
        let corrupted: Vec<Corrupted> = chosen.iter().map(one).collect();
        let mut batch = AmplifyBatch { pixels: Vec::new(), masks: Vec::new(), foregrounds: Vec::new() };
        for (corrupted, &i) in corrupted.into_iter().zip(chosen) {
            batch.pixels.extend(corrupted.pixels);
            batch.masks.push(corrupted.mask);
            batch.foregrounds.push(self.foregrounds[i].clone());
        }
        batch
    }

    /// A model of the weights as they are, on the plain device.
    fn candidate(&self, amplify: &AmplifyStage, distill: &DistillStage, history: &History) -> Aand {
        let settings = &self.settings;
        let mut raa = settings.raa;
        raa.generator &= settings.amplifies();
        if settings.objective == super::Objective::Contrastive {
            (raa.gate, raa.residual) = (false, crate::amplification::Residual::Learnable);
        }
        Aand {
            teacher: self.teacher.clone(),
            amplifier: amplify.amplifier.valid(),
            student: distill.student.valid(),
            info: Info {
                format_version: FORMAT_VERSION,
                program: concat!("aand ", env!("CARGO_PKG_VERSION")).into(),
                name: self.name.clone(),
                backbone: self.teacher.backbone,
                teacher: self.teacher_words(),
                size: settings.size,
                preprocessing: "RGB, Pillow-exact bicubic to size x size, /255, ImageNet mean and deviation"
                    .into(),
                raa,
                score: settings.score,
                selection: settings.selection,
                threshold: Threshold {
                    value: 1.0,
                    method: "none yet".into(),
                    pictures: 0,
                    reliability: "none yet".into(),
                    reliable: false,
                },
                seed: settings.seed,
                precision: settings.precision,
                training: serde_json::to_value(settings).unwrap_or_default(),
                data_fingerprint: self.data_fingerprint.clone(),
                training_pictures: self.pictures.len(),
                history: history.clone().without_times(),
            },
        }
    }

    /// The finished model with its threshold.
    fn finish(&self, amplify: &AmplifyStage, distill: &DistillStage, history: History) -> Result<Aand> {
        let mut detector = Detector::new(self.candidate(amplify, distill, &history));
        let scores = |pictures: &[Picture]| -> Result<Vec<f64>> {
            let mut scores = Vec::new();
            for some in pictures.chunks(self.settings.batch.min(16)) {
                scores.extend(detector.detect(some)?.into_iter().map(|d| d.score));
            }
            Ok(scores)
        };
        let held_out = scores(&self.held_out)?;
        let trained_on = if held_out.len() < 3 { scores(&self.pictures)? } else { Vec::new() };
        detector.model.info.threshold = from_good_scores(&held_out, &trained_on);
        Ok(detector.model)
    }
}

/// A training under way.
struct Run<'a> {
    course: &'a Course,
    observer: &'a mut dyn Observer,
    history: History,
    best: Option<(f64, usize)>,
    /// Records that go into every checkpoint besides the current ones: the best weights so far.
    records: Vec<(String, Vec<u8>)>,
}

impl Run<'_> {
    fn amplify(&mut self, state: &mut AmplifyStage, student: &DistillStage, from: Position) -> Result<()> {
        let (course, settings) = (self.course, &self.course.settings);
        let synthesizer = Synthesizer::new(settings.size, course.textures.clone());
        let (epochs, steps) = (settings.epochs_amplify, course.steps());
        self.begin(Stage::Amplify, from.epoch, epochs)?;
        for epoch in from.epoch..epochs {
            let started = seconds();
            let first =
                if epoch == from.epoch { from } else { Position { step: 0, sums: [0.0; 2], epoch, ..from } };
            let (mut sums, lr) = (first.sums, settings.lr_at(epoch, epochs));
            let batches = course.batches(Purpose::AmplifyOrder, epoch);
            let mut last = None;
            let make = |step: usize| course.corrupt(&synthesizer, epoch, &batches[step]);
            prefetch(first.step..steps, make, |step, data| {
                let mut rng = stream(settings.seed, Purpose::Pairs, epoch, step);
                if step + 1 == steps {
                    last = Some(data.clone());
                }
                let loss = state.step(&course.teacher, data, settings, lr, &mut rng);
                let loss = loss.map_err(|e| self.with_place(e, epoch))?;
                let losses = [loss.focal, loss.amplification];
                sums = [sums[0] + losses[0], sums[1] + losses[1]];
                let next = Position { stage: Stage::Amplify, epoch, step: step + 1, sums };
                self.stepped(Event::Step { stage: Stage::Amplify, epoch, step, losses }, || {
                    Ok((
                        next,
                        vec![
                            ("amplifier", module_record(&state.amplifier)?),
                            ("optimizer", optimizer_record(&state.optimizer)?),
                        ],
                    ))
                })
            })?;
            let [normal, anomalous] = match last {
                Some(data) => state.residual_intensity(&course.teacher, &first_of(data, 4), settings)?,
                None => [0.0; 2],
            };
            let record = AmplifyRecord {
                epoch: epoch + 1,
                focal: sums[0] / steps as f64,
                amplification: sums[1] / steps as f64,
                residual_normal: normal,
                residual_anomalous: anomalous,
                lr,
                seconds: seconds() - started,
            };
            self.history.amplify.push(record);
            let stop = self.observer.event(Event::Amplified(&record)).is_break();
            if self.due(epoch, epochs) {
                let candidate = course.candidate(state, student, &self.history);
                if self.improves(&candidate, Stage::Amplify, epoch)? {
                    self.keep("best.amplifier", module_record(&state.amplifier)?);
                }
            }
            let next = Position { stage: Stage::Amplify, epoch: epoch + 1, step: 0, sums: [0.0; 2] };
            let records = [
                ("amplifier", module_record(&state.amplifier)?),
                ("optimizer", optimizer_record(&state.optimizer)?),
            ];
            self.save(next, &records)?;
            if stop {
                return Err(self.interrupted());
            }
        }
        if let Some(bytes) = self.take("best.amplifier") {
            state.amplifier = restore_module(state.amplifier.clone(), Some(&bytes))?;
        }
        self.best = None;
        Ok(())
    }

    fn distill(&mut self, amplify: &AmplifyStage, state: &mut DistillStage, from: Position) -> Result<()> {
        let (course, settings) = (self.course, &self.course.settings);
        let (epochs, steps) = (settings.epochs_distill, course.steps());
        let (mut cache, shapes) = self.features(amplify)?;
        let device = course.teacher.trunk.stem.weight.device();
        self.begin(Stage::Distill, from.epoch, epochs)?;
        let amplifier = module_record(&amplify.amplifier)?;
        for epoch in from.epoch..epochs {
            let started = seconds();
            let first =
                if epoch == from.epoch { from } else { Position { step: 0, sums: [0.0; 2], epoch, ..from } };
            let (mut sums, lr) = (first.sums, settings.lr_at(epoch, epochs));
            for (step, chosen) in
                course.batches(Purpose::DistillOrder, epoch).iter().enumerate().skip(first.step)
            {
                let features = gather(&mut cache, &shapes, chosen, &device)?;
                let loss = state.step(features, settings, lr).map_err(|e| self.with_place(e, epoch))?;
                let losses = [loss.kd, loss.hkd];
                sums = [sums[0] + losses[0], sums[1] + losses[1]];
                let next = Position { stage: Stage::Distill, epoch, step: step + 1, sums };
                self.stepped(Event::Step { stage: Stage::Distill, epoch, step, losses }, || {
                    Ok((
                        next,
                        vec![
                            ("amplifier", amplifier.clone()),
                            ("student", module_record(&state.student)?),
                            ("optimizer", optimizer_record(&state.optimizer)?),
                        ],
                    ))
                })?;
            }
            let record = DistillRecord {
                epoch: epoch + 1,
                kd: sums[0] / steps as f64,
                hkd: sums[1] / steps as f64,
                lr,
                seconds: seconds() - started,
            };
            self.history.distill.push(record);
            let stop = self.observer.event(Event::Distilled(&record)).is_break();
            if self.due(epoch, epochs) {
                let candidate = course.candidate(amplify, state, &self.history);
                if self.improves(&candidate, Stage::Distill, epoch)? {
                    self.keep("best.student", module_record(&state.student)?);
                }
            }
            let next = Position { stage: Stage::Distill, epoch: epoch + 1, step: 0, sums: [0.0; 2] };
            let records = [
                ("amplifier", amplifier.clone()),
                ("student", module_record(&state.student)?),
                ("optimizer", optimizer_record(&state.optimizer)?),
            ];
            self.save(next, &records)?;
            if stop {
                return Err(self.interrupted());
            }
        }
        if let Some(bytes) = self.take("best.student") {
            state.student = restore_module(state.student.clone(), Some(&bytes))?;
        }
        Ok(())
    }

    /// The advanced teacher's features of all training pictures, and the shape of each level.
    fn features(&mut self, amplify: &AmplifyStage) -> Result<(FeatureCache, [[usize; 3]; 3])> {
        let (course, settings) = (self.course, &self.course.settings);
        let backbone = course.teacher.backbone;
        let (channels, sides) = (backbone.channels(), backbone.sides(settings.size));
        let shapes = [0, 1, 2].map(|k| [channels[k], sides[k], sides[k]]);
        let length = shapes.iter().map(|s| s.iter().product::<usize>()).sum();
        let mut cache = FeatureCache::new(length, course.cache_budget);
        let device = course.teacher.trunk.stem.weight.device();
        let candidate = course.candidate(
            amplify,
            &DistillStage {
                student: crate::student::Student::new(
                    backbone,
                    &mut stream(0, Purpose::Student, 0, 0),
                    &device,
                ),
                optimizer: super::adam(settings),
            },
            &History::default(),
        );
        for chosen in course.pictures.chunks(settings.batch) {
            let pixels = chosen.iter().flat_map(normalise).collect();
            let x = batch(pixels, chosen.len(), settings.size, &device);
            let teacher = course.teacher.forward(x);
            let advanced = match settings.amplifies() {
                true => candidate.amplifier.forward(teacher, candidate.info.raa).map(|a| a.feature),
                false => teacher,
            };
            let levels = advanced.map(|f| f.into_data().iter::<f32>().collect::<Vec<_>>());
            for i in 0..chosen.len() {
                let one = levels.iter().flat_map(|level| {
                    let length = level.len() / chosen.len();
                    &level[i * length..][..length]
                });
                cache.push(one.copied().collect())?;
            }
            let event = Event::Caching(cache.len(), course.pictures.len());
            if self.observer.event(event).is_break() {
                return Err(self.interrupted());
            }
        }
        Ok((cache, shapes))
    }

    fn begin(&mut self, stage: Stage, epoch: usize, epochs: usize) -> Result<()> {
        let event = Event::Begin { stage, epoch, epochs, steps: self.course.steps() };
        if self.observer.event(event).is_break() { Err(self.interrupted()) } else { Ok(()) }
    }

    /// Reports a step; when asked to stop, saves what `state` gives and stops.
    fn stepped(
        &mut self,
        event: Event<'_>,
        state: impl FnOnce() -> Result<(Position, Vec<(&'static str, Vec<u8>)>)>,
    ) -> Result<()> {
        if self.observer.event(event).is_break() {
            let (position, records) = state()?;
            if position.step < self.course.steps() {
                self.save(position, &records)?;
                return Err(self.interrupted());
            }
        }
        Ok(())
    }

    fn save(&self, position: Position, records: &[(&str, Vec<u8>)]) -> Result<()> {
        let Some(path) = &self.course.checkpoint else { return Ok(()) };
        let checkpoint = Checkpoint {
            position,
            history: self.history.clone(),
            settings: self.course.settings.clone(),
            teacher: self.course.teacher_words(),
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
        let better = self.best.is_none_or(|(best, _)| score > best);
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
            other => other,
        }
    }

    fn interrupted(&self) -> Error {
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
