//! Winograd's minimal filtering F(4x4, 3x3): a 3x3 convolution of stride 1 with 36 products for
//! 16 output pixels where the plain sum takes 144 (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2015).
//!
//! The interpolation points are 0, ±1/√2, ±√2 and infinity. With the usual 0, ±1, ±2 the rounding error would
//! be five times as large; with these it is a few times that of the plain sum.
//!
//! Per tile: `Y = Aᵀ [(G W Gᵀ) ⊙ (Bᵀ D B)] A`, where the products over channels are 36 matrix
//! products; the gradient of the kernel is `dW = Gᵀ [Σ (A dY Aᵀ) ⊙ (Bᵀ D B)] G`.

use super::geometry::Geometry;
use super::lanes::{Lanes, add, load, scale, sub};
use std::f32::consts::{FRAC_1_SQRT_2 as A, SQRT_2 as B};

/// Products per tile and channel.
pub(super) const POINTS: usize = 36;

/// Padding between the matrices of two points: a tile is written to all 36 at once, and a power of two apart
/// they would fall into one line of the cache.
pub(super) const APART: usize = 16;

/// Output rows and columns of a tile.
pub(super) const TILE: usize = 4;

/// With fewer tiles than this, the transforms cost more than they save.
const ENOUGH: usize = 256;

/// Whether the shapes suit these tiles and there are enough of them.
pub(super) fn suits(g: &Geometry) -> bool {
    (g.kernel_height, g.kernel_width, g.stride, g.padding) == (3, 3, 1, 1)
        && g.height.is_multiple_of(TILE)
        && g.width.is_multiple_of(4 * TILE)
        && g.inputs.min(g.outputs) >= 16
        && g.batch * g.plane() >= ENOUGH * TILE * TILE
}

/// `Bᵀ d`.
#[inline(always)]
fn input<const L: usize>(d: [Lanes<L>; 6]) -> [Lanes<L>; 6] {
    let even1 = sub(d[4], scale(2.0, d[2]));
    let odd1 = sub(scale(A, d[3]), scale(B, d[1]));
    let even2 = sub(d[4], scale(0.5, d[2]));
    let odd2 = sub(scale(B, d[3]), scale(A, d[1]));
    [
        sub(add(d[0], d[4]), scale(2.5, d[2])),
        add(even1, odd1),
        sub(even1, odd1),
        add(even2, odd2),
        sub(even2, odd2),
        sub(add(d[1], d[5]), scale(2.5, d[3])),
    ]
}

/// `Aᵀ m`.
#[inline(always)]
pub(super) fn output<const L: usize>(m: [Lanes<L>; 6]) -> [Lanes<L>; 4] {
    let (sum1, gap1) = (add(m[1], m[2]), sub(m[1], m[2]));
    let (sum2, gap2) = (add(m[3], m[4]), sub(m[3], m[4]));
    [
        add(m[0], add(sum1, sum2)),
        add(scale(A, gap1), scale(B, gap2)),
        add(scale(0.5, sum1), scale(2.0, sum2)),
        add(m[5], add(scale(0.5 * A, gap1), scale(2.0 * B, gap2))),
    ]
}

/// `A y`: the transpose of [`output`].
#[inline(always)]
fn output_transposed<const L: usize>(y: [Lanes<L>; 4]) -> [Lanes<L>; 6] {
    let even1 = add(y[0], scale(0.5, y[2]));
    let odd1 = add(scale(A, y[1]), scale(0.5 * A, y[3]));
    let even2 = add(y[0], scale(2.0, y[2]));
    let odd2 = add(scale(B, y[1]), scale(2.0 * B, y[3]));
    [y[0], add(even1, odd1), sub(even1, odd1), add(even2, odd2), sub(even2, odd2), y[3]]
}

/// `G w`.
#[inline(always)]
pub(super) fn kernel<const L: usize>(w: [Lanes<L>; 3]) -> [Lanes<L>; 6] {
    let even1 = add(scale(-2.0 / 3.0, w[0]), scale(-1.0 / 3.0, w[2]));
    let odd1 = scale(-2.0 / 3.0 * A, w[1]);
    let even2 = add(scale(1.0 / 6.0, w[0]), scale(1.0 / 3.0, w[2]));
    let odd2 = scale(B / 6.0, w[1]);
    [w[0], add(even1, odd1), sub(even1, odd1), add(even2, odd2), sub(even2, odd2), w[2]]
}

/// `Gᵀ m`: the transpose of [`kernel`].
#[inline(always)]
pub(super) fn kernel_transposed<const L: usize>(m: [Lanes<L>; 6]) -> [Lanes<L>; 3] {
    let (sum1, gap1) = (add(m[1], m[2]), sub(m[1], m[2]));
    let (sum2, gap2) = (add(m[3], m[4]), sub(m[3], m[4]));
    [
        add(m[0], add(scale(-2.0 / 3.0, sum1), scale(1.0 / 6.0, sum2))),
        add(scale(-2.0 / 3.0 * A, gap1), scale(B / 6.0, gap2)),
        add(m[5], add(scale(-1.0 / 3.0, sum1), scale(1.0 / 3.0, sum2))),
    ]
}

