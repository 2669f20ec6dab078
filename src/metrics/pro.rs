//! AUPRO as the MVTec AD benchmark defines it (method.md 6, "official PRO").
//!
//! The per-region overlap (PRO) at a threshold is the mean, over all connected regions of the whole test set, of
//! the share of the region at or above the threshold. It is drawn over the false positive rate among all normal
//! pixels of the test set, including those of good pictures.

use super::curve::{Curve, Thinned};
use super::ranking::PixelRanking;
use super::sweep::{Cut, Totals};
use crate::picture::{Mask, ScoreMap};

/// The false positive rate up to which AUPRO integrates unless said otherwise.
pub const FPR_LIMIT: f64 = 0.3;

/// Area under the PRO curve up to the false positive rate `fpr_limit` (in (0, 1]), divided by it. All distinct
/// scores are thresholds; between them the curve is linear, also up to the limit.
///
/// `None` when there is no region or no normal pixel, when the limit is out of range, or when a mask does not
/// have the size of its map.
pub fn aupro(pictures: &[(&ScoreMap, &Mask)], fpr_limit: f64) -> Option<f64> {
    let ranking = rank(pictures)?;
    let mut area = ProArea::new(ranking.totals(|_| true), fpr_limit);
    ranking.sweep(|_| true, |cut| area.step(cut));
    area.finish()
}

/// The PRO curve as (false positive rate, PRO) from (0, 0) to (1, 1), thinned to at most a few hundred
/// corners. Empty if [`aupro`] is `None`.
pub fn pro_curve(pictures: &[(&ScoreMap, &Mask)]) -> Curve {
    let Some(ranking) = rank(pictures) else { return Curve::new() };
    let mut curve = ProCurve::new(ranking.totals(|_| true));
    ranking.sweep(|_| true, |cut| curve.step(cut));
    curve.finish()
}

fn rank(pictures: &[(&ScoreMap, &Mask)]) -> Option<PixelRanking> {
    let fits = |map: &ScoreMap, mask: &Mask| {
        (map.width, map.height, map.data.len()) == (mask.width, mask.height, mask.data.len())
            && map.data.len() == map.width * map.height
    };
    pictures.iter().all(|(map, mask)| fits(map, mask)).then(|| {
        let pictures: Vec<_> =
            (pictures.iter().enumerate()).map(|(n, (map, mask))| (n, *map, Some(*mask))).collect();
        PixelRanking::new(&pictures)
    })
}

impl Totals {
    fn pro_is_defined(&self) -> bool {
        self.regions > 0 && self.negatives > 0
    }

    /// (false positive rate, PRO) at a cut.
    fn pro(&self, cut: &Cut) -> (f64, f64) {
        (cut.alarms as f64 / self.negatives as f64, cut.overlap / self.regions as f64)
    }
}

/// Trapezoids under the PRO curve up to the limit.
pub(super) struct ProArea {
    totals: Totals,
    limit: f64,
    before: (f64, f64),
    area: f64,
}

impl ProArea {
    pub fn new(totals: Totals, limit: f64) -> Self {
        Self { totals, limit, before: (0.0, 0.0), area: 0.0 }
    }

    pub fn step(&mut self, cut: &Cut) {
        let (x0, y0) = self.before;
        if x0 >= self.limit || !self.totals.pro_is_defined() {
            return;
        }
        let (mut x, mut y) = self.totals.pro(cut);
        if x > self.limit {
            y = y0 + (y - y0) * (self.limit - x0) / (x - x0);
            x = self.limit;
        }
        self.area += (x - x0) * (y + y0) / 2.0;
        self.before = (x, y);
    }

    pub fn finish(self) -> Option<f64> {
        let in_range = self.limit > 0.0 && self.limit <= 1.0;
        (in_range && self.totals.pro_is_defined()).then(|| self.area / self.limit)
    }
}

/// The corners of the PRO curve.
pub(super) struct ProCurve {
    totals: Totals,
    corners: Thinned,
}

impl ProCurve {
    pub fn new(totals: Totals) -> Self {
        Self { totals, corners: Thinned::new() }
    }

    pub fn step(&mut self, cut: &Cut) {
        if self.totals.pro_is_defined() {
            let (x, y) = self.totals.pro(cut);
            self.corners.push(x, y);
        }
    }

    pub fn finish(self) -> Curve {
        if self.totals.pro_is_defined() { self.corners.finish() } else { Curve::new() }
    }
}

#[cfg(test)]
#[path = "pro_tests.rs"]
mod tests;
