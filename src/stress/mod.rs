//! How a model's verdicts change when light, focus, noise, storage or position change but the parts do not.

mod table;

pub use table::{HEAD, cells};

use crate::detection::Detector;
use crate::metrics::{INTERVAL_CONFIDENCE, interval, roc_auc};
use crate::model::{Info, Threshold};
use crate::perturbation::Perturbation;
use crate::picture::{Picture, resize};
use crate::{Error, Result};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;
use serde::Serialize;

/// A change at a level; `None` for unchanged pictures.
pub type Condition = Option<(Perturbation, f64)>;

/// The conditions of a stress report: unchanged, then each of the `kinds` at its levels.
pub fn conditions(kinds: &[Perturbation]) -> Vec<Condition> {
    let changed = kinds.iter().flat_map(|kind| kind.levels().iter().map(|level| Some((*kind, *level))));
    std::iter::once(None).chain(changed).collect()
}

/// The measurements in one condition.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The kind of change; `None` for unchanged pictures.
    pub change: Option<Perturbation>,
    /// Its level, in the unit of the kind.
    pub level: f64,
    /// Change and level in words.
    pub words: String,
    /// Good pictures called anomalous.
    pub false_alarms: usize,
    /// Their share; `None` without good pictures.
    pub false_alarm_rate: Option<f64>,
    /// The 95 % interval of that share.
    pub false_alarm_interval: Option<[f64; 2]>,
    /// Anomalous pictures called anomalous.
    pub found: usize,
    /// Their share; `None` without anomalous pictures.
    pub recall: Option<f64>,
    /// Recall of the unchanged pictures minus this recall.
    pub lost_recall: Option<f64>,
    /// Area under the ROC curve of the scores.
    pub image_auroc: Option<f64>,
}

/// A whole stress report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stress {
    /// The data set.
    pub name: String,
    /// Good pictures.
    pub good: usize,
    /// Anomalous pictures.
    pub anomalous: usize,
    /// The threshold, and what it states.
    pub threshold: Threshold,
    /// The rows, unchanged pictures first.
    pub rows: Vec<Row>,
}

/// A picture in every condition, `S x S`.
///
/// The changes are made at its own size, as a camera would; `index` seeds the random numbers.
pub fn variations(picture: &Picture, conditions: &[Condition], info: &Info, index: usize) -> Vec<Picture> {
    let one = |(n, condition): (usize, &Condition)| {
        let (width, height) = info.size.pixels();
        let small = |picture: &Picture| match info.view.shows_whole_maps() {
            true => resize(picture, width, height),
            // Such a view depends on the position in the picture, so the detector gets the picture at its own size.
            false => picture.clone(),
        };
        match condition {
            None => small(picture),
            Some((kind, level)) => {
                let mut rng = ChaCha8Rng::seed_from_u64((index as u64) << 16 | n as u64);
                small(&kind.apply(picture, *level, &mut rng))
            }
        }
    };
    conditions.par_iter().enumerate().map(one).collect()
}

/// The scores of a picture in every condition.
///
/// # Errors
/// The device failed.
pub fn scores(detector: &Detector, variations: &[Picture], batch: usize) -> Result<Vec<f64>> {
    let mut scores = Vec::with_capacity(variations.len());
    for some in variations.chunks(batch.max(1)) {
        scores.extend(detector.scores(some)?);
    }
    Ok(scores)
}

/// The report from the scores of all pictures, `scores[picture][condition]`, and whether each is anomalous.
///
/// # Errors
/// There is no picture.
pub fn report(
    name: &str,
    threshold: &Threshold,
    conditions: &[Condition],
    scores: &[Vec<f64>],
    anomalous: &[bool],
) -> Result<Stress> {
    if scores.is_empty() {
        return Err(Error::Setting(format!("{name}: no labeled test pictures; give a folder that has some")));
    }
    let bad = anomalous.iter().filter(|label| **label).count();
    let good = anomalous.len() - bad;
    let share = |count: usize, of: usize| (of > 0).then(|| count as f64 / of as f64);
    let mut rows: Vec<Row> = Vec::with_capacity(conditions.len());
    for (n, condition) in conditions.iter().enumerate() {
        let of: Vec<f64> = scores.iter().map(|picture| picture[n]).collect();
        let called = |label: bool| {
            of.iter().zip(anomalous).filter(|(s, a)| **a == label && **s > threshold.value).count()
        };
        let (false_alarms, found) = (called(false), called(true));
        let recall = share(found, bad);
        let clean = rows.first().map_or(recall, |clean| clean.recall);
        rows.push(Row {
            change: condition.map(|(kind, _)| kind),
            level: condition.map_or(0.0, |(_, level)| level),
            words: condition.map_or_else(
                || "as they are".to_owned(),
                |(kind, level)| format!("{kind} {}", kind.describe(level)),
            ),
            false_alarms,
            false_alarm_rate: share(false_alarms, good),
            false_alarm_interval: interval(false_alarms, good, INTERVAL_CONFIDENCE),
            found,
            recall,
            lost_recall: clean.zip(recall).map(|(clean, recall)| clean - recall),
            image_auroc: roc_auc(&of, anomalous),
        });
    }
    Ok(Stress { name: name.into(), good, anomalous: bad, threshold: threshold.clone(), rows })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn rows_count_against_the_pictures_as_they_are() {
        let conditions = conditions(&[Perturbation::Contrast]);
        assert_eq!(conditions.len(), 3);
        let threshold = Threshold { value: 0.5, ..Threshold::none() };
        // Two good and two anomalous pictures; the second condition misses a defect, the third calls all
        // anomalous.
        let scores = [vec![0.1, 0.1, 0.6], vec![0.2, 0.2, 0.7], vec![0.8, 0.4, 0.9], vec![0.9, 0.9, 0.8]];
        let labels = [false, false, true, true];
        let stress = report("x", &threshold, &conditions, &scores, &labels).unwrap();
        let of = |n: usize| {
            let row = &stress.rows[n];
            (row.false_alarms, row.found, row.lost_recall, row.image_auroc)
        };
        assert_eq!([of(0), of(1)], [(0, 2, Some(0.0), Some(1.0)), (0, 1, Some(0.5), Some(1.0))]);
        assert_eq!(of(2), (2, 2, Some(0.0), Some(1.0)));
        assert_eq!(stress.rows[2].words, "contrast +20 %");
        assert!(report("x", &threshold, &conditions, &[], &[]).is_err());
    }

    #[test]
    fn variations_have_the_models_size_and_follow_from_the_picture_alone() {
        // With edges, and large enough for the smallest blur to show.
        let picture = Picture::from_fn(256, 256, |x, y| Rgb([(x * 5) as u8, (y * 8) as u8, 90]));
        let conditions = conditions(&Perturbation::ALL);
        let info = crate::inference::plan_tests::info(crate::teacher::Backbone::Compact, 256);
        let all = variations(&picture, &conditions, &info, 7);
        assert_eq!(all.len(), conditions.len());
        assert!(all.iter().all(|p| p.dimensions() == (256, 256)));
        assert_eq!(all, variations(&picture, &conditions, &info, 7));
        assert_eq!(all[0], resize(&picture, 256, 256));
        assert!(all[1..].iter().all(|p| *p != all[0]));
    }
}
