//! The size of the features. Within a network of convolutions and ReLUs it does not matter: a residual stream may be
//! multiplied by a number where it is written and divided by it where it is read. After the teacher it does matter:
//! gate and generator have initial weights and a learning rate suited to the features of ImageNet networks, and the
//! gate adds a position encoding of fixed size (method.md 2.1, 2.2, 2.9). Distillation compares projections and
//! directions, so it leaves the size to chance; here the size of the large network's features is restored.

use super::network::Layout;
use super::standardize::numbers;
use crate::Result;
use burn::tensor::Tensor;

/// The factor for each level by which the features of `small` must be multiplied to have the root mean square
/// of those of `large`; `[B, C, H, W]` of the same pictures.
///
/// # Errors
/// The device fails.
pub fn factors(large: [Tensor<4>; 3], small: [Tensor<4>; 3]) -> Result<[f32; 3]> {
    let size = |x: Tensor<4>| x.square().mean().sqrt();
    let mut factors = [1.0; 3];
    for ((factor, large), small) in factors.iter_mut().zip(large).zip(small) {
        *factor = numbers(&(size(large) / (size(small) + 1e-6)))?[0];
    }
    Ok(factors)
}

/// The flat weights with the features of level `k` scaled by `factors[k]`; the projections' results stay the
/// same.
pub fn scaled(layout: &Layout, weights: &[f32], factors: [f32; 3]) -> Vec<f32> {
    let mut scaled = weights.to_vec();
    for unit in &layout.units {
        let [read, written] =
            [unit.reads, unit.writes].map(|level| level.map_or(1.0, |level| factors[level]));
        let (weight, rest) = scaled[unit.start..].split_at_mut(unit.weight_len());
        weight.iter_mut().for_each(|w| *w *= written / read);
        rest[..unit.output].iter_mut().for_each(|b| *b *= written);
    }
    scaled
}

#[cfg(test)]
mod tests {
    use super::super::network::CompactTrunk;
    use super::*;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn features_are_scaled_and_projections_are_not() {
        let device = Device::flex();
        let layout = Layout::new([64, 128, 256]);
        let weights = Tensor::<1>::random([layout.weights], Distribution::Uniform(-0.05, 0.05), &device);
        let x = Tensor::<4>::random([1, 3, 32, 32], Distribution::Uniform(-1.0, 1.0), &device);
        let given = [0.5, 0.25, 3.0];
        let larger = scaled(&layout, &numbers(&weights).unwrap(), given);
        let larger = Tensor::<1>::from_floats(larger.as_slice(), &device);
        let networks = [&weights, &larger].map(|weights| CompactTrunk::new(&layout, weights, false));
        let [before, after] = [0, 1].map(|i| networks[i].features(x.clone()));
        let found = factors(after.clone(), before.clone()).unwrap();
        for (found, given) in found.into_iter().zip(given) {
            assert!((found / given - 1.0).abs() < 1e-3, "{found} instead of {given}");
        }
        for (level, (before, after)) in before.into_iter().zip(after).enumerate() {
            let close = |a: Tensor<4>, b: Tensor<4>| {
                let off = numbers(&(a.clone() - b).abs().max()).unwrap()[0];
                let most = numbers(&a.abs().max()).unwrap()[0];
                assert!(most > 0.0 && off <= 1e-4 * most, "level {level}: {off} of {most}");
            };
            close(before.clone().mul_scalar(given[level]), after.clone());
            close(networks[0].project(level, before), networks[1].project(level, after));
        }
    }
}
