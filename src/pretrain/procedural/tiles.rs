//! Gradient noise, computed once and looked up: calling the noise function for each pixel and octave would
//! cost more than the network.

use noise::{NoiseFn, Perlin};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Side of a tile in samples.
const SIDE: usize = 512;
/// Samples from one lattice point to the next.
const FINE: f32 = 8.0;
/// How many tiles.
const TILES: usize = 6;

/// Tiles of Perlin noise, values 0 to 1, and one of Gaussian noise.
#[derive(Debug)]
pub struct Tiles {
    perlin: Vec<Vec<f32>>,
    grain: Vec<f32>,
}

impl Tiles {
    /// Computes them.
    pub fn new(rng: &mut ChaCha8Rng) -> Self {
        let perlin = (0..TILES).map(|_| {
            let noise = Perlin::new(rng.random());
            let value = |i: usize| {
                let (x, y) = ((i % SIDE) as f64, (i / SIDE) as f64);
                0.5 + 0.6 * noise.get([x / f64::from(FINE) + 0.03, y / f64::from(FINE) + 0.07]) as f32
            };
            (0..SIDE * SIDE).map(value).collect()
        });
        let perlin = perlin.collect();
        let grain = (0..SIDE * SIDE).map(|_| crate::normal::normal(rng) as f32).collect();
        Self { perlin, grain }
    }

    /// Gaussian noise with standard deviation 1 from a random position of the tile, row by row.
    pub fn grain(&self, rng: &mut ChaCha8Rng) -> impl Iterator<Item = f32> + '_ {
        let start = rng.random_range(0..SIDE * SIDE);
        self.grain.iter().cycle().skip(start).copied()
    }

    /// One octave at a random position in the noise.
    pub fn octave(&self, rng: &mut ChaCha8Rng) -> Octave<'_> {
        let (sin, cos) = rng.random_range(0.0..std::f32::consts::TAU).sin_cos();
        Octave {
            tile: &self.perlin[rng.random_range(0..TILES)],
            sin: sin * FINE,
            cos: cos * FINE,
            x: rng.random_range(0.0..4096.0),
            y: rng.random_range(0.0..4096.0),
        }
    }

    /// Fractal noise at the given coordinates (in periods of its lowest octave), stretched to 0..1.
    pub fn fractal(
        &self,
        rng: &mut ChaCha8Rng,
        places: &[(f32, f32)],
        octaves: usize,
        persistence: f32,
        ridged: bool,
    ) -> Vec<f32> {
        let mut out = vec![0.0; places.len()];
        let (mut scale, mut amplitude) = (1.0, 1.0);
        for _ in 0..octaves {
            let octave = self.octave(rng);
            for (o, (u, v)) in out.iter_mut().zip(places) {
                let n = octave.at(u * scale, v * scale);
                *o += amplitude * if ridged { 1.0 - (2.0 * n - 1.0).abs() } else { n };
            }
            scale *= 2.0;
            amplitude *= persistence;
        }
        super::canvas::stretch(&mut out);
        out
    }
}

/// One octave of noise at a random position and rotation.
pub struct Octave<'a> {
    tile: &'a [f32],
    sin: f32,
    cos: f32,
    x: f32,
    y: f32,
}

impl Octave<'_> {
    /// The noise at a position in lattice units; about 0 to 1.
    pub fn at(&self, u: f32, v: f32) -> f32 {
        let x = u * self.cos + v * self.sin + self.x;
        let y = v * self.cos - u * self.sin + self.y;
        let (fx, fy) = (x.floor(), y.floor());
        let (x0, x1) = (mirror(fx as i32), mirror(fx as i32 + 1));
        let (y0, y1) = (mirror(fy as i32) * SIDE, mirror(fy as i32 + 1) * SIDE);
        let (wx, wy) = (x - fx, y - fy);
        let top = self.tile[y0 + x0] + (self.tile[y0 + x1] - self.tile[y0 + x0]) * wx;
        let low = self.tile[y1 + x0] + (self.tile[y1 + x1] - self.tile[y1 + x0]) * wx;
        top + (low - top) * wy
    }
}

/// Mirrors the index back and forth, so that a tile has no seam.
fn mirror(i: i32) -> usize {
    let i = i.rem_euclid(2 * SIDE as i32) as usize;
    if i < SIDE { i } else { 2 * SIDE - 1 - i }
}
