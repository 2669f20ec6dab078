//! Woven cloth: a 2/1 twill of dark warp over light weft, threads drawn one by one.

use super::Flaw;
use super::canvas::{Camera, Field};
use super::grain::{Cloud, Lattice, between, blend, ramp, scaled};
use super::layers::coverage;
use super::light::Light;
use crate::picture::Picture;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::{PI, TAU};

/// Pixels per thread.
const PITCH: f32 = 5.6;
const WARP: [f32; 3] = [0.050, 0.086, 0.160];
const WEFT: [f32; 3] = [0.29, 0.305, 0.315];
const BEHIND: [f32; 3] = [0.022, 0.021, 0.020];

/// Where the threads lie and how each differs from its neighbours. Cloth coordinates (u, v) count warp
/// threads to the right and weft threads downwards.
struct Weave {
    turn: (f32, f32),
    shift: [f32; 2],
    pitch: [f32; 2],
    drape: Cloud,
    threads: Lattice,
    tint: [f32; 3],
}

/// What the loom or the handling did wrong, in cloth coordinates.
enum Fault {
    None,
    /// Some threads are missing (or worn thin, `left` of its width) from `from` to `to` along it.
    Broken {
        warp: bool,
        thread: i64,
        count: i64,
        from: f32,
        to: f32,
        left: f32,
    },
    /// Every thread is cut near (u, v), each a little differently.
    Hole {
        u: f32,
        v: f32,
        radius: f32,
        cuts: Lattice,
    },
    /// In these wefts the warp ends `from..to` are raised or lowered against the pattern.
    Misweave {
        row: i64,
        rows: i64,
        from: i64,
        to: i64,
        raised: bool,
    },
}

/// One of the two systems of threads at one place.
struct Thread {
    /// -1..1 across the thread; beyond, there is none.
    across: f32,
    /// Height over the middle of the cloth, in thread widths.
    height: f32,
    colour: [f32; 3],
}

impl Weave {
    fn draw(rng: &mut ChaCha8Rng) -> Self {
        let angle = rng.random_range(-0.02..0.02f32);
        Self {
            turn: (angle.cos(), angle.sin()),
            shift: [rng.random_range(0.0..30.0), rng.random_range(0.0..30.0)],
            pitch: [PITCH * rng.random_range(0.98..1.02f32), PITCH * rng.random_range(1.03..1.08f32)],
            drape: Cloud::new(rng.random()),
            threads: Lattice(rng.random()),
            tint: std::array::from_fn(|_| rng.random_range(0.99..1.01f32)),
        }
    }

    /// Cloth coordinates of a pixel.
    fn coordinates(&self, x: f32, y: f32) -> [f32; 2] {
        let (c, s) = self.turn;
        let pull = 1.5 * self.drape.at(x, y, 90.0);
        let sag = 1.5 * self.drape.at(x + 500.0, y - 300.0, 90.0);
        let (x, y) = (x + pull, y + sag);
        [(c * x + s * y) / self.pitch[0] + self.shift[0], (c * y - s * x) / self.pitch[1] + self.shift[1]]
    }

    /// +1 where the warp lies above the weft at this crossing, -1 where below.
    fn side(i: i64, j: i64, fault: &Fault) -> f32 {
        if let Fault::Misweave { row, rows, from, to, raised } = *fault
            && (row..row + rows).contains(&j)
            && (from..to).contains(&i)
        {
            return if raised { 1.0 } else { -1.0 };
        }
        if (i + j).rem_euclid(3) == 0 { -1.0 } else { 1.0 }
    }

    /// The warp (or weft) thread at a place `across` and `along` that system of threads.
    fn thread(&self, warp: bool, across: f32, along: f32, fault: &Fault) -> Thread {
        let index = across.round() as i64;
        let row = 4 * index + if warp { 0 } else { 2 };
        let wander = 0.05 * self.threads.along(row, 0.21 * along);
        let slub = self.threads.along(row + 1, 0.13 * along).max(0.6) - 0.6;
        let width = 0.90 + 0.06 * self.threads.signed(row, -7) + 0.28 * slub;
        let width = width * self.left(warp, index, along, fault);
        let across = (across - index as f32 - wander) / (0.5 * width.max(1e-3));
        let before = along.floor() as i64;
        let side = |other: i64| {
            if warp { Self::side(index, other, fault) } else { -Self::side(other, index, fault) }
        };
        let lift = {
            let (a, b) = (side(before), side(before + 1));
            a + (b - a) * ramp(along - before as f32)
        };
        let profile = (1.0 - across * across).max(0.0).sqrt();
        // The ply of the yarn runs slantwise round the thread.
        let slant = if warp { 1.0 } else { -1.0 };
        let phase = TAU * self.threads.uniform(row, -3);
        let ply = (TAU * (1.7 * along + 0.42 * slant * across) + phase).sin();
        // Dye wears off the crowns and single filaments catch the light.
        let fuzz = self.threads.along(row + 3, 2.7 * along + 0.8 * slant * across);
        let worn = self.threads.along(row + 3, 1.1 * along - 2.0 * across).max(0.0) * profile;
        let colour = if warp { blend(WARP, WEFT, 0.14 * worn) } else { WEFT };
        let dye =
            1.0 + 0.075 * self.threads.signed(row, -5) + 0.04 * self.threads.along(row + 2, 0.3 * along);
        let colour = scaled(colour, dye * (1.0 + 0.12 * ply + 0.11 * fuzz));
        Thread { across, height: 0.5 * lift + 0.5 * profile + 0.04 * ply, colour }
    }

