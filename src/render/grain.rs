//! Random values that are looked up by position: per thread and per pixel, and as smooth noise.

use noise::{NoiseFn, Perlin};

/// Mixes the bits of one 64-bit word (the finaliser of SplitMix64).
pub(super) fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

/// A family of random values, one for every lattice point; the same seed gives the same values.
#[derive(Clone, Copy)]
pub(super) struct Lattice(pub(super) u64);

impl Lattice {
    fn bits(self, i: i64, j: i64) -> u64 {
        mix(self.0 ^ mix((i as u64).wrapping_mul(0x0100_0000_01B3) ^ mix(j as u64)))
    }

    /// Uniform in 0..1 at (i, j).
    pub(super) fn uniform(self, i: i64, j: i64) -> f32 {
        (self.bits(i, j) >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Uniform in -1..1 at (i, j).
    pub(super) fn signed(self, i: i64, j: i64) -> f32 {
        2.0 * self.uniform(i, j) - 1.0
    }

    /// Nearly normal (mean 0, standard deviation 1) at (i, j): the sum of four uniform 16-bit numbers.
    pub(super) fn normal(self, i: i64, j: i64) -> f32 {
        let bits = self.bits(i, j);
        let sum: u32 = (0..4).map(|part| ((bits >> (16 * part)) & 0xFFFF) as u32).sum();
        (sum as f32 / 65535.0 - 2.0) * 3f32.sqrt()
    }

    /// Smooth noise along one axis, about -1..1: lattice values interpolated with a cubic ramp.
    pub(super) fn along(self, row: i64, x: f32) -> f32 {
        let (cell, part) = (x.floor(), x - x.floor());
        let (a, b) = (self.signed(row, cell as i64), self.signed(row, cell as i64 + 1));
        a + (b - a) * ramp(part)
    }
}

/// Smooth noise over the plane, about -1..1.
pub(super) struct Cloud(Perlin);

impl Cloud {
    pub(super) fn new(seed: u64) -> Self {
        Self(Perlin::new(mix(seed) as u32))
    }

    /// One octave at (x, y) with features about `scale` pixels wide.
    pub(super) fn at(&self, x: f32, y: f32, scale: f32) -> f32 {
        1.4 * self.0.get([f64::from(x / scale), f64::from(y / scale)]) as f32
    }

    /// `octaves` octaves, each half as wide and half as strong as the one before.
    pub(super) fn rough(&self, x: f32, y: f32, scale: f32, octaves: u32) -> f32 {
        let (mut sum, mut weight, mut scale) = (0.0, 1.0, scale);
        for octave in 0..octaves {
            let shift = 17.3 * octave as f32 * scale;
            sum += weight * self.at(x + shift, y - shift, scale);
            weight *= 0.5;
            scale *= 0.5;
        }
        sum
    }
}

/// The cubic 0..1 ramp 3t^2 - 2t^3, flat outside.
pub(super) fn ramp(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A ramp from 0 at `from` to 1 at `to` (either may be the larger).
pub(super) fn between(from: f32, to: f32, x: f32) -> f32 {
    ramp((x - from) / (to - from))
}

/// Linear mixing of two colors.
pub(super) fn blend(a: [f32; 3], b: [f32; 3], part: f32) -> [f32; 3] {
    std::array::from_fn(|k| a[k] + (b[k] - a[k]) * part)
}

/// A color times a number.
pub(super) fn scaled(a: [f32; 3], by: f32) -> [f32; 3] {
    a.map(|channel| channel * by)
}
