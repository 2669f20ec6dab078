//! Materials: one number per pixel, 0 to 1.

use super::canvas::stretch;
use super::tiles::Tiles;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::TAU;

/// Coordinates of all pixels in periods of a pattern: rotated, stretched, sometimes warped or in perspective.
pub fn places(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize, period: f32) -> Vec<(f32, f32)> {
    // Manufactured things usually lie square to the camera.
    let angle = match rng.random_range(0..5) {
        0 | 1 => rng.random_range(0..4) as f32 * TAU / 4.0 + rng.random_range(-0.04..0.04),
        _ => rng.random_range(0.0..TAU),
    };
    let (sin, cos) = angle.sin_cos();
    let aspect = if rng.random_bool(0.5) { 1.0 } else { rng.random_range(-1.0..1.0_f32).exp() };
    let (x0, y0) = (rng.random_range(0.0..size as f32), rng.random_range(0.0..size as f32));
    let depth = if rng.random_bool(0.2) { rng.random_range(-0.4..0.4) / size as f32 } else { 0.0 };
    let mut places = Vec::with_capacity(size * size);
    for y in 0..size {
        for x in 0..size {
            let (dx, dy) = (x as f32 - x0, y as f32 - y0);
            let scale = 1.0 / (period * (1.0 + depth * dy).max(0.2));
            places.push(((dx * cos + dy * sin) * scale, (dy * cos - dx * sin) * scale * aspect));
        }
    }
    if rng.random_bool(0.4) {
        let (a, b) = (tiles.octave(rng), tiles.octave(rng));
        let frequency = rng.random_range(-2.5..0.5_f32).exp();
        let strength = rng.random_range(0.0..0.8_f32) / frequency.max(0.3);
        for (u, v) in &mut places {
            let (x, y) = (*u * frequency, *v * frequency);
            *u += strength * (a.at(x, y) - 0.5);
            *v += strength * (b.at(x, y) - 0.5);
        }
    }
    places
}

/// A period in pixels, log-uniform: 3 to 9 is as likely as 27 to 81.
pub fn period(rng: &mut ChaCha8Rng, size: usize) -> f32 {
    rng.random_range(3.0_f32.ln()..(size as f32 * 0.7).ln()).exp()
}

/// A profile over one period: sine, triangle, saw tooth, pulse or groove.
fn wave(kind: usize, t: f32) -> f32 {
    let f = t - t.floor();
    match kind {
        0 => 0.5 + 0.5 * (t * TAU).sin(),
        1 => 1.0 - (2.0 * f - 1.0).abs(),
        2 => f,
        3 => ((0.5 - (2.0 * f - 1.0).abs()) * 6.0 + 0.5).clamp(0.0, 1.0),
        _ => ((0.9 - (2.0 * f - 1.0).abs()) * 8.0).clamp(0.0, 1.0),
    }
}

fn hash(x: i32, y: i32, salt: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x9e37_79b1) ^ (y as u32).wrapping_mul(0x85eb_ca77) ^ salt;
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    (h ^ (h >> 15)) as f32 / u32::MAX as f32
}

/// Distances to the nearest and second nearest jittered point, and the nearest one's number (Worley).
fn cells(u: f32, v: f32, jitter: f32, salt: u32) -> (f32, f32, f32) {
    let (cx, cy) = (u.floor() as i32, v.floor() as i32);
    let (mut first, mut second, mut id) = (f32::INFINITY, f32::INFINITY, 0.0);
    for y in cy - 1..=cy + 1 {
        for x in cx - 1..=cx + 1 {
            let px = x as f32 + 0.5 + jitter * (hash(x, y, salt) - 0.5);
            let py = y as f32 + 0.5 + jitter * (hash(x, y, salt ^ 0x5bd1) - 0.5);
            let d = (u - px) * (u - px) + (v - py) * (v - py);
            if d < first {
                second = first;
                first = d;
                id = hash(x, y, salt ^ 0x77aa);
            } else if d < second {
                second = d;
            }
        }
    }
    (first.sqrt(), second.sqrt(), id)
}

/// A random material over the whole picture.
pub fn field(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize) -> Vec<f32> {
    let mut out = single(rng, tiles, size);
    match rng.random_range(0..10) {
        // Two materials at once, such as a grating under dirt.
        0..2 => {
            let (other, share) = (single(rng, tiles, size), rng.random_range(0.1..0.6_f32));
            out.iter_mut().zip(other).for_each(|(a, b)| *a += (b - *a) * share);
        }
        2..4 => {
            let (strength, grain) = (rng.random_range(0.02..0.25_f32), tiles.grain(rng));
            out.iter_mut().zip(grain).for_each(|(a, g)| *a += g * strength);
        }
        _ => return out,
    }
    stretch(&mut out);
    out
}

