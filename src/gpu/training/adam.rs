//! Adam's rates with bias correction, which need the number of steps of every group of parameters.

use super::convolution::BETA2;
use crate::{Error, Result};

/// Adam's epsilon (method.md 2.9).
const EPSILON: f64 = 1e-8;

/// Step counts of groups of parameters; all parameters of a group learn in the same steps.
#[derive(Clone, Debug)]
pub(super) struct Adam {
    beta1: f64,
    times: Vec<u32>,
}

impl Adam {
    /// `groups` groups that have not learned yet.
    pub fn new(beta1: f32, groups: usize) -> Self {
        Self { beta1: f64::from(beta1), times: vec![0; groups] }
    }

    /// The number of steps that each group has learned.
    pub fn times(&self) -> &[u32] {
        &self.times
    }

    /// Continues from earlier step counts.
    ///
    /// # Errors
    /// Their number is wrong.
    pub fn resume(&mut self, times: &[u32]) -> Result<()> {
        if times.len() != self.times.len() {
            return Err(Error::Training(
                "the checkpoint is of another network; train anew without `resume`".into(),
            ));
        }
        self.times = times.to_vec();
        Ok(())
    }

    /// Rate and epsilon of a group's next step, bias corrections included.
    pub fn next(&mut self, group: usize, lr: f64) -> [f32; 2] {
        self.times[group] += 1;
        let time = f64::from(self.times[group]);
        let second = (1.0 - f64::from(BETA2).powf(time)).sqrt();
        [(lr * second / (1.0 - self.beta1.powf(time))) as f32, (EPSILON * second) as f32]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_is_the_rate() {
        let mut adam = Adam::new(0.5, 2);
        // m = d / 2 and v = d^2 / 1000, so that the step is lr d / (|d| + 1e-8).
        let [rate, epsilon] = adam.next(1, 0.005);
        let v = 0.001f32.sqrt();
        assert!((rate * 0.5 / v - 0.005).abs() < 1e-6 && (epsilon / v - 1e-8).abs() < 1e-13);
        assert_eq!(adam.times(), [0, 1]);
        assert!(adam.resume(&[1]).is_err());
    }
}
