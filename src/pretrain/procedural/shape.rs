//! Outlines: of parts, blots, holes and strokes.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::TAU;
use tiny_skia::{FillRule, LineCap, LineJoin, Mask, Path, PathBuilder, Rect, Stroke, Transform};

/// A random outline around the origin, about 1 in radius.
pub fn outline(rng: &mut ChaCha8Rng) -> Option<Path> {
    let mut path = PathBuilder::new();
    match rng.random_range(0..12) {
        0 | 1 => path.push_circle(0.0, 0.0, 1.0),
        2 => {
            path.push_circle(0.0, 0.0, 1.0);
            path.push_circle(0.0, 0.0, rng.random_range(0.2..0.9));
        }
        3 | 4 => {
            let (w, h) = (1.0, rng.random_range(0.15..1.0));
            rounded(&mut path, [-w, -h, w, h], rng.random_range(0.0..1.0_f32).powi(2) * h);
        }
        5 => {
            let (corners, inner) = (rng.random_range(3..9), 1.0);
            star(&mut path, corners, inner);
        }
        // A gear or a star.
        6 => star(&mut path, 2 * rng.random_range(4..16), rng.random_range(0.4..0.95)),
        // A nut.
        7 => {
            star(&mut path, 6, 1.0);
            path.push_circle(0.0, 0.0, rng.random_range(0.3..0.7));
        }
        8 | 9 => blot(&mut path, rng),
        // A cross or a bracket.
        10 => {
            let w = rng.random_range(0.1..0.5);
            path.push_rect(Rect::from_ltrb(-1.0, -w, 1.0, w)?);
            let at = if rng.random_bool(0.5) { 0.0 } else { 1.0 - w };
            path.push_rect(Rect::from_ltrb(at - w, -1.0, at + w, 1.0)?);
        }
        _ => {
            // A jagged splinter.
            for i in 0..rng.random_range(3..8) {
                let (x, y) = (rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0));
                if i == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
            }
            path.close();
        }
    }
    path.finish()
}

/// A rectangle with rounded corners.
pub fn rounded(path: &mut PathBuilder, [l, t, r, b]: [f32; 4], radius: f32) {
    path.move_to(l + radius, t);
    path.line_to(r - radius, t);
    path.quad_to(r, t, r, t + radius);
    path.line_to(r, b - radius);
    path.quad_to(r, b, r - radius, b);
    path.line_to(l + radius, b);
    path.quad_to(l, b, l, b - radius);
    path.line_to(l, t + radius);
    path.quad_to(l, t, l + radius, t);
    path.close();
}

/// A polygon whose odd corners lie at radius `inner`.
fn star(path: &mut PathBuilder, corners: usize, inner: f32) {
    for i in 0..corners {
        let (sin, cos) = (TAU * i as f32 / corners as f32).sin_cos();
        let r = if i % 2 == 0 { 1.0 } else { inner };
        if i == 0 { path.move_to(r * cos, r * sin) } else { path.line_to(r * cos, r * sin) }
    }
    path.close();
}

/// A smooth closed curve through points at varying radii.
fn blot(path: &mut PathBuilder, rng: &mut ChaCha8Rng) {
    let (count, rough) = (rng.random_range(4..12), rng.random_range(0.1..0.8));
    let points: Vec<(f32, f32)> = (0..count)
        .map(|i| {
            let (sin, cos) = (TAU * i as f32 / count as f32).sin_cos();
            let r = 1.0 - rough * rng.random::<f32>();
            (r * cos, r * sin)
        })
        .collect();
    let middle = |i: usize| {
        let (a, b) = (points[i % count], points[(i + 1) % count]);
        ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0)
    };
    let start = middle(0);
    path.move_to(start.0, start.1);
    for i in 1..=count {
        let (corner, end) = (points[i % count], middle(i));
        path.quad_to(corner.0, corner.1, end.0, end.1);
    }
    path.close();
}

/// A line in pixels: straight, curved, or crumpled like a crack or a hair.
pub fn strand(rng: &mut ChaCha8Rng, size: f32, length: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    let (mut x, mut y) = (rng.random_range(0.0..size), rng.random_range(0.0..size));
    let mut heading = rng.random_range(0.0..TAU);
    let (bend, steps) = (rng.random_range(0.0..1.2_f32), rng.random_range(1..10));
    let drift = rng.random_range(-0.5..0.5) * bend;
    path.move_to(x, y);
    let smooth = rng.random_bool(0.5);
    for _ in 0..steps {
        let stride = length / steps as f32;
        let (mx, my) = (x + heading.cos() * stride / 2.0, y + heading.sin() * stride / 2.0);
        heading += drift + rng.random_range(-1.0..1.0) * bend;
        (x, y) = (mx + heading.cos() * stride / 2.0, my + heading.sin() * stride / 2.0);
        if smooth { path.quad_to(mx, my, x, y) } else { path.line_to(x, y) }
    }
    path.finish()
}

/// The outline of a line.
pub fn stroked(path: &Path, width: f32) -> Option<Path> {
    let stroke = Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
    path.stroke(&stroke, 1.0)
}

/// Moves, turns and scales an outline into the picture.
pub fn pose(x: f32, y: f32, radius: f32, degrees: f32) -> Transform {
    Transform::from_scale(radius, radius).post_rotate(degrees).post_translate(x, y)
}

/// How much of each pixel lies inside, 0 to 1.
pub fn coverage(path: &Path, size: usize, transform: Transform) -> Vec<f32> {
    let Some(mut mask) = Mask::new(size as u32, size as u32) else { return vec![0.0; size * size] };
    mask.fill_path(path, FillRule::EvenOdd, true, transform);
    mask.data().iter().map(|v| f32::from(*v) / 255.0).collect()
}
