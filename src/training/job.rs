//! A training job: both stages from pictures to a model, observable, interruptible, resumable.

use super::amplifying::Amplifying;
use super::checkpoint::{Checkpoint, Contents, Position, Stage};
use super::checkpoint::{check_usable, incomplete, restore_module};
use super::config::{Calibration, Settings};
use super::distilling::Distilling;
use super::epochs::BRANCH_NAME;
use super::film::Film;
use super::gpu::OPTIMIZER;
use super::run::Run;
use super::shown::Shown;
use super::{AmplifyBatch, AmplifyStage, DistillStage, Purpose, stream};
use crate::amplification::{Amplifier, RaaOptions};
use crate::gpu::Processor;
use crate::model::{Aand, AmplifyRecord, DistillRecord, History, Info, Kept, Learned};
use crate::perturbation::vary;
use crate::picture::{Mask, Picture, Remarks, Seen, Size};
use crate::student::Student;
use crate::synthesis::{Corrupted, Synthesizer, Textures};
use crate::teacher::Teacher;
use crate::{Error, Result};
use burn::module::Module;
use burn::tensor::read_sync;
use rand::seq::SliceRandom;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::Pin;

/// What a training needs.
pub struct TrainingJob {
    /// All settings.
    pub settings: Settings,
    /// The frozen teacher, on the plain CPU device.
    pub teacher: Teacher,
    /// The device that computes both stages and the threshold.
    pub processor: Processor,
    /// The origin of the teacher's weights, in words.
    pub teacher_source: String,
    /// The model's name.
    pub name: String,
    /// SHA-256 over the good pictures.
    pub data_fingerprint: String,
    /// Those of them that are trained on, and those of the model that `start` comes from.
    pub learned: Learned,
    /// Good pictures to train on, as the network receives them, or unchanged if it looks at tiles.
    pub pictures: Vec<Seen<'static>>,
    /// Their foregrounds, at the same size.
    pub foregrounds: Vec<Mask>,
    /// Good pictures held out for the threshold.
    pub held_out: Vec<Seen<'static>>,
    /// Remarks about how the good pictures are stored.
    pub remarks: Remarks,
    /// Where the synthetic anomalies' textures come from.
    pub textures: Textures,
    /// Bytes of cached features to keep in memory.
    pub cache_budget: u64,
    /// The checkpoint file, if the training is to be resumable.
    pub checkpoint: Option<PathBuf>,
    /// Continue from the checkpoint.
    pub resume: bool,
    /// Amplifier and student of an earlier model to continue from, on the autodiff device; otherwise fresh
    /// ones.
    pub start: Option<(Amplifier, Student)>,
}

/// An event of a training.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A stage begins (or continues) at an epoch, counted from 0.
    Begin {
        /// The stage.
        stage: Stage,
        /// The first epoch.
        epoch: usize,
        /// Number of its epochs.
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
    /// The teacher's features are being computed: pictures done, and all.
    Caching(usize, usize),
    /// The threshold is being computed: steps and pictures done, and all.
    Scoring(usize, usize),
}

/// Watches a training and may stop it.
pub trait Observer {
    /// Called for every event; [`ControlFlow::Break`] stops after saving a checkpoint.
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()>;

    /// Awaited after every event. If one thread does everything, as in a browser, this lets others run; it may
    /// take as long as the training should pause.
    fn idle(&mut self) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(std::future::ready(()))
    }

    /// Whether the present model is wanted; called after the event that ends an epoch.
    fn wants_model(&self) -> bool {
        false
    }

    /// Receives the file of the present model, if it was wanted. It has no threshold yet.
    fn model(&mut self, _bytes: Vec<u8>) {}

    /// The film of the training, if one is wanted.
    fn film(&mut self) -> Option<&mut Film> {
        None
    }

    /// Judges a candidate on test data, higher is better; called every 5 epochs, only with `--select test`.
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
pub fn train(job: &TrainingJob, observer: &mut dyn Observer) -> Result<Aand> {
    read_sync(train_async(job, observer))
}

