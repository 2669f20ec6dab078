//! Everything that is measured on one labeled test set.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::curve::Curve;
use super::defects::{DefectEvaluation, kinds};
use super::judged::{Judged, Selection, Threshold, check, rank_pixels};
use super::meters::{image_metrics, mean, pixel_metrics};
use super::pro::FPR_LIMIT;
use super::{INTERVAL_CONFIDENCE, interval, pb2, pg2};
use crate::error::Result;

/// How many pictures there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Good pictures.
    pub good: usize,
    /// Anomalous pictures.
    pub anomalous: usize,
    /// Anomalous pictures that have a mask. Pixel metrics are computed on these and on the good ones.
    pub with_masks: usize,
}

/// One picture's score and verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// Where the picture comes from.
    pub path: PathBuf,
    /// The kind of defect; `None` for a good picture.
    pub defect: Option<String>,
    /// The image score.
    pub score: f64,
    /// Whether the score is greater than the threshold.
    pub called_anomalous: bool,
}

/// Curves to draw; empty if not defined.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// ROC of image scores.
    pub image_roc: Curve,
    /// ROC of all pixels.
    pub pixel_roc: Curve,
    /// PRO over the false positive rate of pixels.
    pub pro: Curve,
}

/// What was measured on one test set. Metrics are fractions; `None` (JSON null) if not defined, in particular
/// all pixel metrics if there are no masks.
///
/// Its JSON is one object without `pictures` and `curves`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The data set.
    pub name: String,
    /// Area under the ROC curve of image scores.
    pub image_auroc: Option<f64>,
    /// Area under the ROC curve of all pixels pooled.
    pub pixel_auroc: Option<f64>,
    /// AUPRO by the official definition, up to `aupro_fpr_limit`.
    pub aupro: Option<f64>,
    /// Mean PRO-RD of the anomalous pictures for which it is defined.
    pub pro_rd: Option<f64>,
    /// Average precision of all pixels pooled.
    pub pixel_ap: Option<f64>,
    /// Largest F1 of image scores over all thresholds (chosen on these labels, unlike `threshold`).
    pub image_f1_max: Option<f64>,
    /// Largest F1 of all pixels over all thresholds.
    pub pixel_f1_max: Option<f64>,
    /// Average precision of image scores.
    pub image_ap: Option<f64>,
    /// Where `image_f1_max` is reached.
    pub image_f1_max_threshold: Option<f64>,
    /// Where `pixel_f1_max` is reached.
    pub pixel_f1_max_threshold: Option<f64>,
    /// The false positive rate up to which AUPRO integrates.
    pub aupro_fpr_limit: f64,
    /// The stored threshold; higher scores are called anomalous.
    pub threshold: f64,
    /// How the threshold was found.
    pub threshold_method: String,
    /// Share of correct verdicts at the threshold.
    pub accuracy: Option<f64>,
    /// Share of anomalous pictures that are called anomalous at the threshold.
    pub true_positive_rate: Option<f64>,
    /// Share of good pictures that are called anomalous at the threshold.
    pub false_positive_rate: Option<f64>,
    /// The 95 % confidence interval of that share (Clopper and Pearson).
    #[serde(default)]
    pub false_positive_interval: Option<[f64; 2]>,
    /// The share that the threshold states; `None` if it states none.
    #[serde(default)]
    pub stated_false_positive_rate: Option<f64>,
    /// The confidence of that statement.
    #[serde(default)]
    pub stated_confidence: Option<f64>,
    /// PG2: the share of good pictures rejected when 2 % of the anomalous ones are missed.
    #[serde(default)]
    pub pg2: Option<f64>,
    /// PB2: the share of anomalous pictures missed when 2 % of the good ones are rejected.
    #[serde(default)]
    pub pb2: Option<f64>,
    /// How many pictures there were.
    pub counts: Counts,
    /// Which weights were kept.
    pub selection: Selection,
    /// The same per kind of defect, by name.
    pub defects: Vec<DefectEvaluation>,
    /// Every picture with its verdict, in the order given.
    #[serde(skip)]
    pub pictures: Vec<Scored>,
    /// Curves to draw.
    #[serde(skip)]
    pub curves: Curves,
}

