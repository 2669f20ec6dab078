//! The intermediate features of one picture, for showing them.

use super::plan::View;
use crate::amplification::TEMPERATURE;
use crate::picture::ScoreMap;

/// The views of a plan that hold one level's intermediate features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelViews {
    /// `F_T`.
    pub teacher: View,
    /// `w`; none if the model computes no gate.
    pub gate: Option<View>,
    /// `F_A` (which is `F_T` without a generator) and `F_S`; none if the model scores by its gate.
    pub compared: Option<[View; 2]>,
    /// The discrepancy, or the gate if the model scores by it.
    pub map: View,
}

/// One level's maps for one picture, `[H_k, W_k]` each; features are averaged over their channels.
///
/// The report of `aand eval` shows the same maps.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelMaps {
    /// Mean of `F_T`.
    pub teacher: ScoreMap,
    /// `w`, 0 to 1.
    pub gate: Option<ScoreMap>,
    /// Mean of `F_A`, of `|F_A - F_T|` and of `F_S`.
    pub compared: Option<Compared>,
    /// `1 - cos(F_A, F_S)`, or the gate if the model scores by it.
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

/// All features of one level, before they are averaged.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelFeatures {
    /// `C`, `H_k`, `W_k`.
    pub shape: [usize; 3],
    /// `F_T`, `[C, H_k, W_k]`.
    pub teacher: Vec<f32>,
    /// `w`, `[H_k, W_k]`, and the features that it is computed from.
    pub gate: Option<GateFeatures>,
    /// `F_A` and `F_S`, `[C, H_k, W_k]` each; none if the model scores by its gate.
    pub compared: Option<[Vec<f32>; 2]>,
    /// `1 - cos(F_A, F_S)`, or the gate if the model scores by it, `[H_k, W_k]`.
    pub discrepancy: Vec<f32>,
}

/// The gate and the comparison that it is computed from (Eq. 2-4).
#[derive(Clone, Debug, PartialEq)]
pub struct GateFeatures {
    /// `w`, `[H_k, W_k]`.
    pub weight: Vec<f32>,
    /// The query `phi_1(F_T + PE)`, `[C, H_k, W_k]`.
    pub query: Vec<f32>,
    /// Products of the query with the memory items, each scaled to length `1 / 0.2`: `[2 L, H_k, W_k]`, the
    /// normal ones first.
    pub matching: Vec<f32>,
}

/// One position of a level: the numbers behind a cell of the maps.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// `F_T`, `C` numbers.
    pub teacher: Vec<f32>,
    /// `F_A` and `F_S`, `C` numbers each; none if the model scores by its gate.
    pub compared: Option<[Vec<f32>; 2]>,
    /// `cos(F_A, F_S)`; 1 minus the gate if the model scores by it.
    pub cosine: f64,
    /// The gate and its parts.
    pub gate: Option<PatchGate>,
}

/// The gate at one position, step by step.
#[derive(Clone, Debug, PartialEq)]
pub struct PatchGate {
    /// Cosines of the query with the `2 L` memory items, the normal ones first (Eq. 2).
    pub cosines: Vec<f64>,
    /// `softmax(cosines / 0.2)` (Eq. 3).
    pub shares: Vec<f64>,
    /// The sum of the anomalous items' shares, `w` (Eq. 4).
    pub weight: f64,
}

impl LevelFeatures {
    /// The features averaged over their channels.
    pub fn maps(&self) -> LevelMaps {
        let [_, height, width] = self.shape;
        let plain = |data: &Vec<f32>| ScoreMap { width, height, data: data.clone() };
        let averaged = |data: &[f32]| mean(self.shape, |i| data[i]);
        LevelMaps {
            teacher: averaged(&self.teacher),
            gate: self.gate.as_ref().map(|gate| plain(&gate.weight)),
            compared: self.compared.as_ref().map(|[advanced, student]| Compared {
                advanced: averaged(advanced),
                residual: mean(self.shape, |i| (advanced[i] - self.teacher[i]).abs()),
                student: averaged(student),
            }),
            discrepancy: plain(&self.discrepancy),
        }
    }

    /// `H_k W_k`.
    pub fn positions(&self) -> usize {
        self.shape[1] * self.shape[2]
    }

    /// The numbers at a position, counted row by row; none if it is out of range.
    pub fn patch(&self, position: usize) -> Option<Patch> {
        let positions = self.positions();
        if position >= positions {
            return None;
        }
        let column =
            |data: &[f32]| -> Vec<f32> { data.iter().skip(position).step_by(positions).copied().collect() };
        let compared = self.compared.as_ref().map(|both| both.each_ref().map(|data| column(data)));
        let cosine = match &compared {
            Some([advanced, student]) => cosine(advanced, student),
            None => 1.0 - f64::from(self.discrepancy[position]),
        };
        let gate =
            self.gate.as_ref().map(|gate| PatchGate::new(&column(&gate.query), &column(&gate.matching)));
        Some(Patch { teacher: column(&self.teacher), compared, cosine, gate })
    }

