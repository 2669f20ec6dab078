//! The receiver operating characteristic and the area under it (method.md 6).

use super::curve::{Curve, Thinned};
use super::sweep::{Cut, Totals, sweep};

/// Area under the ROC curve; ties count one half. `None` unless there are both positives and negatives (and
/// as many scores as labels).
pub fn roc_auc(scores: &[f64], labels: &[bool]) -> Option<f64> {
    if scores.len() != labels.len() {
        return None;
    }
    let mut area = RocArea::new(Totals::of_labels(labels));
    sweep(scores, labels, |cut| area.step(cut));
    area.finish()
}

/// The ROC curve as (false positive rate, true positive rate) from (0, 0) to (1, 1), thinned to at most a few
/// hundred corners. Empty if [`roc_auc`] is `None`.
pub fn roc_curve(scores: &[f64], labels: &[bool]) -> Curve {
    if scores.len() != labels.len() {
        return Curve::new();
    }
    let mut curve = RocCurve::new(Totals::of_labels(labels));
    sweep(scores, labels, |cut| curve.step(cut));
    curve.finish()
}

/// Trapezoids under the ROC curve, in units of one positive times one negative.
pub(super) struct RocArea {
    totals: Totals,
    before: (u64, u64),
    area: f64,
}

impl RocArea {
    pub fn new(totals: Totals) -> Self {
        Self { totals, before: (0, 0), area: 0.0 }
    }

    pub fn step(&mut self, cut: &Cut) {
        let (alarms, hits) = self.before;
        // A tie of positives and negatives is one slanted step, which is what "ties count 1/2" means.
        self.area += (cut.alarms - alarms) as f64 * (cut.hits + hits) as f64 / 2.0;
        self.before = (cut.alarms, cut.hits);
    }

    pub fn finish(self) -> Option<f64> {
        let Totals { positives, negatives, .. } = self.totals;
        (positives > 0 && negatives > 0).then(|| self.area / positives as f64 / negatives as f64)
    }
}

/// The corners of the ROC curve.
pub(super) struct RocCurve {
    totals: Totals,
    corners: Thinned,
}

impl RocCurve {
    pub fn new(totals: Totals) -> Self {
        Self { totals, corners: Thinned::new() }
    }

    pub fn step(&mut self, cut: &Cut) {
        let Totals { positives, negatives, .. } = self.totals;
        if positives > 0 && negatives > 0 {
            self.corners.push(cut.alarms as f64 / negatives as f64, cut.hits as f64 / positives as f64);
        }
    }

    pub fn finish(self) -> Curve {
        let defined = self.totals.positives > 0 && self.totals.negatives > 0;
        if defined { self.corners.finish() } else { Curve::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: the share of (positive, negative) pairs in the right order, ties counting one half.
    fn by_pairs(scores: &[f64], labels: &[bool]) -> f64 {
        let (mut right, mut pairs) = (0.0, 0.0);
        for (positive, _) in scores.iter().zip(labels).filter(|(_, l)| **l) {
            for (negative, _) in scores.iter().zip(labels).filter(|(_, l)| !**l) {
                pairs += 1.0;
                right += if positive > negative { 1.0 } else { f64::from(positive == negative) / 2.0 };
            }
        }
        right / pairs
    }

    #[test]
    fn equals_the_definition_with_many_ties() {
        let scores: Vec<f64> = (0..200u32).map(|n| f64::from(n * n * 7 % 23)).collect();
        let labels: Vec<bool> = (0..200u32).map(|n| n * 31 % 11 < 4).collect();
        let expected = by_pairs(&scores, &labels);
        assert!((roc_auc(&scores, &labels).unwrap() - expected).abs() < 1e-12);
        let curve = roc_curve(&scores, &labels);
        let area: f64 = curve.windows(2).map(|w| (w[1].0 - w[0].0) * (w[1].1 + w[0].1) / 2.0).sum();
        assert!((area - expected).abs() < 1e-12);
    }

    #[test]
    fn undefined_without_both_classes() {
        assert_eq!(roc_auc(&[1.0, 2.0], &[true, true]), None);
        assert_eq!(roc_auc(&[], &[]), None);
        assert_eq!(roc_auc(&[1.0], &[true, false]), None);
        assert!(roc_curve(&[1.0, 2.0], &[false, false]).is_empty());
    }

    #[test]
    fn all_equal_is_one_half() {
        assert_eq!(roc_auc(&[3.0; 5], &[true, false, true, false, false]), Some(0.5));
    }
}
