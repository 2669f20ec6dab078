//! Turned steel washers, four to a tray: grooved metal under a lamp, pockets, shadows.

use super::Flaw;
use super::field::{Camera, Field, SIZE};
use super::grain::{Cloud, Lattice, between, blend, ramp, scaled};
use super::light::{Light, normal};
use super::turned::{BORE, Fault, OUTER, Washer};
use crate::picture::Picture;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::PI;

/// Radius of a pocket and thickness of a washer, in pixels.
const POCKET: f32 = 57.0;
const THICK: f32 = 7.0;
const TRAY: [f32; 3] = [0.070, 0.092, 0.118];

/// A photograph of one tray.
pub(super) fn photograph(rng: &mut ChaCha8Rng, mut flaw: Option<Flaw>) -> Picture {
    let quarter = SIZE as f32 / 4.0;
    let shift = [rng.random_range(-2.5..2.5f32), rng.random_range(-2.5..2.5f32)];
    let turn = rng.random_range(-0.02..0.02f32);
    let washers: Vec<Washer> = [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0f32]]
        .into_iter()
        .map(|[a, b]| {
            let (x, y) = (a * quarter * 0.98, b * quarter * 0.98);
            let middle = [2.0 * quarter + shift[0], 2.0 * quarter + shift[1]];
            Washer::draw(rng, [middle[0] + x - turn * y, middle[1] + y + turn * x])
        })
        .collect();
    let light = Light::draw(rng, -2.05, 0.88, 0.36);
    let camera = Camera::draw(rng, 0.72);
    let tray = Tray { cloud: Cloud::new(rng.random()), pits: Lattice(rng.random()), dust: dust(rng) };
    let chosen = flaw.as_mut().map(|flaw| flaw.rng.random_range(0..washers.len()));
    let fault = flaw.as_mut().map_or(Fault::None, |flaw| fault(&light, flaw));

    let lamps: Vec<Light> = washers.iter().map(|w| light.from(w.center[0], w.center[1])).collect();
    let scene = Field::from_fn(|x, y| {
        let nearest = |a: &&Washer, b: &&Washer| {
            let away = |w: &Washer| (x - w.pocket[0]).powi(2) + (y - w.pocket[1]).powi(2);
            away(a).total_cmp(&away(b))
        };
        let Some((index, washer)) = washers.iter().enumerate().min_by(|a, b| nearest(&a.1, &b.1)) else {
            return [0.0; 3];
        };
        let fault = if chosen == Some(index) { &fault } else { &Fault::None };
        let (dx, dy) = (x - washer.center[0], y - washer.center[1]);
        let cover = ramp(0.5 - washer.outline(dx, dy, fault));
        let floor = if cover < 1.0 { tray.floor(x, y, washer, &light, fault) } else { [0.0; 3] };
        if cover > 0.0 { blend(floor, washer.metal(dx, dy, &lamps[index], fault), cover) } else { floor }
    });
    camera.expose(&scene)
}

/// The moulded tray under the washers.
struct Tray {
    cloud: Cloud,
    pits: Lattice,
    dust: Vec<[f32; 4]>,
}