    /// The part of its width a thread has kept here.
    fn left(&self, warp: bool, index: i64, along: f32, fault: &Fault) -> f32 {
        match *fault {
            Fault::Broken { warp: broken, thread, count, from, to, left }
                if broken == warp && (thread..thread + count).contains(&index) =>
            {
                // The ends taper and fray.
                let inside = between(from - 0.35, from + 0.35, along) * between(to + 0.35, to - 0.35, along);
                1.0 - (1.0 - left) * inside
            }
            Fault::Hole { u, v, radius, cuts } => {
                let (centre, other) = if warp { (u, v) } else { (v, u) };
                let aside = index as f32 - centre;
                let chord = (radius * radius - aside * aside).max(0.0).sqrt();
                let row = 2 * index + i64::from(warp);
                let end = if along < other { 0 } else { 1 };
                let cut = chord * (0.75 + 0.45 * cuts.uniform(row, end));
                if cut < 0.2 { 1.0 } else { between(cut - 0.3, cut + 0.3, (along - other).abs()) }
            }
            _ => 1.0,
        }
    }

    /// Colour and height (pixels) of the cloth at a pixel.
    fn surface(&self, x: f32, y: f32, fault: &Fault) -> ([f32; 3], f32) {
        let [u, v] = self.coordinates(x, y);
        let warp = self.thread(true, u, v, fault);
        let weft = self.thread(false, v, u, fault);
        let edge = |t: &Thread| between(1.12, 0.86, t.across.abs());
        let (cover_warp, cover_weft) = (edge(&warp), edge(&weft));
        let over = between(-0.12, 0.12, warp.height - weft.height);
        let (top, below, over) = if over > 0.5 {
            ((&warp, cover_warp), (&weft, cover_weft), over)
        } else {
            ((&weft, cover_weft), (&warp, cover_warp), 1.0 - over)
        };
        let low = (blend(BEHIND, below.0.colour, below.1), -1.2 + (below.0.height + 1.2) * below.1);
        let seen = top.1 * (1.0 - (1.0 - over) * below.1);
        let height = low.1 + (top.0.height - low.1) * seen;
        (blend(low.0, top.0.colour, seen), 0.36 * PITCH * height)
    }
}

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
        let (colour, z) = weave.surface(x, y, &fault);
        height.0[at] = z;
        at += 1;
        std::array::from_fn(|k| colour[k] * weave.tint[k])
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
        // The lamp is low: threads shade what lies behind them.
        let (sx, sy) = ((2.5 * light.toward[0]).round() as i32, (2.5 * light.toward[1]).round() as i32);
        let open = 1.0 - 0.55 * between(0.3, 2.6, relief.at(px + sx, py + sy) - z);
        let sky = 0.35 + 0.65 * between(-2.6, 2.0, z);
        let fold = 1.0 + 0.035 * weave.drape.at(x - 900.0, y, 140.0);
        let colour = scaled(albedo.0[index], 1.35 * fold);
        index += 1;
        light.diffuse(colour, normal, open, sky)
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
            let length = flaw.grade(8.0, 20.0) * flaw.rng.random_range(0.8..1.2f32);
            let (from, to) = (along - 0.5 * length, along + 0.5 * length);
            let left = flaw.grade(0.20, -0.6).max(0.0);
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