/// As [`train`], if reading from the device must be awaited.
///
/// # Errors
/// As [`train`].
pub async fn train_async(job: &TrainingJob, observer: &mut dyn Observer) -> Result<Aand> {
    job.settings.check()?;
    if job.pictures.is_empty() {
        return Err(Error::Training("there are no pictures to train on".into()));
    }
    let contents = match job.checkpoint {
        Some(_) => Contents::of(&job.teacher, &job.textures),
        None => Contents::default(),
    };
    let saved = match (&job.checkpoint, job.resume) {
        (Some(path), true) if path.exists() => {
            let (checkpoint, records) = Checkpoint::open(path)?;
            job.check_same(&checkpoint, &contents)?;
            Some((checkpoint, records))
        }
        _ => None,
    };
    let mut run = Run::new(job, contents, observer);
    let mut position = Position { stage: Stage::Amplify, epoch: 0, step: 0, sums: [0.0; 2] };
    let settings = &job.settings;
    let (mut amplifier, mut student) = job.fresh();
    let (mut optimizer, mut gpu_optimizer) = (None, None);
    if let Some((checkpoint, mut records)) = saved {
        amplifier = restore_module(amplifier, records.get("amplifier"))?;
        check_usable(&amplifier, "amplifier").await?;
        job.check_device(&records)?;
        if checkpoint.position.stage == Stage::Distill {
            student = restore_module(student, records.get("student"))?;
            check_usable(&student, "student").await?;
        }
        (optimizer, gpu_optimizer) = (records.remove("optimizer"), records.remove(OPTIMIZER));
        if optimizer.is_none() && gpu_optimizer.is_none() {
            return Err(incomplete());
        }
        (position, run.history, run.best) = (checkpoint.position, checkpoint.history, checkpoint.best);
        run.records = records
            .into_iter()
            .filter(|(name, _)| name.starts_with("best.") || name == BRANCH_NAME)
            .collect();
    }
    if position.stage == Stage::Amplify {
        // Without stage 1 the residual stays off, and the student learns from the plain teacher.
        if settings.amplifies() {
            let stage = AmplifyStage::of(amplifier, settings);
            let stage = stage.resume(optimizer.take())?;
            let mut trainee = Amplifying::new(job, stage, &student, gpu_optimizer.take()).await?;
            run.epochs(&mut trainee, position).await?;
            amplifier = trainee.end();
        }
        position = Position { stage: Stage::Distill, epoch: 0, step: 0, sums: [0.0; 2] };
    }
    let mut source = None;
    if settings.distils() {
        let stage = DistillStage::of(student, settings).resume(optimizer)?;
        let features = run.features(&amplifier, &stage.student).await?;
        let mut trainee = Distilling::of(job, &amplifier, stage, features, gpu_optimizer).await?;
        run.epochs(&mut trainee, position).await?;
        let (trained, features) = trainee.end();
        (student, source) = (trained, Some(features));
    }
    let model = job.candidate(&amplifier, &student, &run.history);
    run.finish(model, &amplifier, source).await
}

/// Only stage 2, continuing from [`TrainingJob::start`]; the model gets no threshold and keeps no pictures.
///
/// # Errors
/// As [`train`].
pub async fn distill_further(job: &TrainingJob, observer: &mut dyn Observer) -> Result<Aand> {
    job.settings.check()?;
    if job.pictures.is_empty() {
        return Err(Error::Training("there are no pictures to train on".into()));
    }
    let mut run = Run::new(job, Contents::default(), observer);
    let (amplifier, student) = job.fresh();
    let stage = DistillStage::of(student, &job.settings);
    let features = run.features(&amplifier, &stage.student).await?;
    let mut trainee = Distilling::of(job, &amplifier, stage, features, None).await?;
    run.epochs(&mut trainee, Position { stage: Stage::Distill, epoch: 0, step: 0, sums: [0.0; 2] }).await?;
    let (student, _) = trainee.end();
    Ok(job.candidate(&amplifier, &student, &run.history))
}

impl TrainingJob {
    /// Number of steps in an epoch.
    pub fn steps(&self) -> usize {
        self.items().div_ceil(self.settings.batch)
    }

