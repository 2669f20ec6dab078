//! Endless procedural textures, about as varied as DTD's: patterns, bent planes, colors, relief, grain.

use super::geometry::enlarge_map;
use super::pattern::Pattern;
use crate::picture::Picture;
use noise::{NoiseFn, Perlin};
use palette::{Hsl, IntoColor, RgbHue, Srgb};
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::TAU;

/// Points per side at which the slowly varying fields (bending, lighting) are evaluated.
const COARSE: usize = 24;

/// A new `size x size` texture.
pub fn texture(size: usize, rng: &mut ChaCha8Rng) -> Picture {
    let mut field = pattern_field(size, rng);
    match rng.random_range(0..10) {
        0..2 => blend(&mut field, &pattern_field(size, rng), rng.random_range(0.2..0.6)),
        // Islands of a second pattern within the first.
        2 => {
            let (other, place) =
                (pattern_field(size, rng), slow_field(size, rng.random_range(2.0..5.0), rng));
            for ((a, b), p) in field.iter_mut().zip(other).zip(place) {
                *a += (b - *a) * ((p - 0.5) * 12.0 + 0.5).clamp(0.0, 1.0);
            }
        }
        _ => {}
    }
    let ramp = color_ramp(rng);
    let light = light(&field, size, rng);
    let grain = if rng.random_bool(0.55) { rng.random_range(1.0..18.0) } else { 0.0 };
    let colored_grain = rng.random_bool(0.3);
    let mut bytes = vec![0_u8; 4 * size * size];
    rng.fill_bytes(&mut bytes);
    let mut pixels = Vec::with_capacity(3 * size * size);
    for ((&value, &gain), noise) in field.iter().zip(&light).zip(bytes.chunks_exact(4)) {
        let color = ramp[(value * 255.0 + 0.5) as usize & 255];
        // The sum of two uniform bytes has a triangular distribution, close enough to Gaussian for grain.
        let grey = f32::from(noise[0]) + f32::from(noise[1]) - 255.0;
        for (channel, c) in color.into_iter().enumerate() {
            let n =
                if colored_grain { f32::from(noise[channel]) + f32::from(noise[3]) - 255.0 } else { grey };
            pixels.push((c * gain + grain * n / 128.0) as u8);
        }
    }
    Picture::from_raw(size as u32, size as u32, pixels).unwrap_or_default()
}

/// A random pattern on a rotated, stretched and perhaps bent plane, scaled to 0..1.
fn pattern_field(size: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let pattern = Pattern::random(rng);
    let side = if pattern.smooth { size.div_ceil(2) } else { size };
    let (low, high) = (pattern.periods.start.ln(), pattern.periods.end.ln());
    let frequency = rng.random_range(low..high).exp() / side as f64;
    let (sin, cos) = rng.random_range(0.0..TAU).sin_cos();
    // Mostly uniform; sometimes drawn out to fibres.
    let stretch =
        if rng.random_bool(0.25) { rng.random_range(2.0..6.0) } else { rng.random_range(0.8..1.25) };
    let (across, along) = (frequency * f64::sqrt(stretch), frequency / f64::sqrt(stretch));
    let (u0, v0) = (rng.random_range(0.0..64.0), rng.random_range(0.0..64.0));
    let bend = rng.random_bool(0.6).then(|| {
        let strength =
            rng.random_range(0.05..0.35_f64).powi(2) * 2.0 / frequency.max(1.0 / side as f64) * across;
        let scale = rng.random_range(1.5..5.0);
        let mut one = || slow_field(side, scale, rng);
        (strength.min(1.5) as f32, one(), one())
    });
    let mut field = Vec::with_capacity(side * side);
    for y in 0..side {
        for x in 0..side {
            let (fx, fy) = (x as f64, y as f64);
            let (mut u, mut v) = ((cos * fx + sin * fy) * across + u0, (cos * fy - sin * fx) * along + v0);
            if let Some((strength, du, dv)) = &bend {
                let n = y * side + x;
                u += f64::from(strength * 4.0 * (du[n] - 0.5));
                v += f64::from(strength * 4.0 * (dv[n] - 0.5));
            }
            field.push((pattern.value)(u, v) as f32);
        }
    }
    stretch_to_unit(&mut field);
    enlarge_map(&field, side, size)
}

