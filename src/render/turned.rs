//! One turned steel washer: outline, grooves, chamfers, highlights, and defects.

use super::grain::{Cloud, Lattice, between, blend, scaled};
use super::light::{Light, Vector, normal, unit};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::{PI, TAU};

/// Radii and depths in pixels.
pub(super) const OUTER: f32 = 50.0;
pub(super) const BORE: f32 = 21.0;
const CHAMFER: f32 = 3.2;
const STEEL: [f32; 3] = [0.60, 0.60, 0.585];
const RUST: [f32; 3] = [0.20, 0.075, 0.028];

/// One washer from the lathe, and how it lies in its pocket.
pub(super) struct Washer {
    pub(super) center: [f32; 2],
    pub(super) pocket: [f32; 2],
    pub(super) outer: f32,
    pub(super) bore: f32,
    pub(super) tilt: [f32; 2],
    /// Fine grooves of the cutting tool, looked up by radius.
    pub(super) grooves: Lattice,
    /// Width of the highlight along and across the grooves.
    pub(super) fine: f32,
    pub(super) coarse: f32,
    pub(super) tint: [f32; 3],
}

/// A defect on one washer, in pixels from its center.
pub(super) enum Fault {
    None,
    /// The bore has this radius.
    Bore(f32),
    /// Metal missing from the rim (`depth` > 0) or protruding as a burr (< 0).
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
        cloud: Box<Cloud>,
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
    pub(super) fn draw(rng: &mut ChaCha8Rng, pocket: [f32; 2]) -> Self {
        let play = rng.random_range(0.0..3.6f32);
        let toward = rng.random_range(-PI..PI);
        Self {
            center: [pocket[0] + play * toward.cos(), pocket[1] + play * toward.sin()],
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
    pub(super) fn outline(&self, dx: f32, dy: f32, fault: &Fault) -> f32 {
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

    /// Light reflected by the metal at (dx, dy) from the center.
    pub(super) fn metal(&self, dx: f32, dy: f32, light: &Light, fault: &Fault) -> [f32; 3] {
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
        // How far the surface has lost its grooves, and the share of light that its shape lets in.
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
        // A weaker second lamp on the opposite side fills the shadows, as in a light tent.
        let fill = Light { half: [-light.half[0], -light.half[1], light.half[2]], ..*light };
        let bow = bow + 0.40 * fill.grooved(n, tangent, 1.3 * self.fine + 0.5 * torn, coarse);
        let streak = 1.0 + 0.10 * fine + 0.05 * chatter;
        let edge = outer.max(inner);
        let bright = (0.34 * light.mirror(n) + 0.95 * bow * (1.0 - 0.7 * edge) + 0.10) * streak * shade;
        let color = scaled(self.tint, bright + 0.45 * edge * light.mirror(n));
        let Fault::Rust { at, radius, strength, cloud } = fault else { return color };
        let away = ((dx - at[0]).powi(2) + (dy - at[1]).powi(2)).sqrt() / radius;
        let bloom = away + 0.55 * cloud.rough(dx, dy, 9.0, 3);
        let part = strength * between(1.05, 0.55, bloom);
        let mottled = scaled(RUST, 1.0 + 0.5 * cloud.at(dx, dy, 3.0));
        let rust = light.diffuse(mottled, n, 1.0, 1.0);
        blend(color, rust, part)
    }
}

/// Signed distance in pixels of a point from a slightly bowed line, and its position along the line (0..1).
fn beside(place: [f32; 2], from: [f32; 2], to: [f32; 2], bow: f32) -> (f32, f32) {
    let (lx, ly) = (to[0] - from[0], to[1] - from[1]);
    let length = (lx * lx + ly * ly).sqrt().max(1e-3);
    let (px, py) = (place[0] - from[0], place[1] - from[1]);
    let along = (px * lx + py * ly) / (length * length);
    let off = (px * ly - py * lx) / length;
    (off - bow * 4.0 * along * (1.0 - along), along)
}
