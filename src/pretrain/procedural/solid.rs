//! Solid things: rounded, turned, stamped; with gloss and a shadow.

use super::canvas::{Canvas, blur, relief};
use super::color::Ramp;
use super::field::field;
use super::print;
use super::shape::{coverage, outline, pose};
use super::tiles::Tiles;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tiny_skia::{Path, Transform};

/// The kind of surface relief.
#[derive(Clone, Copy, Debug)]
enum Body {
    Flat,
    Ball,
    /// A cylinder or a bar lying down.
    Bar,
    /// A dish or a bottle seen from above: bright and dark rings.
    Dish(f32),
    /// Turned metal: bright sectors.
    Turned(f32, f32),
}

/// One layer of a thing, at its own scale.
#[derive(Clone, Debug)]
struct Part {
    path: Path,
    scale: f32,
    paint: Canvas,
    body: Body,
    bevel: usize,
    depth: f32,
}

/// A kind of thing that can be drawn many times.
#[derive(Clone, Debug)]
pub struct Thing {
    parts: Vec<Part>,
    gloss: f32,
    light: f32,
    shadow: f32,
    reach: f32,
}

impl Thing {
    /// A random kind.
    pub fn random(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize) -> Option<Self> {
        let mut parts = Vec::new();
        let mut scale = 1.0;
        let nested = rng.random_range(1..5);
        let same = rng.random_bool(0.5).then(|| outline(rng)).flatten();
        for i in 0..nested {
            let path = match &same {
                Some(path) => path.clone(),
                None => outline(rng)?,
            };
            let path = if i > 0 && rng.random_bool(0.15) { print::marks(rng).unwrap_or(path) } else { path };
            let body = match rng.random_range(0..8) {
                0 => Body::Ball,
                1 => Body::Bar,
                2 => Body::Dish(rng.random_range(0.5..5.0)),
                3 => Body::Turned(rng.random_range(0.0..6.3), rng.random_range(1.0..4.0)),
                _ => Body::Flat,
            };
            parts.push(Part {
                path,
                scale,
                paint: surface(rng, tiles, size),
                body,
                bevel: rng.random_range(0..5) * size / 128,
                depth: rng.random_range(-2.0..3.0),
            });
            scale *= rng.random_range(0.5..0.95);
        }
        Some(Self {
            parts,
            gloss: if rng.random_bool(0.5) { rng.random_range(0.0..1.2) } else { 0.0 },
            light: rng.random_range(0.0..std::f32::consts::TAU),
            shadow: if rng.random_bool(0.6) { rng.random_range(0.1..0.8) } else { 0.0 },
            reach: rng.random_range(0.02..0.25),
        })
    }

    /// Draws one of them; only the window that it can cover is changed.
    pub fn draw(&self, canvas: &mut Canvas, [x, y]: [f32; 2], radius: f32, degrees: f32) {
        let touch = radius * (1.45 + 2.5 * self.reach) + 12.0;
        let (side, size) = ((2.0 * touch) as usize, canvas.size);
        if side >= size {
            return self.draw_window(canvas, [x, y], radius, degrees, [0, 0]);
        }
        let corner = [x, y].map(|c| ((c - touch).max(0.0) as usize).min(size - side));
        let mut window = canvas.crop(corner, side);
        let place = [x - corner[0] as f32, y - corner[1] as f32];
        self.draw_window(&mut window, place, radius, degrees, corner);
        canvas.paste(corner, &window);
    }

    fn draw_window(
        &self,
        canvas: &mut Canvas,
        [x, y]: [f32; 2],
        radius: f32,
        degrees: f32,
        corner: [usize; 2],
    ) {
        let size = canvas.size;
        for (i, part) in self.parts.iter().enumerate() {
            let r = radius * part.scale;
            let mask = coverage(&part.path, size, pose(x, y, r, degrees));
            if i == 0 && self.shadow > 0.0 {
                let (dx, dy) =
                    (self.light.cos() * self.reach * radius, self.light.sin() * self.reach * radius);
                let mut shadow = coverage(&part.path, size, pose(x + dx, y + dy, r, degrees));
                blur(&mut shadow, size, (self.reach * radius * 0.6) as usize);
                shadow.iter_mut().for_each(|s| *s = 1.0 - *s * self.shadow);
                canvas.shade(&shadow);
            }
            canvas.blend(&mask, &part.paint.crop(corner, size));
            self.lit(canvas, &mask, part, [x, y, r, degrees.to_radians()]);
        }
    }

