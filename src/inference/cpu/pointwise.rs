//! What is done position by position: pooling, position encoding, gate, residual, discrepancy.

use super::lines::{Lines, Map};
use super::threads::{for_each, part, parts, threads};
use super::vector::{BLOCK, Vector, Work, run};
use crate::amplification::Residual;
use std::ops::Range;

/// Below this square a vector counts as zero.
const EPSILON: f32 = 1e-16;

/// Runs `work` on stretches of the positions of every picture.
fn stretches(batch: usize, positions: usize, work: impl Fn(usize, Range<usize>) + Sync) {
    let parts = parts(positions, batch, 4 * (threads() - 1));
    for_each(batch * parts, |i| work(i / parts, part(positions, parts, i % parts)));
}

/// Maximum over 3x3 neighborhoods of stride 2.
pub(super) fn max_pool(x: &Map, y: &Map, batch: usize) {
    stretches(batch, y.blocks() * y.height, |picture, lines| {
        // SAFETY: every task has its own lines of output.
        unsafe { run(MaxPool { x, y, picture, lines }) };
    });
}

struct MaxPool<'a> {
    x: &'a Map,
    y: &'a Map,
    picture: usize,
    lines: Range<usize>,
}

impl Work for MaxPool<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (x, y) = (self.x, self.y);
        for line in self.lines {
            let (block, row) = (line / y.height, line % y.height);
            let (from, to) = (x.block(self.picture, block), y.block(self.picture, block));
            let rows = (2 * row).saturating_sub(1)..(2 * row + 2).min(x.height);
            for column in 0..y.width {
                let columns = (2 * column).saturating_sub(1)..(2 * column + 2).min(x.width);
                // SAFETY: positions of the input's plane; this task's line of the output's.
                unsafe {
                    let mut largest = V::load(from.add((2 * row * x.width + 2 * column) * BLOCK));
                    for r in rows.clone() {
                        for c in columns.clone() {
                            largest = largest.max(V::load(from.add((r * x.width + c) * BLOCK)));
                        }
                    }
                    largest.store(to.add((row * y.width + column) * BLOCK));
                }
            }
        }
    }
}

/// `F_T + PE`.
pub(super) fn add_position(x: &Map, encoding: &Lines, y: &Map, batch: usize) {
    stretches(batch, y.blocks() * y.positions(), |picture, lines| {
        // SAFETY: every task has its own lines of output.
        unsafe { run(AddPosition { x, encoding, y, picture, lines }) };
    });
}

struct AddPosition<'a> {
    x: &'a Map,
    encoding: &'a Lines,
    y: &'a Map,
    picture: usize,
    lines: Range<usize>,
}

impl Work for AddPosition<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let encoding = &self.encoding.numbers()[self.lines.start * BLOCK..self.lines.end * BLOCK];
        let (x, y) = (self.x.block(self.picture, 0), self.y.block(self.picture, 0));
        for (line, from) in self.lines.zip(encoding.as_chunks::<BLOCK>().0) {
            // SAFETY: lines of the feature map; blocks follow each other.
            unsafe {
                V::load(x.add(line * BLOCK)).add(V::load(from.as_ptr())).store(y.add(line * BLOCK));
            }
        }
    }
}

/// The residual gate: `w` from the query's length and its products with the memory items.
pub(super) fn gate(query: &Map, matching: &Map, w: &Map, batch: usize) {
    stretches(batch, w.positions(), |picture, positions| {
        // SAFETY: every task has its own positions.
        unsafe { run(Gate { query, matching, w, picture, positions }) };
    });
}

struct Gate<'a> {
    query: &'a Map,
    matching: &'a Map,
    w: &'a Map,
    picture: usize,
    positions: Range<usize>,
}

