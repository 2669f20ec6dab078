//! The training of a refinement: stage 2 from the model's own student, on kept and new pictures.

use super::Settings;
use crate::Result;
use crate::amplification::Amplifier;
use crate::model::{Aand, Info};
use crate::picture::{Mask, Seen};
use crate::student::Student;
use crate::teacher::Teacher;
use crate::training::{self, Course, Observer, distill_further};

/// What stays the same for every student of a refinement.
pub(super) struct Plan<'a> {
    pub info: &'a Info,
    pub settings: &'a Settings,
    /// On the plain device.
    pub teacher: &'a Teacher,
    /// The model's amplifier and student, on the autodiff device.
    pub start: (Amplifier, Student),
}

impl Plan<'_> {
    /// The model after its student went on on `kept` and `new` pictures; without a threshold of its own.
    pub async fn go_on(
        &self,
        kept: &[&Seen<'static>],
        new: &[&Seen<'static>],
        observer: &mut dyn Observer,
    ) -> Result<Aand> {
        let (info, settings) = (self.info, self.settings);
        // As many new ones as kept ones, so that neither are drowned by the others.
        let pictures: Vec<Seen<'static>> = (kept.iter().copied())
            .chain(new.iter().cycle().take(share(kept.len(), new.len())).copied())
            .cloned()
            .collect();
        let earlier: training::Settings = serde_json::from_value(info.training.clone()).unwrap_or_default();
        let settings = training::Settings {
            size: info.size,
            view: info.view.clone(),
            seed: settings.seed,
            epochs_amplify: 0,
            epochs_distill: settings.epochs,
            batch: settings.batch,
            lr: settings.lr,
            hardest: earlier.hardest,
            raa: info.raa,
            range: info.range,
            precision: info.precision,
            keep: 0,
            ..training::Settings::default()
        };
        settings.check()?;
        let foregrounds = pictures.iter().map(|_| Mask::filled(1, 1, true)).collect();
        let course = Course {
            pictures,
            foregrounds,
            start: Some(self.start.clone()),
            processor: self.settings.processor.clone(),
            ..Course::of(Vec::new(), settings, self.teacher.clone(), info.teacher.clone())
        };
        distill_further(&course, observer).await
    }

    /// Steps of the student that learns from so many kept and new pictures.
    pub fn steps(&self, kept: usize, new: usize) -> usize {
        (kept + share(kept, new)).div_ceil(self.settings.batch.max(1)) * self.settings.epochs
    }
}

/// How many times any new picture is in an epoch, all together.
fn share(kept: usize, new: usize) -> usize {
    if new == 0 { 0 } else { kept.max(new) }
}
