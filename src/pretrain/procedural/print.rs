//! Fine marks: lines of small characters, bar codes, tables, conductor tracks and pads.

use super::shape::{pose, rounded, stroked};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tiny_skia::{Path, PathBuilder, Rect, Transform};

/// Marks within a box of 2 x 2 around the origin, as an outline to fill.
pub fn marks(rng: &mut ChaCha8Rng) -> Option<Path> {
    match rng.random_range(0..7) {
        0..3 => text(rng),
        3 => bars(rng),
        4 => dots(rng),
        _ => tracks(rng),
    }
}

/// One invented character in a unit box: two to five straight or curved strokes between the points of a small
/// grid.
fn sign(rng: &mut ChaCha8Rng, weight: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    let point = |rng: &mut ChaCha8Rng| {
        (rng.random_range(0..3) as f32 * 0.5 - 0.5, rng.random_range(0..4) as f32 / 3.0 - 0.5)
    };
    for _ in 0..rng.random_range(1..4) {
        let (x, y) = point(rng);
        path.move_to(x, y);
        for _ in 0..rng.random_range(1..3) {
            let (x, y) = point(rng);
            if rng.random_bool(0.4) {
                let (mx, my) = point(rng);
                path.quad_to(mx * 1.3, my * 1.3, x, y);
            } else {
                path.line_to(x, y);
            }
        }
    }
    stroked(&path.finish()?, weight)
}

/// Rows of characters from an invented alphabet, ragged or justified.
fn text(rng: &mut ChaCha8Rng) -> Option<Path> {
    let weight = rng.random_range(0.1..0.35);
    let alphabet: Vec<Path> = (0..rng.random_range(4..14)).filter_map(|_| sign(rng, weight)).collect();
    if alphabet.is_empty() {
        return None;
    }
    let rows = rng.random_range(1..8);
    let height = 2.0 / rows as f32;
    let (width, full) = (height * rng.random_range(0.4..0.7), rng.random_bool(0.4));
    let mut path = PathBuilder::new();
    for row in 0..rows {
        let y = -1.0 + (row as f32 + 0.5) * height;
        let end = if full { 1.0 } else { rng.random_range(-0.5..1.0) };
        let mut x = -1.0 + width / 2.0;
        while x < end {
            if rng.random_bool(0.85) {
                let glyph = &alphabet[rng.random_range(0..alphabet.len())];
                let place = Transform::from_scale(width * 0.7, height * 0.6).post_translate(x, y);
                if let Some(glyph) = glyph.clone().transform(place) {
                    path.push_path(&glyph);
                }
            }
            x += width;
        }
    }
    path.finish()
}

/// Bars of uneven width.
fn bars(rng: &mut ChaCha8Rng) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (unit, height) = (rng.random_range(0.015..0.08_f32), rng.random_range(0.2..1.0));
    let mut x = -1.0;
    while x < 1.0 {
        let bar = unit * rng.random_range(1..5) as f32;
        path.push_rect(Rect::from_ltrb(x, -height, x + bar, height)?);
        x += bar + unit * rng.random_range(1..4) as f32;
    }
    path.finish()
}

/// A matrix of square dots, half of them set.
fn dots(rng: &mut ChaCha8Rng) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (side, set) = (rng.random_range(5..18), rng.random_range(0.3..0.9));
    let pitch = 2.0 / side as f32;
    let fill = pitch * rng.random_range(0.4..1.0);
    for i in 0..side * side {
        if rng.random_bool(set) {
            let (x, y) = (-1.0 + (i % side) as f32 * pitch, -1.0 + (i / side) as f32 * pitch);
            path.push_rect(Rect::from_ltrb(x, y, x + fill, y + fill)?);
        }
    }
    path.finish()
}

/// Conductor tracks on a grid, with pads and chips.
fn tracks(rng: &mut ChaCha8Rng) -> Option<Path> {
    let grid = rng.random_range(6..20);
    let pitch = 2.0 / grid as f32;
    let (width, pad) = (pitch * rng.random_range(0.15..0.5), pitch * rng.random_range(0.2..0.5));
    let mut all = PathBuilder::new();
    let at = |i: i32| -1.0 + i as f32 * pitch;
    for _ in 0..rng.random_range(3..grid) {
        let (mut x, mut y) = (rng.random_range(0..=grid), rng.random_range(0..=grid));
        let mut path = PathBuilder::new();
        path.move_to(at(x), at(y));
        all.push_circle(at(x), at(y), pad);
        for _ in 0..rng.random_range(1..5) {
            let (dx, dy) = [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (1, -1)][rng.random_range(0..6)];
            let run = rng.random_range(1..=grid / 2);
            (x, y) = ((x + dx * run).clamp(0, grid), (y + dy * run).clamp(0, grid));
            path.line_to(at(x), at(y));
        }
        all.push_circle(at(x), at(y), pad);
        if let Some(line) = path.finish().and_then(|path| stroked(&path, width)) {
            all.push_path(&line);
        }
    }
    // A chip: two rows of legs.
    if rng.random_bool(0.5) {
        let (legs, x, y) =
            (rng.random_range(3..10), rng.random_range(-0.6..0.2), rng.random_range(-0.6..0.2));
        for i in 0..legs {
            let left = x + i as f32 * pitch;
            for top in [y, y + 4.0 * pitch] {
                all.push_rect(Rect::from_ltrb(left, top, left + pitch * 0.5, top + pitch)?);
            }
        }
        rounded(&mut all, [x, y + 1.3 * pitch, x + legs as f32 * pitch, y + 3.7 * pitch], pitch * 0.2);
    }
    all.finish()
}

/// A random position for marks in a picture.
pub fn place(rng: &mut ChaCha8Rng, size: f32) -> Transform {
    let straight = rng.random_bool(0.6);
    let degrees = if straight { rng.random_range(-4.0..4.0) } else { rng.random_range(0.0..360.0) };
    let radius = size * rng.random_range(0.12..0.6);
    let stretch = rng.random_range(0.4..1.3);
    let (x, y) = (rng.random_range(0.2..0.8) * size, rng.random_range(0.2..0.8) * size);
    Transform::from_scale(1.0, stretch).post_concat(pose(x, y, radius, degrees))
}
