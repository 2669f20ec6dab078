//! Light over the whole view, and the camera: exposure, focus, grain and compression.

use super::canvas::Canvas;
use super::tiles::Tiles;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Applies these, each to a share of the pictures.
pub fn finish(canvas: &mut Canvas, rng: &mut ChaCha8Rng, tiles: &Tiles) {
    let size = canvas.size;
    if rng.random_bool(0.5) {
        let (low, octave) = (rng.random_range(0.2..0.9_f32), tiles.octave(rng));
        let scale = rng.random_range(0.5..2.5) / size as f32;
        let value = |i: usize| {
            let n = octave.at((i % size) as f32 * scale, (i / size) as f32 * scale);
            low + (1.25 - low) * n
        };
        canvas.shade(&(0..size * size).map(value).collect::<Vec<_>>());
    }
    if rng.random_bool(0.25) {
        let (x0, y0) = (rng.random_range(0.3..0.7), rng.random_range(0.3..0.7));
        let fall = rng.random_range(-0.5..1.6_f32);
        let value = |i: usize| {
            let (x, y) = ((i % size) as f32 / size as f32 - x0, (i / size) as f32 / size as f32 - y0);
            (1.0 - fall * (x * x + y * y)).max(0.0)
        };
        canvas.shade(&(0..size * size).map(value).collect::<Vec<_>>());
    }
    if rng.random_bool(0.3) {
        canvas.blur(rng.random_range(1..=(1 + size / 64)));
    }
    if rng.random_bool(0.12) {
        grey(canvas);
    }
    if rng.random_bool(0.5) {
        let (gain, offset) = (rng.random_range(0.5..1.3_f32), rng.random_range(-0.1..0.25_f32));
        let gamma = rng.random_range(0.6..1.5_f32);
        let cast = [0, 1, 2].map(|_| rng.random_range(0.92..1.08_f32));
        let bend: Vec<f32> = (0..=255).map(|i| (i as f32 / 255.0).powf(gamma)).collect();
        for (plane, cast) in canvas.planes.iter_mut().zip(cast) {
            for p in plane {
                *p = bend[(p.clamp(0.0, 1.0) * 255.0) as usize] * gain * cast + offset;
            }
        }
    }
    if rng.random_bool(0.9) {
        expose(canvas, rng);
    }
    if rng.random_bool(0.5) {
        let strength = rng.random_range(0.0..1.0_f32).powi(2) * 0.1;
        let same = rng.random_bool(0.3);
        let start = rng.clone();
        for plane in &mut canvas.planes {
            let mut again = start.clone();
            let grain = tiles.grain(if same { &mut again } else { rng });
            plane.iter_mut().zip(grain).for_each(|(p, g)| *p += g * strength);
        }
    }
    if rng.random_bool(0.1) {
        blocks(canvas, rng.random_range(0.05..0.5));
    }
}

/// Exposes as a photographer would: not nearly black, nearly white or without contrast.
fn expose(canvas: &mut Canvas, rng: &mut ChaCha8Rng) {
    let count = (3 * canvas.size * canvas.size) as f32;
    let values = || canvas.planes.iter().flatten();
    let mean = values().sum::<f32>() / count;
    let deviation = (values().map(|v| (v - mean) * (v - mean)).sum::<f32>() / count).sqrt();
    let wanted_mean = mean.clamp(rng.random_range(0.1..0.35), rng.random_range(0.65..0.9));
    let wanted_deviation = deviation.max(rng.random_range(0.01..0.12));
    let gain = wanted_deviation / (deviation + 1e-3);
    if (wanted_mean, gain.max(1.0)) != (mean, 1.0) {
        for p in canvas.planes.iter_mut().flatten() {
            *p = (*p - mean) * gain.clamp(1.0, 12.0) + wanted_mean;
        }
    }
}

fn grey(canvas: &mut Canvas) {
    let [r, g, b] = &mut canvas.planes;
    for ((r, g), b) in r.iter_mut().zip(g).zip(b) {
        let y = 0.299 * *r + 0.587 * *g + 0.114 * *b;
        (*r, *g, *b) = (y, y, y);
    }
}

/// Pulls blocks of 8 x 8 toward their mean, as strong compression does.
fn blocks(canvas: &mut Canvas, strength: f32) {
    let size = canvas.size;
    for plane in &mut canvas.planes {
        for top in (0..size).step_by(8) {
            for left in (0..size).step_by(8) {
                let cells = || (0..64).map(|i| (top + i / 8) * size + left + i % 8);
                let mean = cells().map(|i| plane[i]).sum::<f32>() / 64.0;
                for i in cells() {
                    plane[i] += (mean - plane[i]) * strength;
                }
            }
        }
    }
}