/// Smooth noise in about 0..1 with `periods` per side.
fn slow_field(size: usize, periods: f64, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let noise = Perlin::new(rng.next_u32());
    let step = periods / COARSE as f64;
    let coarse: Vec<f32> = (0..COARSE * COARSE)
        .map(|n| noise.get([(n / COARSE) as f64 * step, (n % COARSE) as f64 * step]) as f32 * 0.6 + 0.5)
        .collect();
    enlarge_map(&coarse, COARSE, size)
}

fn blend(field: &mut [f32], other: &[f32], share: f32) {
    for (a, b) in field.iter_mut().zip(other) {
        *a += share * (b - *a);
    }
    stretch_to_unit(field);
}

fn stretch_to_unit(field: &mut [f32]) {
    let (low, high) = field.iter().fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    let scale = 1.0 / (high - low).max(1e-6);
    for value in field {
        *value = (*value - low) * scale;
    }
}

/// 256 colors between two to five random ones.
fn color_ramp(rng: &mut ChaCha8Rng) -> Vec<[f32; 3]> {
    let stops = rng.random_range(2..=5);
    let family = rng.random_range(0..5);
    let hue = rng.random_range(0.0..360.0_f32);
    let colors: Vec<[f32; 3]> = (0..stops)
        .map(|_| {
            let lightness = rng.random_range(0.05..0.95_f32);
            let (hue, saturation) = match family {
                // Anything goes.
                0 => return std::array::from_fn(|_| rng.random_range(0.0..255.0)),
                // Grey.
                1 => (hue, rng.random_range(0.0..0.06)),
                // Earth and skin.
                2 => (rng.random_range(10.0..55.0), rng.random_range(0.1..0.6)),
                // Shades of one hue.
                3 => (hue + rng.random_range(-18.0..18.0), rng.random_range(0.2..0.9)),
                // A hue and its complement.
                _ => {
                    let turn = if rng.random_bool(0.5) { 180.0 } else { 0.0 };
                    (hue + turn + rng.random_range(-25.0..25.0), rng.random_range(0.3..1.0))
                }
            };
            let rgb: Srgb = Hsl::new(RgbHue::from_degrees(hue), saturation, lightness).into_color();
            [rgb.red * 255.0, rgb.green * 255.0, rgb.blue * 255.0]
        })
        .collect();
    (0..256)
        .map(|n| {
            let place = n as f32 / 256.0 * (stops - 1) as f32;
            let (stop, weight) = (place as usize, place.fract());
            std::array::from_fn(|c| colors[stop][c] + weight * (colors[stop + 1][c] - colors[stop][c]))
        })
        .collect()
}

/// The gain of every pixel: relief lit from one side, and uneven lighting.
fn light(field: &[f32], size: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut gain = if rng.random_bool(0.5) {
        let (depth, base) = (rng.random_range(0.1..0.7_f32), rng.random_range(0.65..1.0_f32));
        slow_field(size, rng.random_range(0.6..3.0), rng)
            .into_iter()
            .map(|v| base + depth * (v - 0.5))
            .collect()
    } else {
        vec![1.0; size * size]
    };
    if rng.random_bool(0.45) {
        let (sin, cos) = rng.random_range(0.0..std::f32::consts::TAU).sin_cos();
        let height = rng.random_range(1.0..5.0_f32);
        for y in 0..size {
            for x in 0..size {
                let n = y * size + x;
                let right = field[y * size + (x + 1).min(size - 1)] - field[n];
                let down = field[(y + 1).min(size - 1) * size + x] - field[n];
                gain[n] *= (1.0 + height * (cos * right + sin * down)).clamp(0.3, 1.8);
            }
        }
    }
    gain
}
