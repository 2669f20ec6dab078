//! Tensors for models whose weights do not matter; shared with the tests beside the code.

use super::{Result, TensorSource};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Numbers that look random, running statistics included, scaled so that features neither vanish nor grow without
/// bound.
pub struct Random;

impl TensorSource for Random {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let seed: u64 = name.bytes().fold(7, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count: usize = shape.iter().product();
        let inputs = if shape.len() == 4 && !name.contains("deconv") { count / shape[0] } else { shape[0] };
        let (middle, spread) = match name.rsplit('.').next() {
            Some("running_var") => (1.0, 0.5),
            Some("weight") if shape.len() == 1 => (1.0, 0.5),
            Some("bias" | "running_mean") => (0.0, 0.1),
            Some("memory" | "items") => (0.0, 1.0),
            _ => (0.0, (6.0 / inputs as f32).sqrt()),
        };
        Ok((0..count).map(|_| middle + spread * rng.random_range(-1.0..1.0f32)).collect())
    }

    fn contains(&self, _: &str) -> bool {
        true
    }
}
