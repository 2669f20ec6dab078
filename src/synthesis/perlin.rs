//! Single-octave Perlin noise on a lattice of unit gradients (method.md 3.2).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::{SQRT_2, TAU};

/// The random gradients of one noise map: `(rows + 1) x (columns + 1)` unit vectors.
#[derive(Clone, Debug)]
pub struct Lattice {
    rows: usize,
    columns: usize,
    /// First component along the rows of the picture, second along its columns; row-major.
    gradients: Vec<[f32; 2]>,
}

impl Lattice {
    /// Gradients at `angle(row, column)` radians; `rows` and `columns` count cells, at least one each.
    pub fn from_angles(rows: usize, columns: usize, mut angle: impl FnMut(usize, usize) -> f32) -> Self {
        let (rows, columns) = (rows.max(1), columns.max(1));
        let gradients = (0..=rows)
            .flat_map(|r| (0..=columns).map(move |c| (r, c)))
            .map(|(r, c)| {
                let (sin, cos) = angle(r, c).sin_cos();
                [cos, sin]
            })
            .collect();
        Self { rows, columns, gradients }
    }

    /// Gradients in uniformly random directions.
    pub fn random(rows: usize, columns: usize, rng: &mut ChaCha8Rng) -> Self {
        Self::from_angles(rows, columns, |_, _| rng.random_range(0.0..TAU))
    }

    /// The noise at every pixel of a `height x width` map, row-major, within [-1, 1].
    ///
    /// Pixels have fractional lattice coordinates, so the sizes need not be divisible by the number of cells
    /// (the reference requires that; if they are divisible, both agree).
    pub fn noise(&self, height: usize, width: usize) -> Vec<f32> {
        let across: Vec<(usize, f32, f32)> = (0..width).map(|j| position(j, self.columns, width)).collect();
        let mut map = Vec::with_capacity(height * width);
        for i in 0..height {
            let (r, fu, tu) = position(i, self.rows, height);
            let upper = &self.gradients[r * (self.columns + 1)..][..self.columns + 1];
            let lower = &self.gradients[(r + 1) * (self.columns + 1)..][..self.columns + 1];
            map.extend(across.iter().map(|&(c, fv, tv)| {
                let dot = |g: [f32; 2], u: f32, v: f32| g[0] * u + g[1] * v;
                let near = lerp(dot(upper[c], fu, fv), dot(lower[c], fu - 1.0, fv), tu);
                let far = lerp(dot(upper[c + 1], fu, fv - 1.0), dot(lower[c + 1], fu - 1.0, fv - 1.0), tu);
                SQRT_2 * lerp(near, far, tv)
            }));
        }
        map
    }
}

/// The lattice cell of pixel `index` out of `pixels`, the position within the cell, and its fade.
fn position(index: usize, cells: usize, pixels: usize) -> (usize, f32, f32) {
    // Integer division gives the cell exactly; only the remainder is rounded.
    let scaled = index * cells;
    let fraction = (scaled % pixels) as f32 / pixels as f32;
    (scaled / pixels, fraction, fade(fraction))
}

fn fade(x: f32) -> f32 {
    x * x * x * (x * (6.0 * x - 15.0) + 10.0)
}

fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + t * (b - a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    fn golden() -> Lattice {
        Lattice::from_angles(2, 2, |r, c| TAU * (0.11 * (3 * r + c + 1) as f32).fract())
    }

    #[test]
    fn golden_values() {
        let map = golden().noise(8, 8);
        let row = [0.0, 0.094185, -0.121928, -0.241355, 0.0, 0.215127, 0.037470, -0.169900];
        for (j, &expected) in row.iter().enumerate() {
            assert!((map[j] - expected).abs() < 2e-6, "column {j}: {} is not {expected}", map[j]);
        }
        assert!((map[3 * 8 + 5] - 0.318357).abs() < 2e-6);
        assert!((map[5 * 8 + 2] + 0.141602).abs() < 2e-6);
        assert!((map[7 * 8 + 7] + 0.396400).abs() < 2e-6);
    }

    #[test]
    fn an_indivisible_size_samples_the_same_noise() {
        // The positions of 8 pixels over 2 cells are among those of 16 pixels, and among those of 24.
        let (small, large) = (golden().noise(8, 8), golden().noise(24, 24));
        for i in 0..8 {
            for j in 0..8 {
                assert!((small[i * 8 + j] - large[3 * i * 24 + 3 * j]).abs() < 1e-6);
            }
        }
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let map = Lattice::random(32, 8, &mut rng).noise(96 + 5, 33);
        assert_eq!(map.len(), 101 * 33);
        assert!(map.iter().all(|v| v.abs() <= 1.0));
        // Neighboring pixels have close values, also where a cell ends between two pixels.
        let map = Lattice::random(2, 2, &mut rng).noise(225, 225);
        assert!(map.windows(2).enumerate().all(|(n, w)| n % 225 == 224 || (w[0] - w[1]).abs() < 0.1));
    }

    #[test]
    fn typical_maximum_grows_with_the_lattice() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut mean_maximum = |cells| {
            (0..20)
                .map(|_| {
                    Lattice::random(cells, cells, &mut rng).noise(128, 128).into_iter().fold(-1.0, f32::max)
                })
                .sum::<f32>()
                / 20.0
        };
        // method.md 3.2: 0.46 for (1,1) to 0.94 for (32,32).
        assert!((mean_maximum(1) - 0.46).abs() < 0.12);
        assert!((mean_maximum(32) - 0.94).abs() < 0.06);
    }
}