impl Work for Gate<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let items = self.matching.channels / 2;
        let to = self.w.plane(self.picture, 0);
        // By lane of the matching: whether it is an item, and an anomalous one.
        let share = |from: usize| move |i: usize| if (from..2 * items).contains(&i) { 1.0 } else { 0.0 };
        let lanes = self.matching.blocks() * BLOCK;
        let all: Vec<f32> = (0..lanes).map(share(0)).collect();
        let anomalous: Vec<f32> = (0..lanes).map(share(items)).collect();
        for p in self.positions {
            let at = |map: &Map, block: usize| map.block(self.picture, block).wrapping_add(p * BLOCK);
            // SAFETY: the planes hold this position; the output's is this task's.
            unsafe {
                let scale = 1.0 / length::<V>(self.query, self.picture, p);
                let (mut sum, mut part) = (V::splat(0.0), V::splat(0.0));
                for block in 0..self.matching.blocks() {
                    // At most 1 / 0.2: no exponential overflows, so none has to be held back.
                    let matching = V::load(at(self.matching, block)).mul(V::splat(scale));
                    let e = map(matching, exp);
                    sum = sum.fma(e, V::load(all[block * BLOCK..].as_ptr()));
                    part = part.fma(e, V::load(anomalous[block * BLOCK..].as_ptr()));
                }
                *to.add(p) = total(part) / total(sum);
            }
        }
    }
}

/// `F_A = F_T + w Delta`.
pub(super) fn amplify(
    [feature, generated]: [&Map; 2],
    w: Option<&Map>,
    residual: Residual,
    y: &Map,
    batch: usize,
) {
    stretches(batch, y.positions(), |picture, positions| {
        // SAFETY: every task has its own positions.
        unsafe { run(Amplify { feature, generated, w, residual, y, picture, positions }) };
    });
}

struct Amplify<'a> {
    feature: &'a Map,
    generated: &'a Map,
    w: Option<&'a Map>,
    residual: Residual,
    y: &'a Map,
    picture: usize,
    positions: Range<usize>,
}

impl Work for Amplify<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let w = self.w.map(|w| w.plane(self.picture, 0));
        for block in 0..self.y.blocks() {
            let [feature, generated, y] =
                [self.feature, self.generated, self.y].map(|map| map.block(self.picture, block));
            for p in self.positions.clone() {
                // SAFETY: the planes hold this position; the output's is this task's.
                unsafe {
                    let (f, g) = (V::load(feature.add(p * BLOCK)), V::load(generated.add(p * BLOCK)));
                    let w = V::splat(w.map_or(1.0, |w| *w.add(p)));
                    let delta = match self.residual {
                        Residual::Tanh => map(g, tanh).mul(f),
                        Residual::Sigmoid => map(g, sigmoid).mul(f),
                        Residual::Learnable => g,
                    };
                    f.fma(w, delta).store(y.add(p * BLOCK));
                }
            }
        }
    }
}

/// `1 - cos(F_A, F_S)`.
pub(super) fn discrepancy(teacher: &Map, student: &Map, y: &Map, batch: usize) {
    stretches(batch, y.positions(), |picture, positions| {
        // SAFETY: every task has its own positions.
        unsafe { run(Discrepancy { teacher, student, y, picture, positions }) };
    });
}

struct Discrepancy<'a> {
    teacher: &'a Map,
    student: &'a Map,
    y: &'a Map,
    picture: usize,
    positions: Range<usize>,
}

impl Work for Discrepancy<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let to = self.y.plane(self.picture, 0);
        for p in self.positions {
            let at = |map: &Map, block: usize| map.block(self.picture, block).wrapping_add(p * BLOCK);
            // SAFETY: the planes hold this position; the output's is this task's.
            unsafe {
                let (mut dot, mut aa, mut bb) = (V::splat(0.0), V::splat(0.0), V::splat(0.0));
                for block in 0..self.teacher.blocks() {
                    let (a, b) = (V::load(at(self.teacher, block)), V::load(at(self.student, block)));
                    (dot, aa, bb) = (dot.fma(a, b), aa.fma(a, a), bb.fma(b, b));
                }
                let norm = |square: V| total(square).max(EPSILON).sqrt();
                *to.add(p) = 1.0 - total(dot) / (norm(aa) * norm(bb));
            }
        }
    }
}

/// `1 - max over the items of cos(feature, item)`.
pub(super) fn nearest(feature: &Map, matching: &Map, y: &Map, batch: usize) {
    stretches(batch, y.positions(), |picture, positions| {
        // SAFETY: every task has its own positions.
        unsafe { run(Nearest { feature, matching, y, picture, positions }) };
    });
}

struct Nearest<'a> {
    feature: &'a Map,
    matching: &'a Map,
    y: &'a Map,
    picture: usize,
    positions: Range<usize>,
}

