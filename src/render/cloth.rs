//! Woven cloth: a 2/1 twill of dark warp over light weft under a low lamp.

use super::Flaw;
use super::fibres::{lint, loose};
use super::field::{Camera, Field};
use super::grain::{Cloud, Lattice, between, blend, scaled};
use super::light::Light;
use super::weave::{Fault, Weave};
use crate::picture::Picture;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A photograph of one piece of cloth.
pub(super) fn photograph(rng: &mut ChaCha8Rng, mut flaw: Option<Flaw>) -> Picture {
    let weave = Weave::draw(rng);
    let light = Light::draw(rng, -2.2, 0.85, 0.42);
    let camera = Camera::draw(rng, 0.62);
    let lint = lint(rng);
    let fault = flaw.as_mut().map_or(Fault::None, |flaw| fault(&weave, flaw));

    let mut height = Field::filled(0.0);
    let mut at = 0;
    let mut albedo = Field::from_fn(|x, y| {
        let (color, z) = weave.surface(x, y, &fault);
        height.0[at] = z;
        at += 1;
        std::array::from_fn(|k| color[k] * weave.tint[k])
    });
    if let Some(flaw) = flaw.as_mut().filter(|flaw| flaw.kind == "stain") {
        stain(&mut albedo, flaw);
    }
    let mut strands = lint;
    if let Some(flaw) = flaw.as_mut() {
        strands.extend(loose(&weave, &fault, flaw));
    }
    for strand in &strands {
        strand.lay(&mut albedo, &mut height, &light);
    }

    let relief = height.blurred(0.5);
    let mut index = 0;
    let scene = Field::from_fn(|x, y| {
        let (px, py) = (x as i32, y as i32);
        let z = relief.at(px, py);
        let normal = relief.normal(px, py, 1.15);
        // The lamp is low: threads cast shadows on what lies behind them.
        let (sx, sy) = ((2.5 * light.toward[0]).round() as i32, (2.5 * light.toward[1]).round() as i32);
        let open = 1.0 - 0.55 * between(0.3, 2.6, relief.at(px + sx, py + sy) - z);
        let sky = 0.35 + 0.65 * between(-2.6, 2.0, z);
        let fold = 1.0 + 0.035 * weave.drape.at(x - 900.0, y, 140.0);
        let color = scaled(albedo.0[index], 1.35 * fold);
        index += 1;
        light.diffuse(color, normal, open, sky)
    });
    camera.expose(&scene)
}

fn fault(weave: &Weave, flaw: &mut Flaw) -> Fault {
    let (x, y) = (flaw.rng.random_range(35.0..221.0f32), flaw.rng.random_range(35.0..221.0f32));
    let [u, v] = weave.coordinates(x, y);
    match flaw.kind {
        "broken_thread" => {
            let warp = flaw.rng.random_bool(0.6);
            let (across, along) = if warp { (u, v) } else { (v, u) };
            let length = flaw.grade(9.0, 20.0) * flaw.rng.random_range(0.8..1.2f32);
            let (from, to) = (along - 0.5 * length, along + 0.5 * length);
            let left = flaw.grade(0.10, -0.6).max(0.0);
            let count = flaw.grade(1.0, 3.2) as i64;
            Fault::Broken { warp, thread: across.round() as i64, count, from, to, left }
        }
        "hole" => Fault::Hole { u, v, radius: flaw.grade(0.75, 3.6), cuts: Lattice(flaw.rng.random()) },
        "misweave" => {
            let length = flaw.grade(4.0, 17.0).round() as i64;
            let rows = flaw.grade(1.0, 3.4) as i64;
            let from = u.round() as i64 - length / 2;
            let raised = flaw.rng.random_bool(0.4);
            Fault::Misweave { row: v.round() as i64, rows, from, to: from + length, raised }
        }
        _ => Fault::None,
    }
}

/// A spill: darker and tinted, with an uneven outline and a rim where it dried.
fn stain(albedo: &mut Field<[f32; 3]>, flaw: &mut Flaw) {
    const LIQUIDS: [[f32; 3]; 3] = [[0.34, 0.20, 0.09], [0.26, 0.25, 0.21], [0.55, 0.12, 0.15]];
    let liquid = LIQUIDS[flaw.rng.random_range(0..LIQUIDS.len())];
    let cloud = Cloud::new(flaw.rng.random());
    let (cx, cy) = (flaw.rng.random_range(40.0..216.0f32), flaw.rng.random_range(40.0..216.0f32));
    let radius = flaw.rng.random_range(16.0..32.0f32);
    let stretch = flaw.rng.random_range(0.7..1.4f32);
    let strength = flaw.grade(0.50, 1.0);
    let wet: Field<f32> = Field::from_fn(|x, y| {
        let (dx, dy) = ((x - cx) * stretch, (y - cy) / stretch);
        let out = (dx * dx + dy * dy).sqrt() / radius + 0.35 * cloud.rough(x, y, 22.0, 3);
        let inside = between(1.06, 0.84, out);
        let rim = (-((out - 0.92) / 0.09).powi(2)).exp();
        strength * (0.75 * inside + 0.25 * rim).min(1.0)
    });
    for (pixel, wet) in albedo.0.iter_mut().zip(wet.0) {
        // It tints the yarn and also fills the gaps, so the threads stand out less.
        let tinted = std::array::from_fn(|k| pixel[k] * (1.0 - wet * (1.0 - liquid[k])));
        *pixel = blend(tinted, scaled(liquid, 0.16), 0.45 * wet);
    }
}