fn single(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize) -> Vec<f32> {
    let kind = rng.random_range(0..20);
    let period = period(rng, size);
    let mut at = places(rng, tiles, size, period);
    let salt: u32 = rng.random();
    let (p, q): (usize, usize) = (rng.random_range(0..5), rng.random_range(0..5));
    let (a, b): (f32, f32) = (rng.random(), rng.random());
    let mut out: Vec<f32> = match kind {
        0..4 => {
            // No more octaves than the pixels can show.
            let octaves = ((period.log2() as usize).max(1) + 1).min(rng.random_range(2..8));
            return tiles.fractal(rng, &at, octaves, 0.3 + 0.55 * a, kind == 3);
        }
        4 => at.iter().map(|(u, _)| wave(p, *u)).collect(),
        5 => at.iter().map(|(u, v)| wave(p, *u) * wave(q, *v)).collect(),
        6 => at.iter().map(|(u, v)| wave(p, *u).max(wave(q, *v))).collect(),
        7 | 8 => {
            let (jitter, mode) = (0.3 + 0.7 * a, rng.random_range(0..4));
            let value = |(u, v): &(f32, f32)| {
                let (first, second, id) = cells(*u, *v, jitter, salt);
                match mode {
                    0 => first,
                    1 => second - first,
                    2 => id,
                    _ => 0.6 * id + ((second - first) * 4.0).min(1.0),
                }
            };
            at.iter().map(value).collect()
        }
        // Bricks, tiles, checks.
        9 | 10 => {
            let (shift, joint) = (if a < 0.5 { 0.5 } else { 0.0 }, 0.02 + 0.15 * b);
            let check = rng.random_bool(0.3);
            let value = |(u, v): &(f32, f32)| {
                let row = v.floor();
                let u = u * 0.6 + shift * row.rem_euclid(2.0);
                let edge = (u - u.floor()).min(u.ceil() - u).min(v - row).min(v.ceil() - v);
                let id = hash(u.floor() as i32, row as i32, salt);
                if check {
                    (u.floor() + row).rem_euclid(2.0)
                } else {
                    (0.3 + 0.7 * id) * (edge / joint).min(1.0)
                }
            };
            at.iter().map(value).collect()
        }
        11 => {
            let (cx, cy) = at[rng.random_range(0..at.len())];
            at.iter().map(|(u, v)| wave(p, (u - cx).hypot(v - cy))).collect()
        }
        // Woven cloth: threads over and under each other, round and fibrous.
        12 | 13 => {
            let (over, twill) = (2 + (a * 3.0) as i32, b < 0.5);
            let fibre = tiles.octave(rng);
            let value = |(u, v): &(f32, f32)| {
                let (x, y) = (u.floor() as i32, v.floor() as i32);
                let (fu, fv) = (u - u.floor(), v - v.floor());
                let warp = if twill { (x + y).rem_euclid(over) == 0 } else { (x + y).rem_euclid(2) == 0 };
                let (across, along) = if warp { (fu, fv) } else { (fv, fu) };
                let round = 1.0 - (2.0 * across - 1.0).powi(2);
                let bulge = 0.7 + 0.3 * (1.0 - (2.0 * along - 1.0).powi(2));
                let (s, t) = if warp { (u * 6.0, v * 1.5) } else { (u * 1.5, v * 6.0) };
                round * bulge * (0.75 + 0.5 * fibre.at(s, t)) * if warp { 1.0 } else { 0.8 }
            };
            at.iter().map(value).collect()
        }
        // Wood: drawn-out rings and fine pores.
        14 => {
            let (slow, pores) = (tiles.octave(rng), tiles.octave(rng));
            let value = |(u, v): &(f32, f32)| {
                let ring = wave(2, u + (1.0 + 3.0 * a) * slow.at(u * 0.4, v * 0.06));
                0.75 * ring + 0.6 * b * pores.at(u * 9.0, v * 0.7)
            };
            at.iter().map(value).collect()
        }
        // Brushed metal, hair, paper fibres.
        15 => {
            let long = 4.0 + 40.0 * a * a;
            at.iter_mut().for_each(|(_, v)| *v /= long);
            return tiles.fractal(rng, &at, 3, 0.5 + 0.4 * b, false);
        }
        // Holes, dots and studs on a grid.
        16 => {
            let (hex, radius, soft) = (rng.random_bool(0.5), 0.15 + 0.3 * a, 2.0 + 20.0 * b);
            let value = |(u, v): &(f32, f32)| {
                let row = v.floor();
                let u = u + if hex { 0.5 * row.rem_euclid(2.0) } else { 0.0 };
                let d = (u - u.floor() - 0.5).hypot(v - row - 0.5);
                ((radius - d) * soft).clamp(-0.5, 0.5)
            };
            at.iter().map(value).collect()
        }
        // Speckles: rare islands of noise.
        17 => {
            let (near, far, bar) = (tiles.octave(rng), tiles.octave(rng), 0.5 + 0.25 * a);
            let value = |(u, v): &(f32, f32)| {
                let n = 0.7 * near.at(u * 2.0, v * 2.0) + 0.3 * far.at(u * 7.0, v * 7.0);
                ((n - bar) * 20.0).clamp(0.0, 1.0) + 0.2 * n
            };
            at.iter().map(value).collect()
        }
        // Zigzag and knit.
        18 => {
            let value = |(u, v): &(f32, f32)| {
                let bend = (2.0 * (v - v.floor()) - 1.0).abs();
                wave(p, u + (0.5 + a) * bend) * (0.6 + 0.4 * wave(1, *v))
            };
            at.iter().map(value).collect()
        }
        // Marble.
        _ => {
            let veins = tiles.fractal(rng, &at, 4, 0.5, false);
            let strength = 1.0 + 5.0 * b;
            at.iter().zip(veins).map(|((u, _), n)| wave(p % 2, u * 0.5 + strength * n)).collect()
        }
    };
    stretch(&mut out);
    out
}