impl Evaluation {
    /// Measures everything.
    ///
    /// # Errors
    /// When there are no pictures, when a score or the threshold is not a number, or when a mask does not have the
    /// size of its map.
    pub fn new(
        name: impl Into<String>,
        judged: &[Judged],
        threshold: Threshold,
        selection: Selection,
    ) -> Result<Self> {
        let name = name.into();
        check(&name, judged, &threshold)?;
        let called = |picture: &Judged| picture.score > threshold.value;
        let share = |of: &dyn Fn(&&Judged) -> bool, right: &dyn Fn(&&Judged) -> bool| {
            let all = judged.iter().filter(of).count();
            (all > 0).then(|| judged.iter().filter(of).filter(right).count() as f64 / all as f64)
        };
        let image = image_metrics(judged, |_| true);
        let ranking = rank_pixels(judged);
        let pixel = pixel_metrics(&ranking, |_| true);
        let pro_rds: Vec<_> = judged.iter().map(Judged::pro_rd).collect();
        let defects = kinds(judged)
            .into_iter()
            .map(|kind| DefectEvaluation::new(kind, judged, &called, &ranking, &pro_rds))
            .collect();
        let anomalous = |picture: &&Judged| picture.defect.is_some();
        let scores: Vec<f64> = judged.iter().map(|picture| picture.score).collect();
        let labels: Vec<bool> = judged.iter().map(|picture| picture.defect.is_some()).collect();
        let good = labels.iter().filter(|label| !**label).count();
        let alarms = judged.iter().filter(|picture| picture.defect.is_none() && called(picture)).count();
        Ok(Self {
            image_auroc: image.auroc,
            pixel_auroc: pixel.auroc,
            aupro: pixel.aupro,
            pro_rd: mean(pro_rds.iter().copied().flatten()),
            pixel_ap: pixel.ap,
            image_f1_max: image.f1.map(|best| best.f1),
            pixel_f1_max: pixel.f1.map(|best| best.f1),
            image_ap: image.ap,
            image_f1_max_threshold: image.f1.map(|best| best.threshold),
            pixel_f1_max_threshold: pixel.f1.map(|best| best.threshold),
            aupro_fpr_limit: FPR_LIMIT,
            accuracy: share(&|_| true, &|picture| called(picture) == picture.defect.is_some()),
            true_positive_rate: share(&anomalous, &|picture| called(picture)),
            false_positive_interval: interval(alarms, good, INTERVAL_CONFIDENCE),
            stated_false_positive_rate: threshold.stated.map(|[rate, _]| rate),
            stated_confidence: threshold.stated.map(|[_, confidence]| confidence),
            pg2: pg2(&scores, &labels),
            pb2: pb2(&scores, &labels),
            false_positive_rate: share(&|picture| !anomalous(picture), &|picture| called(picture)),
            counts: Counts {
                good,
                anomalous: judged.iter().filter(anomalous).count(),
                with_masks: judged.iter().filter(anomalous).filter(|p| p.mask.is_some()).count(),
            },
            defects,
            pictures: (judged.iter())
                .map(|picture| Scored {
                    path: picture.path.clone(),
                    defect: picture.defect.clone(),
                    score: picture.score,
                    called_anomalous: called(picture),
                })
                .collect(),
            curves: Curves { image_roc: image.roc, pixel_roc: pixel.roc, pro: pixel.pro },
            name,
            threshold: threshold.value,
            threshold_method: threshold.method,
            selection,
        })
    }
}

#[cfg(test)]
#[path = "evaluation_tests.rs"]
mod tests;
