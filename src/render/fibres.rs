//! Loose fibres on the cloth: lint, foreign fibres, frayed ends.

use super::Flaw;
use super::field::Field;
use super::grain::{blend, scaled};
use super::layers::coverage;
use super::light::Light;
use super::weave::{Fault, WARP, WEFT, Weave};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::{PI, TAU};

/// A fibre lying on the cloth.
pub(super) struct Strand {
    pub(super) points: Vec<[f32; 2]>,
    pub(super) width: f32,
    pub(super) color: [f32; 3],
    pub(super) opacity: f32,
}

impl Strand {
    /// A fibre that starts at a point and wanders.
    fn wander(rng: &mut ChaCha8Rng, start: [f32; 2], length: f32, curl: f32) -> Vec<[f32; 2]> {
        let (mut heading, mut bend) = (rng.random_range(0.0..TAU), rng.random_range(-curl..curl));
        let mut points = vec![start];
        let [mut x, mut y] = start;
        for _ in 0..(length / 2.0).ceil() as usize {
            bend = 0.93 * bend + rng.random_range(-0.3 * curl..0.3 * curl);
            heading += bend;
            x += 2.0 * heading.cos();
            y += 2.0 * heading.sin();
            points.push([x, y]);
        }
        points
    }

    pub(super) fn lay(&self, albedo: &mut Field<[f32; 3]>, height: &mut Field<f32>, light: &Light) {
        let shift = |&[x, y]: &[f32; 2]| [x - 1.6 * light.toward[0], y - 1.6 * light.toward[1]];
        let shadow: Vec<_> = self.points.iter().map(shift).collect();
        let shadow = coverage(&shadow, self.width + 0.6);
        let cover = coverage(&self.points, self.width);
        for index in 0..cover.0.len() {
            let part = self.opacity * cover.0[index];
            let shaded = scaled(albedo.0[index], 1.0 - 0.4 * self.opacity * shadow.0[index]);
            albedo.0[index] = blend(shaded, self.color, part);
            height.0[index] += part * (2.2 - height.0[index]).max(0.0);
        }
    }
}

/// The short pale fibres that every cloth sheds.
pub(super) fn lint(rng: &mut ChaCha8Rng) -> Vec<Strand> {
    let count = rng.random_range(2..7);
    (0..count)
        .map(|_| {
            let start = [rng.random_range(0.0..256.0), rng.random_range(0.0..256.0)];
            let length = rng.random_range(4.0..11.0);
            let points = Strand::wander(rng, start, length, 0.25);
            let opacity = rng.random_range(0.08..0.22);
            Strand { points, width: 0.8, color: [0.5, 0.5, 0.5], opacity }
        })
        .collect()
}

/// The fibres that belong to a defect: the foreign one, or the frayed ends around a break.
pub(super) fn loose(weave: &Weave, fault: &Fault, flaw: &mut Flaw) -> Vec<Strand> {
    let to_pixel = |u, v| weave.pixel(u, v);
    let opacity = flaw.grade(0.4, 0.95);
    match *fault {
        Fault::Broken { warp, thread, from, to, .. } => [from, to]
            .into_iter()
            .flat_map(|end| [end; 2])
            .map(|end| {
                let thread = thread as f32;
                let [x, y] = if warp { to_pixel(thread, end) } else { to_pixel(end, thread) };
                let length = flaw.rng.random_range(8.0..20.0);
                let points = Strand::wander(&mut flaw.rng, [x, y], length, 0.2);
                let color = scaled(blend(WARP, WEFT, f32::from(u8::from(!warp))), 1.5);
                Strand { points, width: 1.3, color, opacity }
            })
            .collect(),
        Fault::Hole { u, v, radius, .. } => (0..(6.0 * opacity) as usize)
            .map(|_| {
                let angle = flaw.rng.random_range(-PI..PI);
                let start = to_pixel(u + radius * angle.cos(), v + radius * angle.sin());
                let length = flaw.rng.random_range(4.0..10.0);
                let points = Strand::wander(&mut flaw.rng, start, length, 0.3);
                Strand { points, width: 0.9, color: [0.34, 0.36, 0.40], opacity }
            })
            .collect(),
        _ if flaw.kind == "foreign_fibre" => {
            const COLORS: [[f32; 3]; 4] =
                [[0.60, 0.06, 0.04], [0.80, 0.30, 0.03], [0.012, 0.012, 0.012], [0.75, 0.58, 0.08]];
            let color = COLORS[flaw.rng.random_range(0..COLORS.len())];
            let start = [flaw.rng.random_range(40.0..216.0f32), flaw.rng.random_range(40.0..216.0f32)];
            let length = flaw.grade(24.0, 90.0) * flaw.rng.random_range(0.8..1.2f32);
            let points = Strand::wander(&mut flaw.rng, start, length, 0.12);
            vec![Strand { points, width: flaw.grade(1.5, 2.8), color, opacity: flaw.grade(0.7, 1.0) }]
        }
        _ => Vec::new(),
    }
}
