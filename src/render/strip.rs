//! A rolled steel strip on a dark conveyor, from edge to edge: a wide picture with defects of a few pixels.

use super::Flaw;
use super::field::to_srgb;
use super::grain::{Cloud, Lattice, between, mix};
use crate::picture::{Picture, Size};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::{PI, TAU};

/// Width and height of the picture.
pub(super) const SIZE: Size = Size::new(2000, 800);

const STEEL: [f32; 3] = [0.300, 0.305, 0.310];
const CONVEYOR: [f32; 3] = [0.018, 0.019, 0.021];

/// Distance in pixels of the grid on which slow variation is computed.
const COARSE: usize = 20;

/// The strip from the mill, and the light on it.
struct Strip {
    /// The upper and the lower edge, and how much they slant.
    edges: [f32; 2],
    slant: f32,
    /// Fine lines along the strip.
    lines: Lattice,
    grain: u64,
    /// Brightness on the coarse grid: lamps, oil, waviness.
    light: Vec<f32>,
    /// Ordinary bright streaks: row, start, length, strength.
    streaks: Vec<[f32; 4]>,
}

/// A defect: where, how large and how strong. All of them are relief, which adds no light and takes none: what one flank
/// gains, another loses. Scaled down until a defect is within one pixel, hardly anything of it is left.
struct Spot {
    at: [f32; 2],
    /// Half width and half height.
    half: [f32; 2],
    /// The share of the light that a flank gains or loses.
    strength: f32,
    shape: Shape,
    turn: (f32, f32),
}

/// How the light changes along a defect's width.
enum Shape {
    /// Higher than the strip: bright in the middle, dark on both sides.
    Raised,
    /// Deeper: dark in the middle, bright on both sides.
    Hollow,
    /// A flank in the light and one in the shade.
    Edge,
}

/// Waves across half the width of what is raised or hollow. With this number its bright and dark parts have the same sum.
const WAVES: f32 = 0.64;

/// A photograph of one piece of strip.
pub(super) fn photograph(rng: &mut ChaCha8Rng, mut flaw: Option<Flaw>) -> Picture {
    let strip = Strip::draw(rng);
    let spot = flaw.as_mut().map(|flaw| spot(&strip, flaw));
    let (width, height) = SIZE.pixels();
    let mut picture = Picture::new(width, height);
    for (y, row) in picture.chunks_exact_mut(3 * SIZE.width).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let (color, light) = strip.at(x, y, spot.as_ref());
            for (channel, value) in pixel.iter_mut().enumerate() {
                let lit = color[channel] * light;
                let grain = Lattice(mix(strip.grain + channel as u64)).normal(x as i64, y as i64);
                *value = to_srgb(lit + 0.006 * (0.3 * lit + 0.002).sqrt() * grain);
            }
        }
    }
    picture
}

fn spot(strip: &Strip, flaw: &mut Flaw) -> Spot {
    let x = flaw.rng.random_range(40.0..SIZE.width as f32 - 40.0);
    let y = flaw.rng.random_range(strip.edges[0] + 40.0..strip.edges[1] - 40.0);
    // Six to twelve pixels across.
    let half = flaw.grade(3.0, 6.0);
    let turn = flaw.rng.random_range(-0.5..0.5f32);
    let strength = flaw.grade(0.5, 0.85);
    let (half, shape) = match flaw.kind {
        "inclusion" => ([half, 0.6 * half], Shape::Raised),
        "nick" => ([0.45 * half, half], Shape::Edge),
        _ => ([half, half], Shape::Hollow),
    };
    Spot { at: [x, y], half, strength, shape, turn: (turn.cos(), turn.sin()) }
}

