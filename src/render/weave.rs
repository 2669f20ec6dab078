//! The weave itself: the position of every thread of a 2/1 twill, and the effect of faults.

use super::grain::{Cloud, Lattice, between, blend, ramp, scaled};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::f32::consts::TAU;

/// Pixels per thread.
pub(super) const PITCH: f32 = 5.6;
pub(super) const WARP: [f32; 3] = [0.050, 0.086, 0.160];
pub(super) const WEFT: [f32; 3] = [0.29, 0.305, 0.315];
const BEHIND: [f32; 3] = [0.022, 0.021, 0.020];

/// Where the threads lie and how each differs from its neighbors. Cloth coordinates (u, v) count warp threads
/// to the right and weft threads down.
pub(super) struct Weave {
    pub(super) turn: (f32, f32),
    pub(super) shift: [f32; 2],
    pub(super) pitch: [f32; 2],
    pub(super) drape: Cloud,
    pub(super) threads: Lattice,
    pub(super) tint: [f32; 3],
}

/// A fault of the loom or the handling, in cloth coordinates.
pub(super) enum Fault {
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

/// One of the two systems of threads at one point.
pub(super) struct Thread {
    /// -1..1 across the thread; no thread beyond.
    pub(super) across: f32,
    /// Height over the middle of the cloth, in thread widths.
    pub(super) height: f32,
    pub(super) color: [f32; 3],
}

impl Weave {
    pub(super) fn draw(rng: &mut ChaCha8Rng) -> Self {
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
    pub(super) fn coordinates(&self, x: f32, y: f32) -> [f32; 2] {
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

    /// The warp (or weft) thread at the point `across` and `along` that system of threads.
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
        // The ply of the yarn runs diagonally around the thread.
        let slant = if warp { 1.0 } else { -1.0 };
        let phase = TAU * self.threads.uniform(row, -3);
        let ply = (TAU * (1.7 * along + 0.42 * slant * across) + phase).sin();
        // Dye wears off the crests, and single filaments catch the light.
        let fuzz = self.threads.along(row + 3, 2.7 * along + 0.8 * slant * across);
        let worn = self.threads.along(row + 3, 1.1 * along - 2.0 * across).max(0.0) * profile;
        let color = if warp { blend(WARP, WEFT, 0.14 * worn) } else { WEFT };
        let dye =
            1.0 + 0.075 * self.threads.signed(row, -5) + 0.04 * self.threads.along(row + 2, 0.3 * along);
        let color = scaled(color, dye * (1.0 + 0.12 * ply + 0.11 * fuzz));
        Thread { across, height: 0.5 * lift + 0.5 * profile + 0.04 * ply, color }
    }

    /// The share of its width that a thread has kept here.
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
                let (center, other) = if warp { (u, v) } else { (v, u) };
                let aside = index as f32 - center;
                let chord = (radius * radius - aside * aside).max(0.0).sqrt();
                let row = 2 * index + i64::from(warp);
                let end = if along < other { 0 } else { 1 };
                let cut = chord * (0.75 + 0.45 * cuts.uniform(row, end));
                if cut < 0.2 { 1.0 } else { between(cut - 0.3, cut + 0.3, (along - other).abs()) }
            }
            _ => 1.0,
        }
    }

    /// Color and height (pixels) of the cloth at a pixel.
    pub(super) fn surface(&self, x: f32, y: f32, fault: &Fault) -> ([f32; 3], f32) {
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
        let low = (blend(BEHIND, below.0.color, below.1), -1.2 + (below.0.height + 1.2) * below.1);
        let seen = top.1 * (1.0 - (1.0 - over) * below.1);
        let height = low.1 + (top.0.height - low.1) * seen;
        (blend(low.0, top.0.color, seen), 0.36 * PITCH * height)
    }

    /// The pixel of a point in cloth coordinates, ignoring the drape, which moves it by a pixel or two.
    pub(super) fn pixel(&self, u: f32, v: f32) -> [f32; 2] {
        let (c, s) = self.turn;
        let (a, b) = ((u - self.shift[0]) * self.pitch[0], (v - self.shift[1]) * self.pitch[1]);
        [c * a - s * b, s * a + c * b]
    }
}