/// Something spilt: darker and tinted, with an uneven outline and a rim where it dried.
fn stain(albedo: &mut Field<[f32; 3]>, flaw: &mut Flaw) {
    const LIQUIDS: [[f32; 3]; 3] = [[0.34, 0.20, 0.09], [0.26, 0.25, 0.21], [0.55, 0.12, 0.15]];
    let liquid = LIQUIDS[flaw.rng.random_range(0..LIQUIDS.len())];
    let cloud = Cloud::new(flaw.rng.random());
    let (cx, cy) = (flaw.rng.random_range(40.0..216.0f32), flaw.rng.random_range(40.0..216.0f32));
    let radius = flaw.rng.random_range(16.0..32.0f32);
    let stretch = flaw.rng.random_range(0.7..1.4f32);
    let strength = flaw.grade(0.50, 1.0);
    let mut index = 0;
    let wet: Field<f32> = Field::from_fn(|x, y| {
        let (dx, dy) = ((x - cx) * stretch, (y - cy) / stretch);
        let out = (dx * dx + dy * dy).sqrt() / radius + 0.35 * cloud.rough(x, y, 22.0, 3);
        let inside = between(1.06, 0.84, out);
        let rim = (-((out - 0.92) / 0.09).powi(2)).exp();
        strength * (0.75 * inside + 0.25 * rim).min(1.0)
    });
    for pixel in &mut albedo.0 {
        let wet = wet.0[index];
        index += 1;
        // It tints the yarn and also fills the gaps, so the threads stand out less.
        let tinted = std::array::from_fn(|k| pixel[k] * (1.0 - wet * (1.0 - liquid[k])));
        *pixel = blend(tinted, scaled(liquid, 0.16), 0.45 * wet);
    }
}

/// A fibre lying on the cloth.
struct Strand {
    points: Vec<[f32; 2]>,
    width: f32,
    colour: [f32; 3],
    opacity: f32,
}

impl Strand {
    /// A fibre that starts at a place and wanders.
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

    fn lay(&self, albedo: &mut Field<[f32; 3]>, height: &mut Field<f32>, light: &Light) {
        let shift = |&[x, y]: &[f32; 2]| [x - 1.6 * light.toward[0], y - 1.6 * light.toward[1]];
        let shadow: Vec<_> = self.points.iter().map(shift).collect();
        let shadow = coverage(&shadow, self.width + 0.6);
        let cover = coverage(&self.points, self.width);
        for index in 0..cover.0.len() {
            let part = self.opacity * cover.0[index];
            let shaded = scaled(albedo.0[index], 1.0 - 0.4 * self.opacity * shadow.0[index]);
            albedo.0[index] = blend(shaded, self.colour, part);
            height.0[index] += part * (2.2 - height.0[index]).max(0.0);
        }
    }
}

/// The short pale fibres that any cloth sheds.
fn lint(rng: &mut ChaCha8Rng) -> Vec<Strand> {
    let count = rng.random_range(2..7);
    (0..count)
        .map(|_| {
            let start = [rng.random_range(0.0..256.0), rng.random_range(0.0..256.0)];
            let length = rng.random_range(4.0..11.0);
            let points = Strand::wander(rng, start, length, 0.25);
            let opacity = rng.random_range(0.08..0.22);
            Strand { points, width: 0.8, colour: [0.5, 0.5, 0.5], opacity }
        })
        .collect()
}

/// The fibres that belong to a defect: the foreign one, or the frayed ends round a break.
fn loose(weave: &Weave, fault: &Fault, flaw: &mut Flaw) -> Vec<Strand> {
    let to_pixel = |u: f32, v: f32| {
        // The inverse of `coordinates` without the drape, which moves a loose end by a pixel or two.
        let (c, s) = weave.turn;
        let (a, b) = ((u - weave.shift[0]) * weave.pitch[0], (v - weave.shift[1]) * weave.pitch[1]);
        [c * a - s * b, s * a + c * b]
    };
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
                let colour = scaled(blend(WARP, WEFT, f32::from(u8::from(!warp))), 1.5);
                Strand { points, width: 1.3, colour, opacity }
            })
            .collect(),
        Fault::Hole { u, v, radius, .. } => (0..(6.0 * opacity) as usize)
            .map(|_| {
                let angle = flaw.rng.random_range(-PI..PI);
                let start = to_pixel(u + radius * angle.cos(), v + radius * angle.sin());
                let length = flaw.rng.random_range(4.0..10.0);
                let points = Strand::wander(&mut flaw.rng, start, length, 0.3);
                Strand { points, width: 0.9, colour: [0.34, 0.36, 0.40], opacity }
            })
            .collect(),
        _ if flaw.kind == "foreign_fibre" => {
            const COLOURS: [[f32; 3]; 4] =
                [[0.60, 0.06, 0.04], [0.80, 0.30, 0.03], [0.012, 0.012, 0.012], [0.75, 0.58, 0.08]];
            let colour = COLOURS[flaw.rng.random_range(0..COLOURS.len())];
            let start = [flaw.rng.random_range(40.0..216.0f32), flaw.rng.random_range(40.0..216.0f32)];
            let length = flaw.grade(24.0, 90.0) * flaw.rng.random_range(0.8..1.2f32);
            let points = Strand::wander(&mut flaw.rng, start, length, 0.12);
            vec![Strand { points, width: flaw.grade(1.5, 2.8), colour, opacity: flaw.grade(0.7, 1.0) }]
        }
        _ => Vec::new(),
    }
}
