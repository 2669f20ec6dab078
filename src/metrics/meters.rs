//! All metrics from a single sweep.

use super::curve::Curve;
use super::judged::Judged;
use super::precision::{BestF1, F1Max, PrecisionArea};
use super::pro::{FPR_LIMIT, ProArea, ProCurve};
use super::ranking::PixelRanking;
use super::roc::{RocArea, RocCurve};
use super::sweep::{Cut, Totals, sweep};

/// The metrics of one sweep.
pub(super) struct Metrics {
    pub auroc: Option<f64>,
    pub ap: Option<f64>,
    pub f1: Option<F1Max>,
    pub aupro: Option<f64>,
    pub roc: Curve,
    pub pro: Curve,
}

/// Image metrics of the pictures for which `keep` is true; AUPRO is not defined for them.
pub(super) fn image_metrics(judged: &[Judged], keep: impl Fn(&Judged) -> bool) -> Metrics {
    let kept = || judged.iter().filter(|picture| keep(picture));
    let scores: Vec<f64> = kept().map(|picture| picture.score).collect();
    let labels: Vec<bool> = kept().map(|picture| picture.defect.is_some()).collect();
    let mut meters = Meters::new(Totals::of_labels(&labels));
    sweep(&scores, &labels, |cut| meters.step(cut));
    meters.finish()
}

/// Pixel metrics of the pictures for which `keep` is true.
pub(super) fn pixel_metrics(ranking: &PixelRanking, keep: impl Fn(usize) -> bool) -> Metrics {
    let mut meters = Meters::new(ranking.totals(&keep));
    ranking.sweep(&keep, |cut| meters.step(cut));
    meters.finish()
}

/// The mean; `None` if there are no values.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

struct Meters {
    roc_area: RocArea,
    roc_curve: RocCurve,
    precision: PrecisionArea,
    f1: BestF1,
    pro_area: ProArea,
    pro_curve: ProCurve,
}

impl Meters {
    fn new(totals: Totals) -> Self {
        Self {
            roc_area: RocArea::new(totals),
            roc_curve: RocCurve::new(totals),
            precision: PrecisionArea::new(totals),
            f1: BestF1::new(totals),
            pro_area: ProArea::new(totals, FPR_LIMIT),
            pro_curve: ProCurve::new(totals),
        }
    }

    fn step(&mut self, cut: &Cut) {
        self.roc_area.step(cut);
        self.roc_curve.step(cut);
        self.precision.step(cut);
        self.f1.step(cut);
        self.pro_area.step(cut);
        self.pro_curve.step(cut);
    }

    fn finish(self) -> Metrics {
        Metrics {
            auroc: self.roc_area.finish(),
            ap: self.precision.finish(),
            f1: self.f1.finish(),
            aupro: self.pro_area.finish(),
            roc: self.roc_curve.finish(),
            pro: self.pro_curve.finish(),
        }
    }
}
