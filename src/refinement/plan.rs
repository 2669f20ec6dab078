//! The training of a refinement: stage 2 from the model's own student, on kept and new pictures.

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

/// The settings of a model's training that hold for its refinements too.
#[derive(Debug, Deserialize)]
pub(super) struct Earlier {
    /// As in [`training::Settings`].
    pub hardest: usize,
    /// What pictures are varied by; not named where it is nothing.
    #[serde(default)]
    pub augment: Vec<Perturbation>,
    /// So many pictures are to be kept; in a file that does not say, as many as there are.
    #[serde(default)]
    pub keep: usize,
}

impl Earlier {
    /// Of the model file `name`. Other settings may be missing or unknown in it; with a guess at these the student would
    /// learn otherwise than it was trained.
    pub fn of(info: &Info, name: &Path) -> Result<Self> {
        Self::deserialize(&info.training).map_err(|e| {
            Error::model(name, format!("the settings of its training cannot be read ({e}); train it again"))
        })
    }
}

/// What stays the same for every student of a refinement.
pub(super) struct StudentPlan<'a> {
    pub info: &'a Info,
    pub settings: &'a Settings,
    pub earlier: &'a Earlier,
    /// On the plain device.
    pub teacher: &'a Teacher,
    /// The model's amplifier and student, on the autodiff device.
    pub start: (Amplifier, Student),
}

impl StudentPlan<'_> {
    /// The model after its student went on on `kept` and `new` pictures; without a threshold of its own.
    pub async fn go_on(
        &self,
        kept: &[&Seen<'static>],
        new: &[&Seen<'static>],
        observer: &mut dyn Observer,
    ) -> Result<Aand> {
        // As many new ones as kept ones, so that neither are drowned by the others.
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

    /// Steps of the student that learns from so many kept and new pictures.
    pub fn steps(&self, kept: usize, new: usize) -> usize {
        (kept + share(kept, new)).div_ceil(self.settings.batch.max(1)) * self.settings.epochs
    }
}

/// The settings of a student's training: of the refinement, and of the model's own training.
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

/// How many times any new picture is in an epoch, all together.
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
        // A file from before there was variation, and one with settings that came later.
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
