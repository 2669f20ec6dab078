//! Colors of materials: ramps from one number to a color.

use super::canvas::Canvas;
use palette::{FromColor, Hsv, Srgb};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Steps of a ramp.
const STEPS: usize = 256;

/// Colors by a number from 0 to 1.
#[derive(Clone, Debug)]
pub struct Ramp(Vec<[f32; 3]>);

/// A color like those of real things: often grey or dull, sometimes bright.
pub fn color(rng: &mut ChaCha8Rng) -> [f32; 3] {
    let value = rng.random_range(0.03..1.0_f32);
    let saturation = match rng.random_range(0..10) {
        0..4 => rng.random_range(0.0..0.08),
        4..8 => rng.random_range(0.05..0.5),
        _ => rng.random_range(0.4..1.0_f32),
    };
    let hue = rng.random_range(0.0..360.0_f32);
    let rgb = Srgb::from_color(Hsv::new(hue, saturation, value));
    [rgb.red, rgb.green, rgb.blue]
}

impl Ramp {
    /// From two stops of one dull color to five of all colors.
    pub fn random(rng: &mut ChaCha8Rng) -> Self {
        let base = color(rng);
        let stops: Vec<[f32; 3]> = match rng.random_range(0..10) {
            // One material: brightness varies, the hue hardly does.
            0..4 => {
                let spread = rng.random_range(0.03..0.5_f32);
                let cast = rng.random_range(0.0..0.06_f32);
                (0..rng.random_range(2..5))
                    .map(|_| {
                        let level = rng.random_range(-spread..spread);
                        base.map(|c| (c + level + rng.random_range(-1.0..1.0) * cast).clamp(0.0, 1.0))
                    })
                    .collect()
            }
            // Grey, full contrast.
            4..6 => (0..rng.random_range(2..5)).map(|_| [rng.random(); 3]).collect(),
            // Two materials.
            6..8 => vec![base, color(rng)],
            _ => (0..rng.random_range(3..6)).map(|_| color(rng)).collect(),
        };
        // Hard steps or smooth ones.
        let hard = rng.random_bool(0.15);
        let ramp = (0..STEPS).map(|i| {
            let t = i as f32 / (STEPS - 1) as f32 * (stops.len() - 1) as f32;
            let (k, w) = ((t as usize).min(stops.len() - 2), t - (t as usize).min(stops.len() - 2) as f32);
            let w = if hard { ((w - 0.5) * 8.0 + 0.5).clamp(0.0, 1.0) } else { w };
            [0, 1, 2].map(|c| stops[k][c] + (stops[k + 1][c] - stops[k][c]) * w)
        });
        Self(ramp.collect())
    }

    /// Colors a field.
    pub fn paint(&self, field: &[f32], size: usize) -> Canvas {
        let mut canvas = Canvas::flat(size, [0.0; 3]);
        let [r, g, b] = &mut canvas.planes;
        for (i, v) in field.iter().enumerate() {
            let step = (v.clamp(0.0, 1.0) * (STEPS - 1) as f32) as usize;
            [r[i], g[i], b[i]] = self.0[step];
        }
        canvas
    }
}