/// A line of pictures cut into its four phases: phase `q` of tile `j` is pixel `4 j + q`. One more
/// tile is kept, since the input of a tile reaches two pixels into the next.
struct Phases {
    values: Vec<f32>,
    stride: usize,
}

impl Phases {
    fn of(&self, line: usize, phase: usize, tile: usize) -> &[f32] {
        &self.values[(line * 4 + phase % 4) * self.stride + tile + phase / 4..]
    }
}

/// The transform `Bᵀ D B` of one row of tiles of one channel of a convolution's input.
///
/// Point `i` of tile `j` goes to `to(i, j..)`. `first` is the first of the six lines; lines outside the plane
/// are zero. `scratch` holds the phases.
#[inline(always)]
pub(super) fn input_tiles<const L: usize>(
    plane: &[f32],
    width: usize,
    first: isize,
    scratch: &mut Vec<f32>,
    mut to: impl FnMut(usize, usize, Lanes<L>),
) {
    let tiles = width / TILE;
    let stride = tiles + 1;
    let mut phases = Phases { values: std::mem::take(scratch), stride };
    phases.values.clear();
    phases.values.resize(6 * 4 * stride, 0.0);
    for line in 0..6 {
        let y = first + line as isize;
        if y < 0 || y as usize * width >= plane.len() {
            continue;
        }
        let source = &plane[y as usize * width..][..width];
        let line = &mut phases.values[line * 4 * stride..][..4 * stride];
        let (p0, rest) = line.split_at_mut(stride);
        let (p1, rest) = rest.split_at_mut(stride);
        let (p2, p3) = rest.split_at_mut(stride);
        // Pixel x of the picture is pixel x + 1 of the padded line.
        for (j, four) in source.as_chunks::<4>().0.iter().enumerate() {
            (p1[j], p2[j], p3[j], p0[j + 1]) = (four[0], four[1], four[2], four[3]);
        }
    }
    for tile in (0..tiles).step_by(L) {
        let mut columns = [[[0.0; L]; 6]; 6];
        for (phase, column) in columns.iter_mut().enumerate() {
            let lines = std::array::from_fn(|line| load(phases.of(line, phase, tile)));
            *column = input(lines);
        }
        #[expect(clippy::needless_range_loop, reason = "the index is a place in several arrays")]
        for row in 0..6 {
            let line = input(std::array::from_fn(|phase| columns[phase][row]));
            for (column, value) in line.into_iter().enumerate() {
                to(row * 6 + column, tile, value);
            }
        }
    }
    *scratch = phases.values;
}

/// The transform `A dY Aᵀ` of one row of tiles of one channel of an output gradient.
#[inline(always)]
pub(super) fn gradient_tiles<const L: usize>(
    lines: &[f32],
    width: usize,
    mut to: impl FnMut(usize, usize, Lanes<L>),
) {
    for tile in (0..width / TILE).step_by(L) {
        let mut columns = [[[0.0; L]; 6]; 4];
        let pixel = |line: usize, phase: usize| -> Lanes<L> {
            std::array::from_fn(|j| lines[line * width + (tile + j) * TILE + phase])
        };
        for (phase, column) in columns.iter_mut().enumerate() {
            *column = output_transposed(std::array::from_fn(|line| pixel(line, phase)));
        }
        #[expect(clippy::needless_range_loop, reason = "the index is a place in several arrays")]
        for row in 0..6 {
            let line = output_transposed(std::array::from_fn(|phase| columns[phase][row]));
            for (column, value) in line.into_iter().enumerate() {
                to(row * 6 + column, tile, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Aᵀ [(G w) ⊙ (Bᵀ d)]` is the plain sum, in one dimension.
    #[test]
    fn one_dimension_is_the_plain_sum() {
        let d: [Lanes<1>; 6] = std::array::from_fn(|i| [(i as f32 * 1.7).sin()]);
        let w: [Lanes<1>; 3] = std::array::from_fn(|i| [(i as f32 + 0.4).cos()]);
        let (u, v) = (kernel(w), input(d));
        let y = output(std::array::from_fn(|i| [u[i][0] * v[i][0]]));
        for (i, y) in y.iter().enumerate() {
            let plain: f32 = (0..3).map(|k| d[i + k][0] * w[k][0]).sum();
            assert!((y[0] - plain).abs() < 1e-6, "{i}: {} {plain}", y[0]);
        }
    }

    /// The transposed functions compute with the transposed matrices.
    #[test]
    fn transposed_walks_are_transposed() {
        let dot = |a: &[Lanes<1>], b: &[Lanes<1>]| -> f32 { a.iter().zip(b).map(|(a, b)| a[0] * b[0]).sum() };
        let m: [Lanes<1>; 6] = std::array::from_fn(|i| [(i as f32 * 0.9).sin()]);
        let y: [Lanes<1>; 4] = std::array::from_fn(|i| [(i as f32 * 0.7).cos()]);
        let w: [Lanes<1>; 3] = std::array::from_fn(|i| [(i as f32 + 0.4).cos()]);
        assert!((dot(&output(m), &y) - dot(&m, &output_transposed(y))).abs() < 1e-5);
        assert!((dot(&kernel_transposed(m), &w) - dot(&m, &kernel(w))).abs() < 1e-5);
    }
}