impl Work for Nearest<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let to = self.y.plane(self.picture, 0);
        // Lanes of the last block beyond the items do not count.
        let (blocks, beyond) = (self.matching.blocks(), self.matching.channels % BLOCK);
        let mut none = [0.0; BLOCK];
        if beyond > 0 {
            none[beyond..].fill(f32::MIN);
        }
        for p in self.positions {
            let at = |map: &Map, block: usize| map.block(self.picture, block).wrapping_add(p * BLOCK);
            // SAFETY: the planes hold this position; the output's is this task's.
            unsafe {
                let mut largest = V::load(at(self.matching, blocks - 1)).add(V::load(none.as_ptr()));
                for block in 0..blocks - 1 {
                    largest = largest.max(V::load(at(self.matching, block)));
                }
                let mut lanes = [0.0; BLOCK];
                largest.store(lanes.as_mut_ptr());
                // Not `f32::max`, which would pass over what is not a number.
                let largest =
                    lanes.into_iter().fold(lanes[0], |m, v| if v > m || v.is_nan() { v } else { m });
                let distance = 1.0 - largest / length::<V>(self.feature, self.picture, p);
                *to.add(p) = if distance < 0.0 { 0.0 } else { distance };
            }
        }
    }
}

/// The length of the vector at a position, for gate and nearest.
///
/// # Safety
/// The map holds this position.
#[inline(always)]
unsafe fn length<V: Vector>(map: &Map, picture: usize, position: usize) -> f32 {
    // SAFETY: every block of the position is within the map.
    unsafe {
        let mut square = V::splat(0.0);
        for block in 0..map.blocks() {
            let value = V::load(map.block(picture, block).wrapping_add(position * BLOCK));
            square = square.fma(value, value);
        }
        total(square).max(EPSILON).sqrt()
    }
}

/// The sum of the lanes, in halves, so that their order does not matter to the compiler.
#[inline(always)]
unsafe fn total<V: Vector>(vector: V) -> f32 {
    let mut lanes = [0.0; BLOCK];
    // SAFETY: sixteen numbers.
    unsafe { vector.store(lanes.as_mut_ptr()) };
    let mut half = BLOCK / 2;
    while half > 0 {
        (0..half).for_each(|i| lanes[i] += lanes[i + half]);
        half /= 2;
    }
    lanes[0]
}

/// `f` of every lane, which the compiler turns into vectors again.
#[inline(always)]
unsafe fn map<V: Vector>(vector: V, f: impl Fn(f32) -> f32) -> V {
    let mut lanes = [0.0; BLOCK];
    // SAFETY: sixteen numbers.
    unsafe {
        vector.store(lanes.as_mut_ptr());
        lanes.iter_mut().for_each(|v| *v = f(*v));
        V::load(lanes.as_ptr())
    }
}

/// `e^x`, without branches: 2^n times a polynomial for the fraction; relative error 2e-7.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    use std::f32::consts::LOG2_E;
    // Adding and taking away 1.5 * 2^23 rounds to whole numbers, which then stand in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // Not `clamp`, which would give bounds for what is not a number.
    let held = if x < -87.0 { -87.0 } else { x };
    let held = if held > 88.0 { 88.0 } else { held };
    let shifted = held * LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first of which has few bits, so that the products with n are exact.
    let r = (held - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let p = 1.0 / 5040.0;
    let p = p * r + 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r + 1.0;
    let p = p * r + 1.0;
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (exp(2.0 * x) + 1.0)
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_right() {
        for i in -8700..=8800 {
            let x = i as f32 / 100.0;
            let right = f64::from(x).exp();
            assert!((f64::from(exp(x)) - right).abs() <= 3e-7 * right, "{x}: {} {right}", exp(x));
            assert!((f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 3e-7, "{x}");
            assert!((f64::from(sigmoid(x)) - 1.0 / (1.0 + f64::from(-x).exp())).abs() < 2e-7, "{x}");
        }
        assert!(exp(f32::NAN).is_nan() && tanh(f32::NAN).is_nan());
        assert_eq!((tanh(1e9), tanh(-1e9), sigmoid(-1e9)), (1.0, -1.0, sigmoid(-88.0)));
    }
}
