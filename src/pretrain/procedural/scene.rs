//! Whole pictures, before light and camera effects.

use super::canvas::{Canvas, blur, relief};
use super::color::color;
use super::field::{period, places};
use super::shape::{coverage, outline, pose, strand, stroked};
use super::solid::{Thing, mark, surface};
use super::tiles::Tiles;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tiny_skia::Transform;

/// A random scene.
pub fn scene(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize) -> Canvas {
    match rng.random_range(0..100) {
        0..28 => layers(rng, tiles, size),
        28..46 => material(rng, tiles, size),
        46..66 => object(rng, tiles, size),
        66..78 => tray(rng, tiles, size),
        78..88 => printed(rng, tiles, size),
        _ => leaves(rng, tiles, size),
    }
}

/// Materials layered through random masks.
fn layers(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize) -> Canvas {
    let mut canvas = surface(rng, tiles, size);
    for _ in 0..rng.random_range(0..6) {
        let mask = region(rng, tiles, size);
        canvas.blend(&mask, &surface(rng, tiles, size));
    }
    flaws(&mut canvas, rng, tiles, 0..3);
    canvas
}

/// One material filling the view, with flaws.
fn material(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize) -> Canvas {
    let mut canvas = surface(rng, tiles, size);
    if rng.random_bool(0.4) {
        // A surface in relief, lit from the side.
        let mut height = super::field::field(rng, tiles, size);
        blur(&mut height, size, rng.random_range(0..2));
        let mut gain = relief(&height, size, rng.random_range(0.0..6.3), rng.random_range(0.3..3.0));
        gain.iter_mut().for_each(|g| *g = 1.0 + 0.7 * *g);
        canvas.shade(&gain);
    }
    flaws(&mut canvas, rng, tiles, 0..5);
    canvas
}

/// One large thing on a background.
fn object(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize) -> Canvas {
    let mut canvas = surface(rng, tiles, size);
    let side = size as f32;
    let center = [rng.random_range(0.35..0.65) * side, rng.random_range(0.35..0.65) * side];
    if let Some(thing) = Thing::random(rng, tiles, size) {
        thing.draw(&mut canvas, center, rng.random_range(0.2..0.6) * side, rng.random_range(0.0..360.0));
    }
    if rng.random_bool(0.4) {
        mark(&mut canvas, rng);
    }
    flaws(&mut canvas, rng, tiles, 0..4);
    canvas
}

/// Many things of one or two kinds, in rows or scattered.
fn tray(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize) -> Canvas {
    let mut canvas = surface(rng, tiles, size);
    let kinds: Vec<Thing> =
        (0..rng.random_range(1..3)).filter_map(|_| Thing::random(rng, tiles, size)).collect();
    if kinds.is_empty() {
        return canvas;
    }
    let side = size as f32;
    let across = rng.random_range(2..6);
    let pitch = side / across as f32;
    let (radius, sway) = (pitch * rng.random_range(0.25..0.6), rng.random_range(0.0..0.5) * pitch);
    let (rows, turned) = (rng.random_bool(0.6), rng.random_bool(0.5));
    let degrees = rng.random_range(0.0..360.0_f32);
    // The cost grows with the number of things, so fine grids are left to the materials.
    for i in 0..(across * across).min(16) {
        if rng.random_bool(0.08) {
            continue;
        }
        let grid = [(i % across) as f32 + 0.5, (i / across) as f32 + 0.5].map(|g| g * pitch);
        let place = if rows {
            grid.map(|g| g + (rng.random::<f32>() - 0.5) * 0.3 * sway)
        } else {
            grid.map(|g| g + (rng.random::<f32>() - 0.5) * 2.0 * sway)
        };
        let kind = &kinds[rng.random_range(0..kinds.len())];
        let turn = if turned { rng.random_range(0.0..360.0) } else { degrees };
        kind.draw(&mut canvas, place, radius * rng.random_range(0.95..1.05), turn);
    }
    flaws(&mut canvas, rng, tiles, 0..3);
    canvas
}

/// A label or a board.
fn printed(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize) -> Canvas {
    let mut canvas = surface(rng, tiles, size);
    if rng.random_bool(0.5) {
        let mask = region(rng, tiles, size);
        canvas.blend(&mask, &surface(rng, tiles, size));
    }
    for _ in 0..rng.random_range(1..6) {
        mark(&mut canvas, rng);
    }
    if rng.random_bool(0.3)
        && let Some(thing) = Thing::random(rng, tiles, size)
    {
        let side = size as f32;
        let center = [rng.random_range(0.0..side), rng.random_range(0.0..side)];
        thing.draw(&mut canvas, center, rng.random_range(0.05..0.25) * side, 0.0);
    }
    flaws(&mut canvas, rng, tiles, 0..3);
    canvas
}

