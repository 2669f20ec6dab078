//! The threshold at the end of a training: which good pictures are scored for it, and by which student.

use super::config::Settings;
use super::distilling::Source;
use super::job::Event;
use super::run::Run;
use super::{Purpose, stream};
use crate::Result;
use crate::amplification::Amplifier;
use crate::detection::{Detector, from_good_scores, guess};
use crate::gpu::Processor;
use crate::inference::Plan;
use crate::model::{Aand, Basis, NamedTensors, Precision, tensors_async};
use crate::perturbation::vary;
use crate::picture::Seen;
use std::borrow::Cow;

/// Pictures computed at once. A browser has one thread, so there the page can respond between single
/// pictures.
pub const TOGETHER: usize = if cfg!(target_arch = "wasm32") { 1 } else { 16 };

/// Judges pictures with a model, on the device that trained it; in a browser it must be awaited.
pub struct Judge(Detector);

impl Judge {
    /// The judge with a model.
    ///
    /// # Errors
    /// The device failed.
    pub async fn new(model: &Aand, processor: &Processor) -> Result<Self> {
        let tensors = NamedTensors::new(tensors_async(model).await?);
        let plan = Plan::new(&model.info, &tensors)?;
        Detector::of_plan(model.info.clone(), plan, processor, Precision::F32).map(Self)
    }

    /// The scores of pictures as the model sees them.
    ///
    /// # Errors
    /// The device failed.
    pub async fn scores(&self, pictures: &[Seen<'_>]) -> Result<Vec<f64>> {
        let mut scores = Vec::with_capacity(pictures.len());
        for some in pictures.chunks(TOGETHER) {
            for map in self.0.look(some, &mut |_, _| {}).await? {
                scores.push(self.0.score(&map)?);
            }
        }
        Ok(scores)
    }
}

impl Run<'_> {
    /// Gives the finished `model` its threshold. `source` is its student's source of features, if there is one.
    ///
    /// # Errors
    /// The device failed, or a stop was asked for.
    pub async fn finish(
        &mut self,
        mut model: Aand,
        amplifier: &Amplifier,
        source: Option<Source>,
    ) -> Result<Aand> {
        let (job, asked) = (self.job, self.job.settings.false_alarms);
        let (fit, held) = (job.pictures.len(), job.held_out.len());
        model.info.threshold = match source {
            Some(source) if job.leaves_out() => {
                let scores = self.left_out(&model, amplifier, source).await?;
                from_good_scores(&scores, asked, Basis::LeftOut)
            }
            _ if held > 0 => {
                let scores = self.scores(&model, &job.held_out, &mut 0, held).await?;
                from_good_scores(&scores, asked, Basis::HeldOut)
            }
            _ => guess(&self.scores(&model, &job.pictures, &mut 0, fit).await?),
        };
        self.keep_pictures(&mut model).await?;
        Ok(model)
    }

    /// The scores of pictures as the model sees them; reports `done` of `all`. If pictures vary in training, the
    /// threshold should be right for varied pictures too, so the score is the higher of the unchanged and the varied
    /// picture's.
    pub async fn scores(
        &mut self,
        model: &Aand,
        pictures: &[Seen<'_>],
        done: &mut usize,
        all: usize,
    ) -> Result<Vec<f64>> {
        let Settings { augment, batch, seed, .. } = &self.job.settings;
        let judge = Judge::new(model, &self.job.processor).await?;
        let mut scores = Vec::with_capacity(pictures.len());
        for some in pictures.chunks((*batch).min(TOGETHER)) {
            let from = scores.len();
            scores.extend(judge.scores(some).await?);
            if !augment.is_empty() {
                let varied: Vec<Seen<'_>> = (some.iter().enumerate())
                    .map(|(i, seen)| {
                        let mut rng = stream(*seed, Purpose::ThresholdVariation, 0, from + i);
                        let picture = Cow::Owned(vary(&seen.picture, augment, &mut rng));
                        Seen { picture, native: seen.native }
                    })
                    .collect();
                let varied = judge.scores(&varied).await?;
                scores[from..].iter_mut().zip(varied).for_each(|(score, other)| *score = score.max(other));
            }
            *done += some.len();
            if self.tell(Event::Scoring(*done, all)).await {
                return Err(self.interrupted());
            }
        }
        Ok(scores)
    }
}