    /// Positions of the teacher's three levels.
    pub(super) fn sizes(&self) -> [Size; 3] {
        self.teacher.backbone.sizes(self.settings.size)
    }

    /// The initial amplifier and student, on the autodiff device.
    fn fresh(&self) -> (Amplifier, Student) {
        if let Some(start) = &self.start {
            return start.clone();
        }
        let settings = &self.settings;
        let device = self.teacher.trunk.stem.weight.device().autodiff();
        let mut rng = stream(settings.seed, Purpose::Amplifier, 0, 0);
        let items = settings.raa.memory_items;
        let amplifier = Amplifier::new(self.teacher.backbone, settings.size, items, &mut rng, &device);
        (amplifier, self.fresh_student(Purpose::Student, 0))
    }

    /// An initial student, on the autodiff device: the earlier model's, or one drawn from the stream `(purpose,
    /// index)`.
    pub(super) fn fresh_student(&self, purpose: Purpose, index: usize) -> Student {
        if let Some((_, student)) = &self.start {
            return student.clone();
        }
        let device = self.teacher.trunk.stem.weight.device().autodiff();
        let mut rng = stream(self.settings.seed, purpose, index, 0);
        Student::new(self.teacher.backbone, &mut rng, &device)
    }

    /// Whether the threshold uses students that leave pictures out.
    pub(super) fn leaves_out(&self) -> bool {
        let all = self.pictures.len() + self.held_out.len();
        matches!(self.settings.calibration(all), Calibration::LeftOut(_)) && !self.held_out.is_empty()
    }

    /// Whether the student learns from the advanced teacher.
    pub(super) fn advances(&self) -> bool {
        self.settings.amplifies() || self.start.is_some()
    }

    pub(super) fn teacher_words(&self) -> String {
        format!("{} from {}", self.teacher.backbone, self.teacher_source)
    }

    /// Refuses to resume from a checkpoint with other data or settings.
    fn check_same(&self, checkpoint: &Checkpoint, contents: &Contents) -> Result<()> {
        let differs = if checkpoint.data_fingerprint != self.data_fingerprint {
            "other pictures"
        } else if checkpoint.settings != self.settings {
            "other settings"
        } else if checkpoint.teacher != self.teacher_words()
            || checkpoint.contents.teacher != contents.teacher
        {
            "another teacher"
        } else if checkpoint.contents.textures != contents.textures {
            "other textures"
        } else {
            return Ok(());
        };
        Err(Error::Training(format!(
            "the checkpoint was begun with {differs}; give the same command as then, or train anew without `resume`"
        )))
    }

    /// Refuses the optimizer state of a GPU training on the CPU, and the other way around.
    fn check_device(&self, records: &HashMap<String, Vec<u8>>) -> Result<()> {
        let (begun, flag) = match (records.contains_key(OPTIMIZER), self.gpu().is_some()) {
            (true, false) => ("a GPU", "gpu"),
            (false, true) => ("the CPU", "cpu"),
            _ => return Ok(()),
        };
        Err(Error::Training(format!(
            "the checkpoint was begun on {begun}; go on with `device {flag}`, or train anew without `resume`"
        )))
    }

    /// Adds to an error of a step the epoch, and which checkpoint is kept.
    pub(super) fn with_place(&self, error: Error, epoch: usize) -> Error {
        let kept = match &self.checkpoint {
            Some(path) if path.exists() => format!("; the last good checkpoint is {}", path.display()),
            _ => String::new(),
        };
        match error {
            Error::Training(reason) => {
                Error::Training(format!("{reason} in epoch {}; try a lower `lr`{kept}", epoch + 1))
            }
            Error::Device(reason) if !kept.is_empty() => {
                Error::Device(format!("{reason}{kept}: give the same command with `resume` to go on from it"))
            }
            other => other,
        }
    }