    /// The cosine of every position's `F_T` with that of one position, `[H_k, W_k]`; none if that is out of
    /// range.
    pub fn similar(&self, position: usize) -> Option<ScoreMap> {
        let own = self.patch(position)?.teacher;
        let [_, height, width] = self.shape;
        let positions = self.positions();
        let at = |p: usize| {
            let other: Vec<f32> = self.teacher.iter().skip(p).step_by(positions).copied().collect();
            cosine(&own, &other) as f32
        };
        Some(ScoreMap { width, height, data: (0..positions).map(at).collect() })
    }
}

impl PatchGate {
    fn new(query: &[f32], matching: &[f32]) -> Self {
        let (length, temperature) = (length(query), f64::from(TEMPERATURE));
        let cosines: Vec<f64> = matching.iter().map(|&m| f64::from(m) / length * temperature).collect();
        let powers: Vec<f64> = cosines.iter().map(|cos| (cos / temperature).exp()).collect();
        let sum: f64 = powers.iter().sum();
        let shares: Vec<f64> = powers.iter().map(|power| power / sum).collect();
        let weight = shares[shares.len() / 2..].iter().sum();
        Self { cosines, shares, weight }
    }
}

/// The cosine of two vectors, with the epsilon of the discrepancy (method.md 5).
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot: f64 = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
    dot / (length(a) * length(b))
}

fn length(a: &[f32]) -> f64 {
    a.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().max(1e-16).sqrt()
}

/// Mean of `value` over the channels of `[C, H, W]`.
pub(super) fn mean([channels, height, width]: [usize; 3], value: impl Fn(usize) -> f32) -> ScoreMap {
    let positions = height * width;
    let at = |p: usize| (0..channels).map(|c| f64::from(value(c * positions + p))).sum::<f64>();
    let data = (0..positions).map(|p| (at(p) / channels as f64) as f32).collect();
    ScoreMap { width, height, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `g` of method.md 12.
    fn g(count: usize, phase: f64, k: f64) -> Vec<f64> {
        (1..=count).map(|n| (k * n as f64 + phase).sin()).collect()
    }

    /// Golden values of method.md section 12.
    #[test]
    fn the_gate_of_a_patch_matches_the_golden_values() {
        let (query, memory) = (g(4, 0.2, 0.8), g(24, 0.1, 0.6));
        let matching: Vec<f32> = memory
            .chunks(4)
            .map(|item| {
                let dot: f64 = item.iter().zip(&query).map(|(a, b)| a * b).sum();
                let length = item.iter().map(|v| v * v).sum::<f64>().sqrt();
                (dot / length / f64::from(TEMPERATURE)) as f32
            })
            .collect();
        let query: Vec<f32> = query.into_iter().map(|v| v as f32).collect();
        let gate = PatchGate::new(&query, &matching);
        let right = [0.799021, -0.344790, -0.464435, 0.976205, -0.867176, 0.481618];
        assert!(gate.cosines.iter().zip(right).all(|(a, b)| (a - b).abs() < 1e-5), "{:?}", gate.cosines);
        assert!((gate.shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((gate.weight - 0.723504).abs() < 1e-5, "{}", gate.weight);
    }

    #[test]
    fn a_patch_is_like_itself_and_there_is_none_beyond_the_last() {
        let teacher = vec![1.0, 0.0, 2.0, 0.0, 3.0, 2.0, 0.0, 0.0];
        let level = LevelFeatures {
            shape: [2, 2, 2],
            teacher: teacher.clone(),
            gate: None,
            compared: Some([teacher, vec![0.0, 3.0, 2.0, 0.0, 1.0, 0.0, 0.0, 0.0]]),
            discrepancy: vec![0.0; 4],
        };
        let patch = level.patch(1).unwrap();
        assert_eq!((patch.teacher.as_slice(), patch.cosine), ([0.0, 2.0].as_slice(), 0.0));
        let similar = level.similar(0).unwrap().data;
        // The vectors (1, 3), (0, 2), (2, 0) and zero.
        let right = [1.0, 0.9486833, 0.31622776, 0.0];
        assert!(similar.iter().zip(right).all(|(a, b)| (a - b).abs() < 1e-6), "{similar:?}");
        assert!(level.patch(4).is_none() && level.similar(4).is_none());
    }
}
