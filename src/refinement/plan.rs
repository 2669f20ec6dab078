//! The training of a refinement: stage 2, starting from the model's own student, on kept and new pictures.

use super::Settings;
use crate::amplification::Amplifier;
use crate::model::{Aand, Info};
use crate::perturbation::Perturbation;
use crate::picture::{Mask, Seen};
use crate::student::Student;
use crate::teacher::Teacher;
use crate::training::{self, Observer, TrainingJob, distill_further};
use crate::{Error, Result};
use serde::Deserialize;
use std::path::Path;

/// The settings of a model's training that also apply to its refinements.
#[derive(Debug, Deserialize)]
pub(super) struct Earlier {
    /// As in [`training::Settings`].
    pub hardest: usize,
    /// The changes with which pictures are varied; absent in the file if there are none.
    #[serde(default)]
    pub augment: Vec<Perturbation>,
    /// How many pictures to keep; if the file does not say, as many as it has.
    #[serde(default)]
    pub keep: usize,
}

impl Earlier {
    /// From the model file `name`. Other settings in it may be missing or unknown, but guessing these would train the
    /// student differently than before.
    pub fn of(info: &Info, name: &Path) -> Result<Self> {
        Self::deserialize(&info.training).map_err(|e| {
            Error::model(name, format!("the settings of its training cannot be read ({e}); train it again"))
        })
    }
}

/// The settings shared by every student of a refinement.
pub(super) struct StudentPlan<'a> {
    pub info: &'a Info,
    pub settings: &'a Settings,
    pub earlier: &'a Earlier,
    /// The teacher, on the plain device.
    pub teacher: &'a Teacher,
    /// The model's amplifier and student, on the autodiff device.
    pub start: (Amplifier, Student),
}

impl StudentPlan<'_> {
    /// The model after its student learned further from `kept` and `new` pictures; without a threshold of its
    /// own.
    pub async fn go_on(
        &self,
        kept: &[&Seen<'static>],
        new: &[&Seen<'static>],
        observer: &mut dyn Observer,
    ) -> Result<Aand> {
        // As many new ones as kept ones, so that neither kind dominates.
        let pictures: Vec<Seen<'static>> = (kept.iter().copied())
            .chain(new.iter().cycle().take(share(kept.len(), new.len())).copied())
            .cloned()
            .collect();
        let settings = further(self.info, self.settings, self.earlier);
        settings.check()?;
        let foregrounds = pictures.iter().map(|_| Mask::filled(1, 1, true)).collect();
        let job = TrainingJob {
            pictures,
            foregrounds,
            start: Some(self.start.clone()),
            processor: self.settings.processor.clone(),
            ..TrainingJob::of(Vec::new(), settings, self.teacher.clone(), self.info.teacher.clone())
        };
        distill_further(&job, observer).await
    }

    /// Number of steps of a student that learns from these numbers of kept and new pictures.
    pub fn steps(&self, kept: usize, new: usize) -> usize {
        (kept + share(kept, new)).div_ceil(self.settings.batch.max(1)) * self.settings.epochs
    }
}

/// The settings of a student's training, combined from those of the refinement and of the model's own
/// training.
fn further(info: &Info, settings: &Settings, earlier: &Earlier) -> training::Settings {
    training::Settings {
        size: info.size,
        view: info.view.clone(),
        seed: settings.seed,
        epochs_amplify: 0,
        epochs_distill: settings.epochs,
        batch: settings.batch,
        lr: settings.lr,
        hardest: earlier.hardest,
        augment: earlier.augment.clone(),
        raa: info.raa,
        range: info.range,
        precision: info.precision,
        keep: 0,
        ..training::Settings::default()
    }
}

/// How many new pictures an epoch has in total, counting repetitions.
fn share(kept: usize, new: usize) -> usize {
    if new == 0 { 0 } else { kept.max(new) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::plan_tests::info as info_of;
    use crate::teacher::Backbone;

    fn earlier(training: serde_json::Value) -> Result<Earlier> {
        Earlier::of(&Info { training, ..info_of(Backbone::Compact, 64) }, Path::new("m.aand"))
    }

    #[test]
    fn a_refinement_varies_pictures_as_the_training_did() {
        let settings = training::Settings {
            augment: vec![Perturbation::Lighting],
            hardest: 7,
            keep: 9,
            ..training::Settings::default()
        };
        let found = earlier(serde_json::to_value(&settings).unwrap()).unwrap();
        assert_eq!(found.keep, 9);
        let further = further(&info_of(Backbone::Compact, 64), &Settings::default(), &found);
        assert_eq!((further.hardest, further.augment), (7, settings.augment));
        // A file older than augmentation, and one with settings of a later version.
        let old = earlier(serde_json::json!({ "hardest": 10, "of_tomorrow": 1 })).unwrap();
        assert!(old.augment.is_empty());
    }

    #[test]
    fn settings_that_cannot_be_read_are_no_default_ones() {
        for training in [serde_json::json!(null), serde_json::json!({ "hardest": 10, "augment": ["haze"] })] {
            let said = earlier(training).unwrap_err().to_string();
            assert!(said.contains("m.aand: the settings of its training cannot be read"), "{said}");
        }
    }
}