    /// The pictures of an epoch in random order, in batches.
    pub(super) fn batches(&self, purpose: Purpose, epoch: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..self.items()).collect();
        order.shuffle(&mut stream(self.settings.seed, purpose, epoch, 0));
        order.chunks(self.settings.batch).map(<[usize]>::to_vec).collect()
    }

    /// The shown picture `i`, varied with the stream `(purpose, epoch, i)`, or unchanged if no variation was asked for.
    /// Stage 1 moves nothing, because its foregrounds do not move.
    pub(super) fn varied<'a>(
        &self,
        picture: Cow<'a, Picture>,
        i: usize,
        purpose: Purpose,
        epoch: usize,
    ) -> Cow<'a, Picture> {
        let kinds = self.settings.augment.iter().copied();
        let kinds: Vec<_> = kinds.filter(|k| purpose != Purpose::AmplifyVariation || !k.moves()).collect();
        match kinds.is_empty() {
            true => picture,
            false => {
                let mut rng = stream(self.settings.seed, purpose, epoch, i);
                Cow::Owned(vary(&picture, &kinds, &mut rng))
            }
        }
    }

    /// Whether features are computed again for every step.
    pub(super) fn learns_anew(&self) -> bool {
        self.settings.view.tiles.is_some() || !self.settings.augment.is_empty()
    }

    /// Corrupted pictures for one step of stage 1.
    pub(super) fn corrupt(&self, synthesizer: &Synthesizer, epoch: usize, chosen: &[usize]) -> AmplifyBatch {
        let rule = self.settings.foreground;
        let one = |&i: &usize| {
            let mut rng = stream(self.settings.seed, Purpose::Synthesis, epoch, i);
            let shown = self.shown(Purpose::AmplifyTile, epoch, i);
            let place = shown.place(&rule, epoch + i).into_owned();
            let Shown { picture, foreground, allowed } = shown;
            let picture = self.varied(picture, i, Purpose::AmplifyVariation, epoch);
            let normal = rule.normal(&foreground);
            let normal = match allowed {
                Some(allowed) => allowed.and(&normal),
                None => normal,
            };
            (synthesizer.sample(&picture, &place, &mut rng), normal)
        };
        #[cfg(not(target_arch = "wasm32"))]
        let corrupted: Vec<(Corrupted, Mask)> = {
            use rayon::prelude::*;
            chosen.par_iter().map(one).collect()
        };
        #[cfg(target_arch = "wasm32")]
        let corrupted: Vec<(Corrupted, Mask)> = chosen.iter().map(one).collect();
        let mut batch = AmplifyBatch { pixels: Vec::new(), masks: Vec::new(), foregrounds: Vec::new() };
        for (corrupted, normal) in corrupted {
            batch.pixels.extend(corrupted.pixels);
            batch.masks.push(corrupted.mask);
            batch.foregrounds.push(normal);
        }
        batch
    }

    /// Which parts of the RAA a model of this job uses.
    pub(super) fn raa(&self) -> RaaOptions {
        let mut raa = self.settings.raa;
        raa.generator &= self.advances();
        if self.settings.objective == super::Objective::Contrastive {
            (raa.gate, raa.residual) = (false, crate::amplification::Residual::Learnable);
        }
        raa
    }

    /// A model with the present weights, on the plain device.
    pub(super) fn candidate(&self, amplifier: &Amplifier, student: &Student, history: &History) -> Aand {
        let settings = &self.settings;
        Aand {
            teacher: self.teacher.clone(),
            amplifier: amplifier.valid(),
            student: student.valid(),
            info: Info {
                format_version: Info::format_for(settings.range, settings.size, &settings.view),
                teacher: self.teacher_words(),
                range: settings.range,
                raa: self.raa(),
                score: settings.score,
                selection: settings.selection,
                seed: settings.seed,
                precision: settings.precision,
                training: serde_json::to_value(settings).unwrap_or_default(),
                data_fingerprint: self.data_fingerprint.clone(),
                training_pictures: self.pictures.len(),
                learned: self.learned.clone(),
                history: history.clone().without_times(),
                ..Info::new(self.name.clone(), self.teacher.backbone, settings.size, settings.view.clone())
            },
            kept: Kept::default(),
        }
    }
}
