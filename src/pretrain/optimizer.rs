//! Adam (Kingma and Ba, 2015) on one flat vector, and the schedule of its learning rate.

use burn::tensor::Tensor;

const BETA_1: f64 = 0.9;
const BETA_2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Steps over which the learning rate rises from 0.
const WARM_UP: f64 = 100.0;

/// First and second moment of the gradient.
#[derive(Clone, Debug)]
pub struct Adam {
    /// Running mean of the gradient.
    pub first: Tensor<1>,
    /// Running mean of its square.
    pub second: Tensor<1>,
    /// Steps taken.
    pub step: usize,
}

impl Adam {
    /// All moments zero, of the shape and on the device of `weights`.
    pub fn new(weights: &Tensor<1>) -> Self {
        Self { first: weights.zeros_like(), second: weights.zeros_like(), step: 0 }
    }

    /// One step: the new weights.
    pub fn step(&mut self, weights: Tensor<1>, gradient: Tensor<1>, rate: f64) -> Tensor<1> {
        self.step += 1;
        let t = self.step.min(100_000) as i32;
        self.first = self.first.clone() * BETA_1 + gradient.clone() * (1.0 - BETA_1);
        self.second = self.second.clone() * BETA_2 + gradient.clone() * gradient * (1.0 - BETA_2);
        let scale = rate / (1.0 - BETA_1.powi(t));
        let root = (self.second.clone() / (1.0 - BETA_2.powi(t))).sqrt() + EPSILON;
        weights - self.first.clone() * scale / root
    }
}

/// Linear warm-up by steps, then half a cosine over the whole run; `progress` is 0 to 1.
pub fn learning_rate(peak: f64, step: usize, progress: f64) -> f64 {
    let warm_up = ((step + 1) as f64 / WARM_UP).min(1.0);
    let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress.clamp(0.0, 1.0)).cos());
    // Never quite zero, so that even the last step has an effect.
    peak * warm_up * cosine.max(1e-3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn first_step_moves_by_the_rate_against_the_sign() {
        let device = Device::flex();
        let weights = Tensor::<1>::from_floats([1.0, 2.0, 3.0], &device);
        let gradient = Tensor::<1>::from_floats([4.0, -0.5, 0.0], &device);
        let mut adam = Adam::new(&weights);
        let moved: Vec<f32> = adam.step(weights, gradient, 0.1).into_data().try_into_vec().unwrap();
        for (got, want) in moved.iter().zip([0.9, 2.1, 3.0]) {
            assert!((got - want).abs() < 1e-5, "{moved:?}");
        }
    }

    #[test]
    fn rate_rises_then_falls() {
        assert!(learning_rate(1.0, 0, 0.0) < 0.02);
        assert!((learning_rate(1.0, 1000, 0.0) - 1.0).abs() < 1e-9);
        assert!((learning_rate(1.0, 1000, 0.5) - 0.5).abs() < 1e-9);
        assert!(learning_rate(1.0, 1000, 1.0) <= 1e-3);
    }
}