    /// Light on one part.
    fn lit(&self, canvas: &mut Canvas, mask: &[f32], part: &Part, [x, y, r, turn]: [f32; 4]) {
        let size = canvas.size;
        let (lx, ly) = (-self.light.cos(), -self.light.sin());
        let (sin, cos) = turn.sin_cos();
        let mut gain = vec![1.0; size * size];
        let mut shine = vec![0.0; size * size];
        if !matches!(part.body, Body::Flat) {
            for (i, m) in mask.iter().enumerate().filter(|(_, m)| **m > 0.0) {
                let (px, py) = (((i % size) as f32 - x) / r, ((i / size) as f32 - y) / r);
                let (value, spark) = match part.body {
                    Body::Ball => {
                        let d = (px * px + py * py).min(1.0);
                        let z = (1.0 - d).sqrt();
                        let facing = 0.65 * (px * lx + py * ly) + 0.76 * z;
                        (0.35 + 0.75 * facing.max(0.0), facing.max(0.0).powi(24))
                    }
                    Body::Bar => {
                        let across = (py * cos - px * sin).clamp(-1.0, 1.0);
                        let side = (ly * cos - lx * sin) * across;
                        let facing = 0.65 * side + 0.76 * (1.0 - across * across).sqrt();
                        (0.35 + 0.75 * facing.max(0.0), facing.max(0.0).powi(24))
                    }
                    Body::Dish(rings) => {
                        let d = px.hypot(py);
                        let slope = (d * rings * 3.0).sin();
                        let side = if d > 1e-3 { (px * lx + py * ly) / d } else { 0.0 };
                        (0.8 + 0.4 * slope * side, (slope * side).max(0.0).powi(8))
                    }
                    Body::Turned(phase, sectors) => {
                        let sector = (py.atan2(px) * sectors.round() + phase).cos();
                        (0.75 + 0.35 * sector, sector.max(0.0).powi(12) * 0.6)
                    }
                    Body::Flat => (1.0, 0.0),
                };
                gain[i] += (value - 1.0) * m;
                shine[i] = spark * m;
            }
        }
        if part.bevel > 0 {
            let mut height = mask.to_vec();
            blur(&mut height, size, part.bevel);
            let slope = relief(&height, size, self.light + std::f32::consts::PI, -part.depth);
            for ((g, s), (d, m)) in gain.iter_mut().zip(&mut shine).zip(slope.iter().zip(mask)) {
                *g *= 1.0 + 0.8 * d * m;
                *s += (d * m).max(0.0).powi(3);
            }
        }
        canvas.shade(&gain);
        if self.gloss > 0.0 {
            shine.iter_mut().for_each(|s| *s *= self.gloss);
            canvas.light(&shine, [1.0, 0.98, 0.95]);
        }
    }
}

/// The surface of a part: a material, a plain color, or a gradient.
pub fn surface(rng: &mut ChaCha8Rng, tiles: &Tiles, size: usize) -> Canvas {
    match rng.random_range(0..10) {
        0..4 => Canvas::flat(size, super::color::color(rng)),
        4 => {
            let (sin, cos) = rng.random_range(0.0..std::f32::consts::TAU).sin_cos();
            let place = |i: usize| ((i % size) as f32 * cos + (i / size) as f32 * sin) / size as f32;
            let mut ramp: Vec<f32> = (0..size * size).map(place).collect();
            super::canvas::stretch(&mut ramp);
            Ramp::random(rng).paint(&ramp, size)
        }
        _ => Ramp::random(rng).paint(&field(rng, tiles, size), size),
    }
}

/// Presses or prints marks into the canvas.
pub fn mark(canvas: &mut Canvas, rng: &mut ChaCha8Rng) {
    let size = canvas.size;
    let place: Transform = print::place(rng, size as f32);
    let Some(path) = print::marks(rng) else { return };
    let mut mask = coverage(&path, size, place);
    if rng.random_bool(0.25) {
        // Stamped: only the edges show.
        blur(&mut mask, size, 1);
        let mut gain = relief(&mask, size, rng.random_range(0.0..6.3), rng.random_range(0.5..2.0));
        gain.iter_mut().for_each(|g| *g = 1.0 + 0.6 * *g);
        canvas.shade(&gain);
    } else {
        canvas.tint(&mask, super::color::color(rng), rng.random_range(0.3..1.0));
    }
}
