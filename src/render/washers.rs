//! Turned steel washers, four to a tray: grooved metal under a lamp, pockets, shadows.

use super::Flaw;
use super::canvas::{Camera, Field, SIZE};
use super::grain::{Cloud, Lattice, between, blend, ramp, scaled};
use super::light::{Light, Vector, normal, unit};
use crate::picture::Picture;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::{PI, TAU};

/// Radii and depths in pixels.
const OUTER: f32 = 50.0;
const BORE: f32 = 21.0;
const POCKET: f32 = 57.0;
const CHAMFER: f32 = 3.2;
const THICK: f32 = 7.0;
const TRAY: [f32; 3] = [0.070, 0.092, 0.118];
const STEEL: [f32; 3] = [0.60, 0.60, 0.585];
const RUST: [f32; 3] = [0.20, 0.075, 0.028];

/// One washer as it left the lathe and as it lies in its pocket.
struct Washer {
    centre: [f32; 2],
    pocket: [f32; 2],
    outer: f32,
    bore: f32,
    tilt: [f32; 2],
    /// Fine grooves of the cutting tool, looked up by radius.
    grooves: Lattice,
    /// Width of the highlight along and across the grooves.
    fine: f32,
    coarse: f32,
    tint: [f32; 3],
}

/// A defect on one washer, in pixels from its centre.
enum Fault {
    None,
    /// The bore has this radius.
    Bore(f32),
    /// Metal missing from the rim (`depth` > 0) or standing over it as a burr (< 0).
    Chip {
        angle: f32,
        half: f32,
        depth: f32,
        shape: Lattice,
    },
    Dent {
        at: [f32; 2],
        radius: f32,
        depth: f32,
    },
    Rust {
        at: [f32; 2],
        radius: f32,
        strength: f32,
        cloud: Cloud,
    },
    Scratch {
        from: [f32; 2],
        to: [f32; 2],
        bow: f32,
        width: f32,
        depth: f32,
    },
}

impl Washer {
    fn draw(rng: &mut ChaCha8Rng, pocket: [f32; 2]) -> Self {
        let play = rng.random_range(0.0..3.6f32);
        let toward = rng.random_range(-PI..PI);
        Self {
            centre: [pocket[0] + play * toward.cos(), pocket[1] + play * toward.sin()],
            pocket,
            outer: OUTER + rng.random_range(-0.35..0.35f32),
            bore: BORE + rng.random_range(-0.3..0.3f32),
            tilt: [rng.random_range(-0.022..0.022), rng.random_range(-0.022..0.022)],
            grooves: Lattice(rng.random()),
            fine: rng.random_range(0.105..0.135),
            coarse: rng.random_range(0.40..0.52),
            tint: std::array::from_fn(|k| STEEL[k] * rng.random_range(0.985..1.015f32)),
        }
    }

    /// Signed distance to the washer's outline seen from above: negative on the metal.
    fn outline(&self, dx: f32, dy: f32, fault: &Fault) -> f32 {
        let radius = (dx * dx + dy * dy).sqrt();
        (radius - self.rim(dx, dy, fault)).max(self.hole(fault) - radius)
    }

    fn hole(&self, fault: &Fault) -> f32 {
        if let Fault::Bore(radius) = *fault { radius } else { self.bore }
    }

    /// The outer radius in this direction.
    fn rim(&self, dx: f32, dy: f32, fault: &Fault) -> f32 {
        let Fault::Chip { angle, half, depth, shape } = *fault else { return self.outer };
        let off = (dy.atan2(dx) - angle + PI).rem_euclid(TAU) - PI;
        let ragged = 1.0 + 0.35 * shape.along(0, 9.0 * off / half) + 0.2 * shape.along(1, 23.0 * off);
        self.outer - depth * ragged * between(1.0, 0.35, off.abs() / half)
    }

