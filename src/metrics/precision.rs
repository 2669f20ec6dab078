//! Average precision and the largest F1 (method.md 6).

use serde::{Deserialize, Serialize};

use super::sweep::{Cut, Totals, sweep};

/// The largest F1 over all thresholds, and where it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct F1Max {
    /// The largest F1.
    pub f1: f64,
    /// The threshold (prediction = score >= threshold); the lowest one if several are equally good.
    pub threshold: f64,
}

/// Average precision as scikit-learn defines it: the sum over distinct thresholds of (R_n - R_(n-1)) P_n,
/// without interpolation. `None` without positives.
pub fn average_precision(scores: &[f64], labels: &[bool]) -> Option<f64> {
    if scores.len() != labels.len() {
        return None;
    }
    let mut area = PrecisionArea::new(Totals::of_labels(labels));
    sweep(scores, labels, |cut| area.step(cut));
    area.finish()
}

/// The largest F1 over all distinct scores as threshold. `None` without positives.
pub fn f1_max(scores: &[f64], labels: &[bool]) -> Option<F1Max> {
    if scores.len() != labels.len() {
        return None;
    }
    let mut best = BestF1::new(Totals::of_labels(labels));
    sweep(scores, labels, |cut| best.step(cut));
    best.finish()
}

/// Rectangles under the precision-recall curve.
pub(super) struct PrecisionArea {
    totals: Totals,
    hits: u64,
    area: f64,
}

impl PrecisionArea {
    pub fn new(totals: Totals) -> Self {
        Self { totals, hits: 0, area: 0.0 }
    }

    pub fn step(&mut self, cut: &Cut) {
        let gained = cut.hits - self.hits;
        self.hits = cut.hits;
        if gained > 0 {
            self.area += gained as f64 * cut.hits as f64 / (cut.hits + cut.alarms) as f64;
        }
    }

    pub fn finish(self) -> Option<f64> {
        (self.totals.positives > 0).then(|| self.area / self.totals.positives as f64)
    }
}

/// The best F1 so far.
pub(super) struct BestF1 {
    totals: Totals,
    best: Option<F1Max>,
}

impl BestF1 {
    pub fn new(totals: Totals) -> Self {
        Self { totals, best: None }
    }

    pub fn step(&mut self, cut: &Cut) {
        // 2 TP / (2 TP + FP + FN), and TP + FN is the number of positives.
        let f1 = 2.0 * cut.hits as f64 / (cut.hits + cut.alarms + self.totals.positives) as f64;
        if self.best.is_none_or(|best| f1 >= best.f1) {
            self.best = Some(F1Max { f1, threshold: cut.threshold });
        }
    }

    pub fn finish(self) -> Option<F1Max> {
        self.best.filter(|_| self.totals.positives > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scikit_learn_example() {
        // The example in scikit-learn's documentation of average_precision_score.
        let (scores, labels) = ([0.1, 0.4, 0.35, 0.8], [false, false, true, true]);
        assert!((average_precision(&scores, &labels).unwrap() - 0.833_333_333_333_333_3).abs() < 1e-15);
        let best = f1_max(&scores, &labels).unwrap();
        assert_eq!((best.f1, best.threshold), (0.8, 0.35));
    }

    #[test]
    fn a_tie_is_taken_whole() {
        let (scores, labels) = ([1.0, 1.0, 0.0], [true, false, false]);
        assert_eq!(average_precision(&scores, &labels), Some(0.5));
        assert!((f1_max(&scores, &labels).unwrap().f1 - 2.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn undefined_without_positives() {
        assert_eq!(average_precision(&[1.0, 2.0], &[false, false]), None);
        assert_eq!(f1_max(&[1.0, 2.0], &[false, false]), None);
        assert_eq!(average_precision(&[1.0, 2.0], &[true, true]), Some(1.0));
    }
}