/// Dead leaves: overlapping shapes of all sizes, whose statistics are close to those of photographs (Lee,
/// Mumford and Huang 2001).
fn leaves(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize) -> Canvas {
    let mut canvas = surface(rng, tiles, size);
    let shapes: Vec<_> = (0..rng.random_range(1..4)).filter_map(|_| outline(rng)).collect();
    let textures: Vec<Canvas> = (0..3).map(|_| surface(rng, tiles, size)).collect();
    let (smallest, power) = (size as f32 * 0.02, rng.random_range(1.5..3.0_f32));
    let tone = color(rng);
    let spread = rng.random_range(0.1..1.0_f32);
    for _ in 0..rng.random_range(10..40) {
        if shapes.is_empty() {
            break;
        }
        // Radii with the density r^-power above the smallest.
        let radius = smallest * (1.0 - rng.random::<f32>()).powf(-1.0 / power) * 2.0;
        let (x, y) = (rng.random_range(0.0..size as f32), rng.random_range(0.0..size as f32));
        let place = pose(x, y, radius.min(size as f32 * 0.5), rng.random_range(0.0..360.0));
        let mask = coverage(&shapes[rng.random_range(0..shapes.len())], size, place);
        if rng.random_bool(0.4) {
            canvas.blend(&mask, &textures[rng.random_range(0..textures.len())]);
        } else {
            let other = color(rng);
            let mixed = [0, 1, 2].map(|c| tone[c] + (other[c] - tone[c]) * spread);
            canvas.tint(&mask, mixed, 1.0);
        }
    }
    canvas
}

/// A random part of the picture, with a hard or soft edge.
pub fn region(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize) -> Vec<f32> {
    let side = size as f32;
    let mut mask = match rng.random_range(0..4) {
        0 => {
            let period = period(rng, size) * 2.0;
            let at = places(rng, tiles, size, period);
            let level = rng.random_range(0.3..0.7);
            let edge = rng.random_range(3.0..60.0_f32);
            let mut noise = tiles.fractal(rng, &at, 3, 0.5, false);
            noise.iter_mut().for_each(|n| *n = ((*n - level) * edge + 0.5).clamp(0.0, 1.0));
            noise
        }
        _ => match outline(rng) {
            Some(path) => {
                let (x, y) = (rng.random_range(0.0..side), rng.random_range(0.0..side));
                let radius = side * rng.random_range(0.06..0.7_f32);
                coverage(&path, size, pose(x, y, radius, rng.random_range(0.0..360.0)))
            }
            None => vec![0.0; size * size],
        },
    };
    if rng.random_bool(0.25) {
        blur(&mut mask, size, rng.random_range(1..6));
    }
    mask
}

/// Flaws of surfaces: scratches, hairs, spots, stains, dents, wear.
pub fn flaws(canvas: &mut Canvas, rng: &mut ChaCha8Rng, tiles: &Tiles, count: std::ops::Range<usize>) {
    let (size, side) = (canvas.size, canvas.size as f32);
    for _ in 0..rng.random_range(count) {
        let mut mask = match rng.random_range(0..5) {
            0..2 => {
                let length = side * rng.random_range(0.1..1.2_f32);
                let width = rng.random_range(-0.3..1.5_f32).exp() * side / 128.0;
                match strand(rng, side, length).and_then(|line| stroked(&line, width)) {
                    Some(line) => coverage(&line, size, Transform::identity()),
                    None => continue,
                }
            }
            2..4 => {
                let (x, y) = (rng.random_range(0.0..side), rng.random_range(0.0..side));
                let radius = side * rng.random_range(0.01..0.15_f32);
                match outline(rng) {
                    Some(path) => coverage(&path, size, pose(x, y, radius, rng.random_range(0.0..360.0))),
                    None => continue,
                }
            }
            _ => region(rng, tiles, size),
        };
        let opacity = rng.random_range(0.1..1.0_f32);
        match rng.random_range(0..5) {
            0..2 => canvas.tint(&mask, color(rng), opacity),
            2 => {
                // Darker or lighter, as dirt and wear are.
                let gain = 1.0 + rng.random_range(-0.6..0.6_f32);
                mask.iter_mut().for_each(|m| *m = 1.0 + (gain - 1.0) * *m);
                canvas.shade(&mask);
            }
            3 => {
                // A dent.
                blur(&mut mask, size, rng.random_range(1..4));
                let mut gain = relief(&mask, size, rng.random_range(0.0..6.3), rng.random_range(0.5..3.0));
                gain.iter_mut().for_each(|g| *g = 1.0 + 0.8 * *g);
                canvas.shade(&gain);
            }
            _ => {
                mask.iter_mut().for_each(|m| *m *= opacity);
                canvas.blend(&mask, &surface(rng, tiles, size));
            }
        }
    }
}
