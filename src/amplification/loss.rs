//! The stage-1 losses: focal for the gate, amplification for the generator (method.md 2.6, 2.7; Eq. 6-8).
//!
//! The two halves share no parameter: the focal loss trains `phi_1` and the memories, the amplification loss
//! only `phi_2`. In training the gate that multiplies the residual is the true patch label, so `F_A` differs
//! from `F_T` on labeled patches only, and the generator has to run on the sampled ones alone.

use super::gate::unit;
use burn::tensor::{Int, Tensor, TensorData};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

const FOCAL_ALPHA: f32 = 0.8;

/// Focal loss of one level, gamma 2, alpha 0.8 on anomalies: predicted gate `[M, 1]` and label `[M, 1]`
/// (1 = anomalous) to `[1]`, the mean over the patches.
pub fn focal(weight: Tensor<2>, label: Tensor<2>) -> Tensor<1> {
    let rest = -weight.clone() + 1.0;
    let positive = rest.clone().powi_scalar(2) * label.clone() * weight.clone().log();
    let negative = weight.powi_scalar(2) * (-label + 1.0) * rest.log();
    (positive.mul_scalar(-FOCAL_ALPHA) + negative.mul_scalar(FOCAL_ALPHA - 1.0)).mean()
}

/// Which rows of a level's `[B N, C]` matrix enter the amplification loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairSample {
    /// At most 5000 foreground patches that are not anomalous.
    pub normal: Vec<i64>,
    /// At most 1000 anomalous patches.
    pub anomalous: Vec<i64>,
}

impl PairSample {
    /// Whether there is a pair at all.
    pub fn is_empty(&self) -> bool {
        self.normal.is_empty() || self.anomalous.is_empty()
    }

    /// The rows of `matrix` `[M, C]` at `indices`: `[n, C]`.
    pub fn rows(matrix: &Tensor<2>, indices: &[i64]) -> Tensor<2> {
        let data = TensorData::new(indices.to_vec(), [indices.len()]);
        let indices = Tensor::<1, Int>::from_data(data, &matrix.device());
        matrix.clone().select(0, indices)
    }
}

/// Draws the pairs of one level without replacement from the patch labels of the whole batch.
pub fn sample_pairs(
    anomalous: &[bool],
    foreground: &[bool],
    rng: &mut ChaCha8Rng,
    [most_normal, most_anomalous]: [usize; 2],
) -> PairSample {
    let mut draw = |keep: &dyn Fn(usize) -> bool, most: usize| {
        let mut indices: Vec<i64> = (0..anomalous.len()).filter(|&i| keep(i)).map(|i| i as i64).collect();
        if indices.len() > most {
            indices = indices.partial_shuffle(rng, most).0.to_vec();
        }
        indices
    };
    PairSample {
        normal: draw(&|i| !anomalous[i] && foreground[i], most_normal),
        anomalous: draw(&|i| anomalous[i], most_anomalous),
    }
}

/// Amplification loss of one level: `mean relu(S1 - (S0 - alpha))` over all pairs, where `S0` and `S1` are
/// the cosines of normal rows `[n, C]` with the anomalous rows `[a, C]` before and after amplification. `[1]`
pub fn amplification(normal: Tensor<2>, anomalous: Tensor<2>, advanced: Tensor<2>, alpha: f32) -> Tensor<1> {
    let normal = unit(normal);
    let before = normal.clone().matmul(unit(anomalous).transpose());
    let after = normal.matmul(unit(advanced).transpose());
    // By rows first: Burn sums more than four million numbers at once in an order that depends on its threads.
    (after - before + alpha).clamp_min(0.0).mean_dim(1).mean()
}

/// The contrastive objective of Table VI (a): advanced normal rows `[n, C]` pull together, normal and
/// anomalous rows `[a, C]` push apart: `mean(1 - cos(n, n')) + mean relu(cos(n, a))`. `[1]`
pub fn contrastive(normal: Tensor<2>, anomalous: Tensor<2>) -> Tensor<1> {
    let (normal, anomalous) = (unit(normal), unit(anomalous));
    // mean over all pairs of cos(n, n') is the squared length of the mean unit vector.
    let center = normal.clone().mean_dim(0);
    let together = -(center.clone() * center).sum() + 1.0;
    together + normal.matmul(anomalous.transpose()).clamp_min(0.0).mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amplification::anomaly_share;
    use burn::tensor::Device;
    use rand_chacha::rand_core::SeedableRng;

    /// `g(shape, ph, k)` of method.md section 12.
    fn g(rows: usize, columns: usize, phase: f64, k: f64) -> Tensor<2> {
        let values: Vec<f32> =
            (0..rows * columns).map(|n| (k * (n + 1) as f64 + phase).sin() as f32).collect();
        Tensor::from_data(TensorData::new(values, [rows, columns]), &Device::flex())
    }

    fn close(tensor: Tensor<1>, expected: f32) {
        let value: f32 = tensor.into_scalar();
        assert!((value - expected).abs() < 1e-5, "{value} is not {expected}");
    }

    #[test]
    fn gate_matches_the_golden_value() {
        let share = anomaly_share(g(1, 4, 0.2, 0.8), g(6, 4, 0.1, 0.6));
        close(share.reshape([1]), 0.723504);
    }

    #[test]
    fn focal_matches_the_golden_value() {
        let device = Device::flex();
        let w = Tensor::<2>::from_floats([[0.1], [0.5], [0.9], [0.3]], &device);
        let y = Tensor::<2>::from_floats([[0.0], [1.0], [1.0], [0.0]], &device);
        close(focal(w, y), 0.0365258);
    }

    #[test]
    fn amplification_matches_the_golden_value() {
        let (normal, anomalous, advanced) = (g(5, 4, 0.0, 0.5), g(3, 4, 0.4, 0.9), g(3, 4, 1.4, 0.4));
        close(amplification(normal.clone(), anomalous.clone(), advanced, 0.3), 0.491623);
        close(amplification(normal, anomalous.clone(), anomalous, 0.3), 0.3);
    }

    #[test]
    fn contrastive_is_the_mean_over_all_pairs() {
        let (n, a) = (unit(g(5, 4, 0.0, 0.5)), unit(g(3, 4, 0.4, 0.9)));
        let pull = (-n.clone().matmul(n.clone().transpose()) + 1.0).mean();
        let push = n.clone().matmul(a.clone().transpose()).clamp_min(0.0).mean();
        let expected: f32 = (pull + push).into_scalar();
        close(contrastive(n, a), expected);
    }

    #[test]
    fn pairs_are_foreground_bounded_and_distinct() {
        let anomalous: Vec<bool> = (0..40).map(|i| i % 4 == 0).collect();
        let foreground: Vec<bool> = (0..40).map(|i| i < 30).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let pairs = sample_pairs(&anomalous, &foreground, &mut rng, [12, 6]);
        assert_eq!((pairs.normal.len(), pairs.anomalous.len()), (12, 6));
        assert!(pairs.normal.iter().all(|&i| i % 4 != 0 && i < 30));
        assert!(pairs.anomalous.iter().all(|&i| i % 4 == 0));
        let distinct: std::collections::BTreeSet<_> = pairs.normal.iter().collect();
        assert_eq!(distinct.len(), 12);
    }
}