impl Tray {
    fn floor(&self, x: f32, y: f32, washer: &Washer, light: &Light, fault: &Fault) -> [f32; 3] {
        let (px, py) = (x - washer.pocket[0], y - washer.pocket[1]);
        let away = (px * px + py * py).sqrt().max(1e-3);
        // The rounded edge of the pocket, two pixels wide, and the sand-blasted finish of the mould.
        let edge = (-((away - POCKET) / 1.7).powi(2)).exp();
        let (ix, iy) = (x as i64, y as i64);
        let slope = [
            0.10 * self.pits.signed(ix, iy) + 0.9 * edge * px / away,
            0.10 * self.pits.signed(ix, iy + 1000) + 0.9 * edge * py / away,
        ];
        let n = normal(slope);
        let inside = between(POCKET + 1.0, POCKET - 2.0, away);
        let wall = {
            let (sx, sy) = (px + 4.0 * light.toward[0], py + 4.0 * light.toward[1]);
            between(POCKET - 1.5, POCKET + 2.5, (sx * sx + sy * sy).sqrt()) * inside
        };
        let reach = THICK / light.toward[2].max(0.2);
        let shadow = (1..=4).map(|step| {
            let lift = reach * step as f32 / 4.0;
            let (dx, dy) = (x - washer.center[0], y - washer.center[1]);
            let (dx, dy) = (dx + lift * light.toward[0], dy + lift * light.toward[1]);
            between(1.4, -1.4, washer.outline(dx, dy, fault))
        });
        let shadow = shadow.fold(0.0f32, f32::max);
        let near = washer.outline(x - washer.center[0], y - washer.center[1], fault).max(0.0);
        let open = (1.0 - 0.88 * shadow) * (1.0 - 0.6 * wall);
        let sky = (1.0 - 0.55 * (-near / 3.5).exp()) * (1.0 - 0.18 * inside);
        let mould = 1.0 + 0.10 * self.cloud.rough(x, y, 60.0, 2) + 0.06 * self.pits.signed(ix, iy);
        let mut color = scaled(TRAY, mould * (1.0 - 0.10 * inside));
        for &[dx, dy, size, pale] in &self.dust {
            let part = between(size, 0.4 * size, ((x - dx).powi(2) + (y - dy).powi(2)).sqrt());
            color = blend(color, [0.35, 0.34, 0.32], part * pale);
        }
        let lit = light.diffuse(color, n, open, sky);
        let sheen = 0.06 * light.gloss(n, 14.0) * open;
        lit.map(|channel| channel + sheen)
    }
}

/// Dust specks, as any tray collects: position, size, paleness.
fn dust(rng: &mut ChaCha8Rng) -> Vec<[f32; 4]> {
    let count = rng.random_range(3..10);
    (0..count)
        .map(|_| {
            [
                rng.random_range(0.0..256.0),
                rng.random_range(0.0..256.0),
                rng.random_range(0.6..1.3),
                rng.random_range(0.1..0.4),
            ]
        })
        .collect()
}

fn fault(light: &Light, flaw: &mut Flaw) -> Fault {
    let angle = flaw.rng.random_range(-PI..PI);
    let reach = flaw.rng.random_range(BORE + 7.0..OUTER - 7.0);
    let at = [reach * angle.cos(), reach * angle.sin()];
    match flaw.kind {
        "bore" => {
            // Undersized by three to eight pixels; one in five was never drilled.
            let undrilled = flaw.severity > 0.8;
            Fault::Bore(if undrilled { 0.0 } else { BORE - flaw.grade(2.8, 8.5) })
        }
        "chipped_edge" => {
            let burr = flaw.rng.random_bool(0.35);
            let depth = if burr { -flaw.grade(0.8, 3.2) } else { flaw.grade(1.0, 7.0) };
            let half = flaw.grade(0.06, 0.22) * flaw.rng.random_range(0.8..1.25f32);
            Fault::Chip { angle, half, depth, shape: Lattice(flaw.rng.random()) }
        }
        "dent" => {
            let radius = flaw.grade(2.4, 6.5);
            Fault::Dent { at, radius, depth: flaw.grade(0.17, 1.2) }
        }
        "rust" => {
            let radius = flaw.grade(4.0, 15.0);
            let cloud = Box::new(Cloud::new(flaw.rng.random()));
            Fault::Rust { at, radius, strength: flaw.grade(0.20, 0.95), cloud }
        }
        "scratch" => {
            let length = flaw.grade(12.0, 42.0);
            // Across the grooves as often as along them, but never pointing straight at the lamp, where it
            // would be invisible.
            let lamp = light.toward[1].atan2(light.toward[0]);
            let heading = lamp + flaw.rng.random_range(0.5..PI - 0.5);
            let (hx, hy) = (0.5 * length * heading.cos(), 0.5 * length * heading.sin());
            Fault::Scratch {
                from: [at[0] - hx, at[1] - hy],
                to: [at[0] + hx, at[1] + hy],
                bow: flaw.rng.random_range(-3.0..3.0),
                width: flaw.grade(0.7, 1.5),
                depth: flaw.grade(0.22, 1.1),
            }
        }
        _ => Fault::None,
    }
}
