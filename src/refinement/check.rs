//! How a model judges kept pictures, new ones, synthetic anomalies and given defects, before and after.

use super::Corrected;
use crate::Result;
use crate::metrics::{percent, roc_auc};
use crate::model::{Called, Kept, Standing};
use crate::picture::{Picture, Seen};
use crate::synthesis::plainest_defect;
use crate::training::Judge;
use std::borrow::Cow;

/// The pictures with which a refinement is checked.
pub(super) struct Checked<'a> {
    kept: Vec<&'a Seen<'static>>,
    /// Indices of the kept pictures that no student has learned from.
    unlearned: Vec<usize>,
    new: Vec<&'a Seen<'static>>,
    /// Synthetic anomalies, made in the kept pictures.
    synthetic: Vec<Seen<'static>>,
    defects: Vec<&'a Seen<'static>>,
}

/// The scores of all of them.
pub(super) struct Scores {
    pub kept: Vec<f64>,
    pub new: Vec<f64>,
    synthetic: Vec<f64>,
    defects: Vec<f64>,
}

impl<'a> Checked<'a> {
    pub fn new(kept: &'a Kept, new: &[&'a Corrected], defects: &'a [Corrected], seed: u64) -> Self {
        let made = |i: usize, kept: &Seen<'static>| {
            let picture: Picture = plainest_defect(&kept.picture, seed.wrapping_add(i as u64)).picture;
            Seen { picture: Cow::Owned(picture), native: kept.native }
        };
        let unlearned = (0..kept.pictures.len()).filter(|&i| !kept.pictures[i].learned).collect();
        let all: Vec<&Seen<'static>> = kept.pictures.iter().map(|kept| &kept.seen).collect();
        let synthetic: Vec<Seen<'static>> = {
            #[cfg(not(target_arch = "wasm32"))]
            {
                use rayon::prelude::*;
                all.par_iter().enumerate().map(|(i, seen)| made(i, seen)).collect()
            }
            #[cfg(target_arch = "wasm32")]
            all.iter().enumerate().map(|(i, seen)| made(i, seen)).collect()
        };
        Self {
            unlearned,
            kept: all,
            new: new.iter().map(|corrected| &corrected.seen).collect(),
            synthetic,
            defects: defects.iter().map(|corrected| &corrected.seen).collect(),
        }
    }

    /// The kept pictures that show the level of a student's scores.
    pub fn unlearned(&self) -> impl Iterator<Item = &'a Seen<'static>> {
        self.unlearned.iter().map(|&i| self.kept[i])
    }

    /// The scores of [`unlearned`](Self::unlearned), from all scores.
    pub fn of_unlearned(&self, scores: &Scores) -> Vec<f64> {
        self.unlearned.iter().map(|&i| scores.kept[i]).collect()
    }

    /// A model's scores of all of them.
    pub async fn scores(&self, judge: &Judge) -> Result<Scores> {
        Ok(Scores {
            kept: scores(judge, self.kept.iter().copied()).await?,
            new: scores(judge, self.new.iter().copied()).await?,
            synthetic: scores(judge, self.synthetic.iter()).await?,
            defects: scores(judge, self.defects.iter().copied()).await?,
        })
    }
}

/// A model's scores of some pictures.
pub(super) async fn scores<'a>(
    judge: &Judge,
    seen: impl Iterator<Item = &'a Seen<'static>>,
) -> Result<Vec<f64>> {
    judge.scores(&seen.map(Seen::borrowed).collect::<Vec<_>>()).await
}

impl Scores {
    /// The counts at a threshold; `new` are the new pictures' scores.
    pub fn standing(&self, threshold: f64, new: &[f64]) -> Standing {
        let called = |scores: &[f64]| Called {
            anomalous: scores.iter().filter(|&&score| score > threshold).count(),
            of: scores.len(),
        };
        let all: Vec<f64> = self.kept.iter().chain(&self.synthetic).copied().collect();
        let labels: Vec<bool> = (0..all.len()).map(|i| i >= self.kept.len()).collect();
        Standing {
            kept: called(&self.kept),
            new: called(new),
            synthetic: called(&self.synthetic),
            auroc: roc_auc(&all, &labels).unwrap_or_default(),
            defects: called(&self.defects),
            threshold,
        }
    }
}

fn share(called: Called) -> f64 {
    called.anomalous as f64 / called.of.max(1) as f64
}

/// What has become worse by more than `margin`, in a sentence; `None` if nothing has.
pub(super) fn worse(before: &Standing, after: &Standing, margin: f64) -> Option<String> {
    let rise = |what, b: Called, a: Called| (what, share(a) - share(b));
    let fall = |what, b: Called, a: Called| (what, share(b) - share(a));
    let found = [
        rise("of the kept good pictures more would be called anomalous", before.kept, after.kept),
        fall("of the synthetic anomalies fewer would be found", before.synthetic, after.synthetic),
        fall("of the given defects fewer would be found", before.defects, after.defects),
        ("of AUROC on kept pictures and synthetic anomalies would be lost", before.auroc - after.auroc),
    ];
    let (what, by) = found.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    (by > margin).then(|| format!("{} {what}, more than the margin of {}", percent(by), percent(margin)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_goes_beyond_the_margin_is_worse() {
        let called = |anomalous| Called { anomalous, of: 20 };
        let before = Standing { kept: called(0), synthetic: called(20), auroc: 1.0, ..Standing::default() };
        let after = |kept, synthetic, auroc| Standing {
            kept: called(kept),
            synthetic: called(synthetic),
            auroc,
            ..before
        };
        assert_eq!(worse(&before, &before, 0.0), None);
        assert_eq!(worse(&before, &after(1, 19, 0.96), 0.06), None);
        let said = worse(&before, &after(1, 18, 0.99), 0.06).unwrap();
        assert_eq!(said, "10 % of the synthetic anomalies fewer would be found, more than the margin of 6 %");
        assert!(worse(&before, &after(0, 20, 0.9), 0.06).unwrap().contains("AUROC"));
        assert!(worse(&before, &after(2, 20, 1.0), 0.06).unwrap().contains("kept good pictures"));
    }
}
