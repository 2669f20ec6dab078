//! A populated circuit board: copper under green lacquer, tinned pads, parts, white print.

use super::Flaw;
use super::board::{Board, Fault, Misprint};
use super::field::{Camera, Field, SIZE};
use super::grain::{Cloud, Lattice, between, blend, scaled};
use super::layout::{PARTS, TRACES};
use super::light::{Light, dot};
use crate::picture::Picture;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A photograph of one board.
pub(super) fn photograph(rng: &mut ChaCha8Rng, mut flaw: Option<Flaw>) -> Picture {
    let board = Board::draw(rng);
    let light = Light::draw(rng, -2.3, 0.98, 0.42);
    let camera = Camera::draw(rng, 0.55);
    let (cloud, grain) = (Cloud::new(rng.random()), Lattice(rng.random()));
    let fault = flaw.as_mut().map_or(Fault::None, fault);
    let Some(layers) = board.paint(&fault) else {
        return Picture::new(SIZE as u32, SIZE as u32);
    };
    let (albedo, relief) = (layers.albedo(), layers.relief());
    let height = Field(relief.0.iter().map(|&[height, _, _]| height).collect()).blurred(0.75);
    let mut index = 0;
    let scene = Field::from_fn(|x, y| {
        let [_, gloss, metal] = relief.0[index];
        let color = albedo.0[index];
        index += 1;
        let (px, py) = (x as i32, y as i32);
        let z = height.at(px, py);
        let lamp = light.from(x, y);
        let n = height.normal(px, py, 0.8);
        let mut shadow = 0.0f32;
        for step in 1..=6 {
            let away = 1.6 * step as f32;
            let (sx, sy) = (x + away * lamp.toward[0], y + away * lamp.toward[1]);
            let ray = z + away * lamp.toward[2];
            shadow = shadow.max(between(0.2, 1.8, height.at(sx as i32, sy as i32) - ray));
        }
        let open = 1.0 - 0.8 * shadow;
        // Corners between a part and the board receive less light from the surroundings.
        let walls = [(3, 0), (-3, 0), (0, 3), (0, -3)].map(|(a, b)| (height.at(px + a, py + b) - z).max(0.0));
        let sky = 1.0 - 0.5 * (walls.iter().sum::<f32>() / 14.0).min(1.0);
        let speckle = 1.0 + 0.05 * grain.signed(px.into(), py.into()) + 0.06 * cloud.at(x, y, 70.0);
        let color = scaled(color, 1.3 * speckle);
        let matte = lamp.diffuse(color, n, open, sky);
        let facing = dot(n, lamp.half).max(0.0);
        let shine = gloss * (0.10 * facing.powi(24) + 0.25 * facing.powi(120)) * open;
        let mirrored =
            scaled(color, 0.8 * lamp.mirror(n) * (0.45 + 0.55 * open) + 0.35 * facing.powi(60) * open);
        blend(matte.map(|channel| channel + shine * (1.0 - metal)), mirrored, metal)
    });
    camera.expose(&scene)
}

fn fault(flaw: &mut Flaw) -> Fault {
    match flaw.kind {
        "open_trace" => {
            let (at, along, _) = on_trace(flaw);
            let bite = flaw.grade(0.85, 1.3).min(1.0);
            Fault::Open {
                at,
                along,
                gap: flaw.grade(5.0, 9.5),
                scraped: flaw.grade(0.55, 1.2).min(1.0),
                bite,
            }
        }
        "short" => {
            let width = flaw.grade(2.8, 6.0);
            let solder = flaw.rng.random_bool(0.5);
            let (from, to) = (0..60).find_map(|_| bridge(flaw)).unwrap_or(([60.0, 76.0], [60.0, 84.0]));
            Fault::Short { from, to, width, solder }
        }
        "missing_part" => Fault::Missing(flaw.rng.random_range(0..PARTS.len())),
        "solder_blob" => {
            let at = [flaw.rng.random_range(34.0..206.0), flaw.rng.random_range(46.0..206.0)];
            let stretch = flaw.rng.random_range(0.8..1.25);
            Fault::Blob { at, radius: flaw.grade(2.2, 6.5), stretch }
        }
        "misprint" => {
            let item = flaw.rng.random_range(0..Board::words().count());
            let heading = flaw.rng.random_range(0.0..std::f32::consts::TAU);
            let far = flaw.grade(2.8, 6.5);
            let apart = [far * heading.cos(), far * heading.sin()];
            let how = match flaw.rng.random_range(0..4) {
                0 => Misprint::Faint(flaw.grade(0.25, 0.0)),
                1 => Misprint::Double(apart),
                _ => Misprint::Smeared(apart.map(|part| 2.2 * part), flaw.grade(0.28, 0.65)),
            };
            Fault::Misprint { item, how }
        }
        _ => Fault::None,
    }
}

/// A random point on a random trace, away from its ends, the direction of the trace, and its number.
fn on_trace(flaw: &mut Flaw) -> ([f32; 2], [f32; 2], usize) {
    let trace = flaw.rng.random_range(0..TRACES.len());
    let segment = flaw.rng.random_range(0..TRACES[trace].len() - 1);
    let (a, b) = (TRACES[trace][segment], TRACES[trace][segment + 1]);
    let part = flaw.rng.random_range(0.25..0.75f32);
    let along = [b[0] - a[0], b[1] - a[1]];
    let length = (along[0] * along[0] + along[1] * along[1]).sqrt();
    let at = [a[0] + part * along[0], a[1] + part * along[1]];
    (at, along.map(|part| part / length), trace)
}

/// A point on one trace and the nearest on another, if they are neighbors.
fn bridge(flaw: &mut Flaw) -> Option<([f32; 2], [f32; 2])> {
    let (from, _, own) = on_trace(flaw);
    let others = TRACES.iter().enumerate().filter(|(index, _)| *index != own);
    let nearest = others.flat_map(|(_, trace)| trace.windows(2)).map(|ends| {
        let (a, b) = (ends[0], ends[1]);
        let line = [b[0] - a[0], b[1] - a[1]];
        let part = ((from[0] - a[0]) * line[0] + (from[1] - a[1]) * line[1])
            / (line[0] * line[0] + line[1] * line[1]);
        let part = part.clamp(0.0, 1.0);
        let to = [a[0] + part * line[0], a[1] + part * line[1]];
        (((to[0] - from[0]).powi(2) + (to[1] - from[1]).powi(2)).sqrt(), to)
    });
    let (away, to) = nearest.min_by(|a, b| a.0.total_cmp(&b.0))?;
    (5.0..18.0).contains(&away).then_some((from, to))
}