    /// Light from the metal at (dx, dy) from the centre.
    fn metal(&self, dx: f32, dy: f32, light: &Light, fault: &Fault) -> [f32; 3] {
        let radius = (dx * dx + dy * dy).sqrt().max(1e-3);
        let out = [dx / radius, dy / radius];
        let rim = self.rim(dx, dy, fault);
        let hole = self.hole(fault);
        // Radial slope: chamfers at both edges, and the grooves of the tool.
        let outer = between(rim - CHAMFER, rim - CHAMFER + 1.2, radius);
        let inner = if hole > 1.0 { between(hole + CHAMFER, hole + CHAMFER - 1.2, radius) } else { 0.0 };
        let fine = self.grooves.along(0, 1.15 * radius) + 0.6 * self.grooves.along(1, 0.37 * radius);
        let chatter = self.grooves.along(2, 2.0 * radius + 0.5 * (dy.atan2(dx) * 3.0).sin());
        let groove_slope = (0.050 * fine + 0.030 * chatter) * (1.0 - outer) * (1.0 - inner);
        let radial = groove_slope - 0.46 * outer + 0.46 * inner;
        let mut slope = [self.tilt[0] + radial * out[0], self.tilt[1] + radial * out[1]];
        // How much the surface has lost its grooves, and how much light its form keeps out.
        let (mut torn, mut shade) = (0.0f32, 1.0f32);
        match fault {
            Fault::Dent { at, radius, depth } => {
                let (x, y) = ((dx - at[0]) / radius, (dy - at[1]) / radius);
                let bowl = (-(x * x + y * y)).exp();
                slope[0] += depth * x * bowl;
                slope[1] += depth * y * bowl;
                torn = 0.5 * bowl * depth.min(1.0);
                shade = 1.0 - 0.25 * bowl * depth.min(1.0);
            }
            Fault::Scratch { from, to, bow, width, depth } => {
                let (off, along) = beside([dx, dy], *from, *to, *bow);
                let lane = off / width;
                let ends = between(0.0, 0.12, along) * between(1.0, 0.88, along);
                let strength = depth * ends * (-lane * lane).exp();
                let side = unit([to[1] - from[1], from[0] - to[0], 0.0]);
                slope[0] += 1.6 * strength * lane * side[0];
                slope[1] += 1.6 * strength * lane * side[1];
                torn = strength.min(1.0);
                shade = 1.0 - 0.35 * strength.min(1.0);
            }
            Fault::Chip { depth, .. } => {
                // The fracture face below a chip, or the bright lip of a burr.
                let lost = (self.outer - rim).abs() / depth.abs().max(0.1);
                torn = lost.min(1.0) * between(rim - 3.5, rim - 1.0, radius);
            }
            _ => {}
        }
        let n = normal(slope);
        let tangent: Vector = unit([-out[1], out[0], 0.0]);
        let coarse = self.coarse + 0.25 * torn;
        let bow = light.grooved(n, tangent, self.fine + 0.5 * torn, coarse);
        // A weaker second lamp stands opposite; it fills the other side as in a light tent.
        let fill = Light { half: [-light.half[0], -light.half[1], light.half[2]], ..*light };
        let bow = bow + 0.40 * fill.grooved(n, tangent, 1.3 * self.fine + 0.5 * torn, coarse);
        let streak = 1.0 + 0.10 * fine + 0.05 * chatter;
        let edge = outer.max(inner);
        let bright = (0.34 * light.mirror(n) + 0.95 * bow * (1.0 - 0.7 * edge) + 0.10) * streak * shade;
        let colour = scaled(self.tint, bright + 0.45 * edge * light.mirror(n));
        let Fault::Rust { at, radius, strength, cloud } = fault else { return colour };
        let away = ((dx - at[0]).powi(2) + (dy - at[1]).powi(2)).sqrt() / radius;
        let bloom = away + 0.55 * cloud.rough(dx, dy, 9.0, 3);
        let part = strength * between(1.05, 0.55, bloom);
        let mottled = scaled(RUST, 1.0 + 0.5 * cloud.at(dx, dy, 3.0));
        let rust = light.diffuse(mottled, n, 1.0, 1.0);
        blend(colour, rust, part)
    }
}

/// Distance of a place from a slightly bowed line (pixels, signed) and how far along it is (0..1).
fn beside(place: [f32; 2], from: [f32; 2], to: [f32; 2], bow: f32) -> (f32, f32) {
    let (lx, ly) = (to[0] - from[0], to[1] - from[1]);
    let length = (lx * lx + ly * ly).sqrt().max(1e-3);
    let (px, py) = (place[0] - from[0], place[1] - from[1]);
    let along = (px * lx + py * ly) / (length * length);
    let off = (px * ly - py * lx) / length;
    (off - bow * 4.0 * along * (1.0 - along), along)
}

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

    let lamps: Vec<Light> = washers.iter().map(|w| light.from(w.centre[0], w.centre[1])).collect();
    let scene = Field::from_fn(|x, y| {
        let nearest = |a: &&Washer, b: &&Washer| {
            let away = |w: &Washer| (x - w.pocket[0]).powi(2) + (y - w.pocket[1]).powi(2);
            away(a).total_cmp(&away(b))
        };
        let Some((index, washer)) = washers.iter().enumerate().min_by(|a, b| nearest(&a.1, &b.1)) else {
            return [0.0; 3];
        };
        let fault = if chosen == Some(index) { &fault } else { &Fault::None };
        let (dx, dy) = (x - washer.centre[0], y - washer.centre[1]);
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
            let (dx, dy) = (x - washer.centre[0], y - washer.centre[1]);
            let (dx, dy) = (dx + lift * light.toward[0], dy + lift * light.toward[1]);
            between(1.4, -1.4, washer.outline(dx, dy, fault))
        });
        let shadow = shadow.fold(0.0f32, f32::max);
        let near = washer.outline(x - washer.centre[0], y - washer.centre[1], fault).max(0.0);
        let open = (1.0 - 0.88 * shadow) * (1.0 - 0.6 * wall);
        let sky = (1.0 - 0.55 * (-near / 3.5).exp()) * (1.0 - 0.18 * inside);
        let mould = 1.0 + 0.10 * self.cloud.rough(x, y, 60.0, 2) + 0.06 * self.pits.signed(ix, iy);
        let mut colour = scaled(TRAY, mould * (1.0 - 0.10 * inside));
        for &[dx, dy, size, pale] in &self.dust {
            let part = between(size, 0.4 * size, ((x - dx).powi(2) + (y - dy).powi(2)).sqrt());
            colour = blend(colour, [0.35, 0.34, 0.32], part * pale);
        }
        let lit = light.diffuse(colour, n, open, sky);
        let sheen = 0.06 * light.gloss(n, 14.0) * open;
        lit.map(|channel| channel + sheen)
    }
}

/// Specks that any tray collects: place, size, paleness.
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
            // Undersized by two to seven pixels; one in five was never drilled.
            let undrilled = flaw.severity > 0.8;
            Fault::Bore(if undrilled { 0.0 } else { BORE - flaw.grade(1.8, 8.0) })
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
            let cloud = Cloud::new(flaw.rng.random());
            Fault::Rust { at, radius, strength: flaw.grade(0.20, 0.95), cloud }
        }
        "scratch" => {
            let length = flaw.grade(12.0, 42.0);
            // Across the grooves as often as along them, but never straight at the lamp, where nothing
            // would show.
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
