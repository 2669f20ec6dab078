//! The scalar patterns that procedural textures are made of: one number per point of the plane.

use noise::core::worley::ReturnType;
use noise::core::worley::distance_functions::{chebyshev, euclidean, manhattan};
use noise::{Billow, Fbm, MultiFractal, NoiseFn, Perlin, RidgedMulti, Worley};
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use std::f64::consts::{PI, TAU};

/// A pattern over the plane; one unit is about one period.
pub struct Pattern {
    /// The value at a point; the range depends on the pattern.
    pub value: Box<dyn Fn(f64, f64) -> f64>,
    /// Whether half the resolution shows all of it.
    pub smooth: bool,
    /// The range from which the number of periods per picture is drawn.
    pub periods: std::ops::Range<f64>,
}

impl Pattern {
    /// A pattern of a random kind with random parameters.
    pub fn random(rng: &mut ChaCha8Rng) -> Self {
        let makers: [fn(&mut ChaCha8Rng) -> Pattern; 16] = [
            blotches, blotches, ridges, bubbles, veins, cells, mosaic, cracks, rings, stripes, crosshatch,
            chequer, bricks, weave, dots, scales,
        ];
        makers.choose(rng).unwrap_or(&makers[0])(rng)
    }

    fn new(smooth: bool, periods: std::ops::Range<f64>, value: impl Fn(f64, f64) -> f64 + 'static) -> Self {
        Self { value: Box::new(value), smooth, periods }
    }
}

fn seed(rng: &mut ChaCha8Rng) -> u32 {
    rng.random_range(0..1 << 24)
}

fn fbm(octaves: usize, rng: &mut ChaCha8Rng) -> Fbm<Perlin> {
    Fbm::new(seed(rng)).set_octaves(octaves).set_frequency(1.0).set_persistence(rng.random_range(0.35..0.75))
}

/// Fractional Brownian motion: blotchy, stained, and fibrous where the plane is stretched.
fn blotches(rng: &mut ChaCha8Rng) -> Pattern {
    let octaves = rng.random_range(2..=5);
    let noise = fbm(octaves, rng);
    Pattern::new(true, 2.0..14.0, move |u, v| noise.get([u, v]))
}

/// Ridged multifractal: cobwebs, wrinkles.
fn ridges(rng: &mut ChaCha8Rng) -> Pattern {
    let noise = RidgedMulti::<Perlin>::new(seed(rng)).set_octaves(rng.random_range(2..=4)).set_frequency(1.0);
    Pattern::new(true, 2.0..8.0, move |u, v| noise.get([u, v]))
}

/// Billowed noise: bubbles, pits, bumps.
fn bubbles(rng: &mut ChaCha8Rng) -> Pattern {
    let noise = Billow::<Perlin>::new(seed(rng)).set_octaves(rng.random_range(1..=4)).set_frequency(1.0);
    Pattern::new(true, 3.0..14.0, move |u, v| noise.get([u, v]))
}

/// A sine of the plane bent by noise: marble.
fn veins(rng: &mut ChaCha8Rng) -> Pattern {
    let noise = fbm(4, rng);
    let (bend, sharpness) = (rng.random_range(1.0..5.0), rng.random_range(0.3..1.5));
    Pattern::new(true, 2.0..6.0, move |u, v| {
        (TAU * u * 0.6 + bend * noise.get([u, v]) * PI).sin().abs().powf(sharpness)
    })
}

/// Distance to the nearest of scattered points.
fn cells(rng: &mut ChaCha8Rng) -> Pattern {
    let worley = Worley::new(seed(rng)).set_return_type(ReturnType::Distance).set_frequency(1.0);
    let worley = match rng.random_range(0..3) {
        0 => worley.set_distance_function(euclidean),
        1 => worley.set_distance_function(manhattan),
        _ => worley.set_distance_function(chebyshev),
    };
    Pattern::new(true, 4.0..22.0, move |u, v| worley.get([u, v]))
}

/// One value per cell.
fn mosaic(rng: &mut ChaCha8Rng) -> Pattern {
    let worley = Worley::new(seed(rng)).set_return_type(ReturnType::Value).set_frequency(1.0);
    Pattern::new(true, 4.0..20.0, move |u, v| worley.get([u, v]))
}

/// Lines where the cell changes within a small step.
fn cracks(rng: &mut ChaCha8Rng) -> Pattern {
    let worley = Worley::new(seed(rng)).set_return_type(ReturnType::Value).set_frequency(1.0);
    let (width, tint) = (rng.random_range(0.03..0.12), rng.random_range(0.0..0.3));
    Pattern::new(true, 3.0..10.0, move |u, v| {
        let here = worley.get([u, v]);
        let same = |du: f64, dv: f64| worley.get([u + du, v + dv]) == here;
        if same(width, 0.0) && same(0.0, width) { 1.0 + tint * here } else { 0.0 }
    })
}

/// Rings of wood, or a spiral.
fn rings(rng: &mut ChaCha8Rng) -> Pattern {
    let noise = fbm(3, rng);
    let bend = rng.random_range(0.0..0.8);
    let (x, y) = (rng.random_range(-3.0..3.0), rng.random_range(-3.0..3.0));
    let (arms, saw) = (f64::from(rng.random_range(0..3)), rng.random_bool(0.4));
    Pattern::new(true, 4.0..14.0, move |u, v| {
        let (u, v) = (u - x, v - y);
        let turn = u.hypot(v) + arms * v.atan2(u) / TAU + bend * noise.get([u * 0.4, v * 0.4]);
        if saw { turn - turn.floor() } else { (TAU * turn).sin() }
    })
}

