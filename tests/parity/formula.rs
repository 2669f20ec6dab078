//! The deterministic numbers `r(n, p)`, and parameters of convolutional networks made from them.

use aand::{Error, Result};

/// `r(n, p)` of the fixtures' README: a hash of element index and stream, in `[-1, 1)`.
pub fn r(n: usize, p: u32) -> f64 {
    let mut x = (n as u32).wrapping_mul(0x9E37_79B1);
    x = x.wrapping_add(p.wrapping_mul(0x85EB_CA77)).wrapping_add(0x1656_67B1);
    x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
    x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
    x ^= x >> 16;
    f64::from(x >> 8) / f64::from(1 << 23) - 1.0
}

/// The numbers of stream `p` that are not negative, as features are.
pub fn positive(p: u32, count: usize) -> Vec<f32> {
    (0..count).map(|n| r(n, p).max(0.0) as f32).collect()
}

/// The stream of a parameter that has none by its place: its name as a number to the base 31.
pub fn stream(name: &str) -> u32 {
    name.bytes().fold(0, |p, byte| p.wrapping_mul(31).wrapping_add(u32::from(byte)))
}

/// The parameter `name` from stream `p`; what it is shows in the last part of its name and in its shape.
pub fn parameter(name: &str, shape: &[usize], p: u32) -> Result<Vec<f32>> {
    let (center, scale) = match (name.rsplit('.').next().unwrap_or_default(), shape) {
        ("weight", [input, _, _, _]) if name.ends_with("deconv.weight") => {
            (0.0, (6.0 / *input as f64).sqrt())
        }
        ("weight", [_, input, height, width]) => (0.0, (6.0 / (input * height * width) as f64).sqrt()),
        ("weight", _) => (1.0, 0.1),
        ("bias", _) => (0.0, 0.1),
        ("running_mean", _) => (0.0, 0.05),
        ("running_var", _) => (1.0, 0.4),
        _ => return Err(Error::Setting(format!("{name} has no formula"))),
    };
    Ok((0..shape.iter().product()).map(|n| (center + scale * r(n, p)) as f32).collect())
}

#[test]
fn the_deterministic_numbers() {
    let golden = [
        (0, 0, -0.009672999382019043),
        (1, 0, 0.4746439456939697),
        (2, 0, -0.22262930870056152),
        (0, 1, 0.21493053436279297),
        (1000, 7, -0.23190045356750488),
        (2359295, 61, 0.08044815063476562),
    ];
    golden.iter().for_each(|&(n, p, value)| assert_eq!(r(n, p), value, "r({n}, {p})"));
}
