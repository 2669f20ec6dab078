//! Normal random numbers: weights to begin with, noise.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// One standard normal number (Box-Muller).
pub(crate) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
