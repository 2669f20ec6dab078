//! What the method makes of one picture on its way, for showing it.

use super::plan::View;
use crate::picture::ScoreMap;

/// Where a plan leaves what is worth seeing of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelViews {
    /// `F_T`.
    pub teacher: View,
    /// `w`; none where the model computes no gate.
    pub gate: Option<View>,
    /// `F_A` (without a generator that is `F_T`) and `F_S`; none where the model scores by its gate.
    pub compared: Option<[View; 2]>,
    /// The discrepancy, or the gate where the model scores by it.
    pub map: View,
}

/// What one picture makes of one level, `[H_k, W_k]` each; features are averaged over their channels.
///
/// The report of `aand eval` shows the same.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelMaps {
    /// Mean of `F_T`.
    pub teacher: ScoreMap,
    /// `w`, 0 to 1.
    pub gate: Option<ScoreMap>,
    /// Mean of `F_A`, of `|F_A - F_T|` and of `F_S`.
    pub compared: Option<Compared>,
    /// `1 - cos(F_A, F_S)`, or the gate where the model scores by it.
    pub discrepancy: ScoreMap,
}

/// The two features whose angle is the discrepancy.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Mean of the advanced teacher's feature `F_A`.
    pub advanced: ScoreMap,
    /// Mean magnitude of the applied residual, `|w Delta| = |F_A - F_T|`.
    pub residual: ScoreMap,
    /// Mean of the student's feature `F_S`.
    pub student: ScoreMap,
}

/// Mean of `value` over the channels of `[C, H, W]`.
pub(super) fn mean([channels, height, width]: [usize; 3], value: impl Fn(usize) -> f32) -> ScoreMap {
    let positions = height * width;
    let at = |p: usize| (0..channels).map(|c| f64::from(value(c * positions + p))).sum::<f64>();
    let data = (0..positions).map(|p| (at(p) / channels as f64) as f32).collect();
    ScoreMap { width, height, data }
}