impl Strip {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let middle = SIZE.height as f32 / 2.0 + rng.random_range(-12.0..12.0f32);
        let half = 352.0 + rng.random_range(-3.0..3.0f32);
        let clouds = [0, 1].map(|_| Cloud::new(rng.random()));
        let (lamp, gain) = (rng.random_range(0.3..0.7f32), rng.random_range(0.94..1.06f32));
        let (columns, rows) = (SIZE.width / COARSE + 2, SIZE.height / COARSE + 2);
        let light = (0..columns * rows).map(|i| {
            let (x, y) = ((i % columns * COARSE) as f32, (i / columns * COARSE) as f32);
            let away = x / SIZE.width as f32 - lamp;
            let oil = 0.05 * clouds[0].rough(x, y, 260.0, 2);
            gain * (1.0 - 0.35 * away * away + oil + 0.03 * clouds[1].at(x, y, 900.0))
        });
        let light = light.collect();
        let mut streak = || {
            let length = rng.random_range(60.0..420.0f32);
            let begin = rng.random_range(-200.0..SIZE.width as f32);
            [rng.random_range(0.0..SIZE.height as f32), begin, length, rng.random_range(-0.12..0.22f32)]
        };
        let streaks = (0..70).map(|_| streak()).collect();
        Self {
            edges: [middle - half, middle + half],
            slant: rng.random_range(-0.004..0.004f32),
            lines: Lattice(rng.random()),
            grain: rng.random(),
            light,
            streaks,
        }
    }

    /// Color of the surface and the light on it.
    fn at(&self, x: usize, y: usize, spot: Option<&Spot>) -> ([f32; 3], f32) {
        let (fx, fy) = (x as f32 + 0.5, y as f32 + 0.5);
        let slant = self.slant * (fx - SIZE.width as f32 / 2.0);
        let [top, bottom] = self.edges.map(|edge| edge + slant);
        let on = between(top - 0.8, top + 0.8, fy) * between(bottom + 0.8, bottom - 0.8, fy);
        let row = y as i64;
        let grain = self.lines.signed(x as i64, row + 40_000);
        let steel = 1.0
            + 0.085 * self.lines.along(row, fx / 170.0)
            + 0.060 * self.lines.along(row + 10_000, fx / 31.0)
            + 0.045 * self.lines.along(row / 3 + 20_000, fx / 640.0)
            + 0.030 * grain
            + self.streak(fx, fy);
        let belt = 1.0 + 0.5 * self.lines.along(row + 30_000, fx / 6.0) + 0.3 * grain;
        let edge = 0.25 * (between(top + 9.0, top, fy) + between(bottom - 9.0, bottom, fy)) * on;
        let marked = spot.map_or(1.0, |spot| spot.gain(fx, fy));
        let part = |k: usize| {
            let steel = STEEL[k] * (steel + edge) * marked;
            CONVEYOR[k] * belt + (steel - CONVEYOR[k] * belt) * on
        };
        ([part(0), part(1), part(2)], self.light(fx, fy))
    }

    fn streak(&self, x: f32, y: f32) -> f32 {
        let near = self.streaks.iter().filter(|[row, ..]| (y - row).abs() < 1.6);
        near.map(|[row, begin, length, strength]| {
            let along = between(*begin, begin + 30.0, x) * between(begin + length, begin + length - 30.0, x);
            strength * along * (1.0 - (y - row).abs() / 1.6)
        })
        .sum()
    }

    fn light(&self, x: f32, y: f32) -> f32 {
        let columns = SIZE.width / COARSE + 2;
        let [x, y] = [x, y].map(|at| at / COARSE as f32);
        let (column, row) = (x as usize, y as usize);
        let at = |c: usize, r: usize| self.light[(row + r) * columns + column + c];
        let line = |r: usize| at(0, r) + (at(1, r) - at(0, r)) * x.fract();
        line(0) + (line(1) - line(0)) * y.fract()
    }
}

impl Spot {
    /// The share of the light that is left at (x, y).
    fn gain(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = (x - self.at[0], y - self.at[1]);
        if dx.abs().max(dy.abs()) > 12.0 {
            return 1.0;
        }
        let (c, s) = self.turn;
        let (u, v) = ((c * dx + s * dy) / self.half[0], (c * dy - s * dx) / self.half[1]);
        let away = (u * u + v * v).sqrt();
        let wave = match self.shape {
            Shape::Raised => (TAU * WAVES * u).cos(),
            Shape::Hollow => -(TAU * WAVES * u).cos(),
            Shape::Edge => (PI * u).sin(),
        };
        1.0 + self.strength * between(1.1, 0.8, away) * wave
    }
}