/// Bands, lines, zigzags.
fn stripes(rng: &mut ChaCha8Rng) -> Pattern {
    let duty = rng.random_range(0.2..0.8);
    let zigzag = if rng.random_bool(0.3) { rng.random_range(0.5..2.0) } else { 0.0 };
    let (profile, tones) = (rng.random_range(0..3), seed(rng));
    Pattern::new(false, 3.0..26.0, move |u, v| {
        let u = u + zigzag * ((v * 0.5).rem_euclid(1.0) - 0.5).abs();
        let phase = u.rem_euclid(1.0);
        match profile {
            0 => (TAU * u).sin(),
            1 => f64::from(u8::from(phase < duty)),
            // Every band has its own tone.
            _ => hash(tones, u.floor(), 0.0),
        }
    })
}

/// Two or three sets of thin irregular strokes that cross each other.
fn crosshatch(rng: &mut ChaCha8Rng) -> Pattern {
    let noise = fbm(2, rng);
    let angles: Vec<f64> = (0..rng.random_range(2..=3)).map(|_| rng.random_range(0.0..PI)).collect();
    let thin = rng.random_range(2.0..10.0);
    Pattern::new(false, 5.0..18.0, move |u, v| {
        let bend = 0.3 * noise.get([u * 0.3, v * 0.3]);
        angles
            .iter()
            .map(|a| ((PI * (u * a.cos() + v * a.sin() + bend)).sin().abs()).powf(thin))
            .fold(0.0, f64::max)
    })
}

/// Squares in two tones, or in many.
fn chequer(rng: &mut ChaCha8Rng) -> Pattern {
    let (tones, many) = (seed(rng), rng.random_range(0.0..1.0_f64));
    let many = if many < 0.5 { 0.0 } else { many };
    Pattern::new(false, 4.0..24.0, move |u, v| {
        (u.floor() + v.floor()).rem_euclid(2.0) + many * hash(tones, u.floor(), v.floor())
    })
}

/// Bricks or tiles with joints.
fn bricks(rng: &mut ChaCha8Rng) -> Pattern {
    let (tones, tint) = (seed(rng), rng.random_range(0.1..0.8));
    let (long, shift) = (rng.random_range(1.0..3.0), rng.random_range(0.0..0.6));
    let joint = rng.random_range(0.04..0.16);
    Pattern::new(false, 4.0..14.0, move |u, v| {
        let row = v.floor();
        let along = u / long + shift * row;
        let inside = |phase: f64, joint: f64| ((phase - joint) / joint).clamp(0.0, 1.0);
        let body = inside(along.rem_euclid(1.0), joint / long) * inside(v.rem_euclid(1.0), joint);
        body * (1.0 - tint + tint * hash(tones, along.floor(), row))
    })
}

/// Threads that pass over and under each other.
fn weave(rng: &mut ChaCha8Rng) -> Pattern {
    let (float, contrast) = (f64::from(rng.random_range(2..=4)), rng.random_range(0.2..0.8));
    Pattern::new(false, 6.0..28.0, move |u, v| {
        let thread = |across: f64, along: f64| {
            (PI * across.rem_euclid(1.0)).sin() * (0.6 + 0.4 * (PI * along.rem_euclid(1.0)).sin())
        };
        // Plain weave for a float of two, twill for more.
        let over = (u.floor() + v.floor()).rem_euclid(float) < 1.0 + (float - 2.0) * 0.5;
        if over { thread(v, u) } else { contrast * thread(u, v) }
    })
}

/// Discs on a lattice, more or less jittered.
fn dots(rng: &mut ChaCha8Rng) -> Pattern {
    let (tones, radius) = (seed(rng), rng.random_range(0.15..0.4));
    let jitter = if rng.random_bool(0.5) { 0.0 } else { 0.5 - radius };
    let (soft, tint) = (rng.random_range(0.02..0.25), rng.random_range(0.0..0.6));
    Pattern::new(false, 4.0..22.0, move |u, v| {
        let row = v.floor();
        let u = u + 0.5 * row.rem_euclid(2.0);
        let column = u.floor();
        let (x, y) = (hash(tones, column, row) - 0.5, hash(tones ^ 0x5555, column, row) - 0.5);
        let d = (u - column - 0.5 - 2.0 * jitter * x).hypot(v - row - 0.5 - 2.0 * jitter * y);
        ((radius - d) / soft + 0.5).clamp(0.0, 1.0) * (1.0 - tint * (x + 0.5))
    })
}

/// Overlapping scales.
fn scales(rng: &mut ChaCha8Rng) -> Pattern {
    let (tones, tint) = (seed(rng), rng.random_range(0.0..0.5));
    Pattern::new(false, 5.0..18.0, move |u, v| {
        // The nearest row whose disc covers the point lies on top.
        let v = v * 2.0;
        (0..3)
            .find_map(|below| {
                let row = v.floor() + f64::from(below) - 1.0;
                let u = u + 0.5 * row.rem_euclid(2.0);
                let d = (u.rem_euclid(1.0) - 0.5).hypot((v - row) * 0.5 - 0.5);
                (d < 0.56).then(|| 1.0 - d * 1.6 + tint * hash(tones, u.floor(), row))
            })
            .unwrap_or(0.0)
    })
}

/// A tone in [0, 1) for a lattice point.
pub fn hash(seed: u32, u: f64, v: f64) -> f64 {
    let mut n =
        (u as i32 as u32).wrapping_mul(0x9e37_79b1) ^ (v as i32 as u32).wrapping_mul(0x85eb_ca77) ^ seed;
    n = (n ^ (n >> 15)).wrapping_mul(0x2c1b_3c6d);
    n = (n ^ (n >> 12)).wrapping_mul(0x297a_2d39);
    f64::from((n ^ (n >> 15)) >> 8) / f64::from(1 << 24)
}
