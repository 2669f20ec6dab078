//! The gradient of a 3x3 kernel of stride 1 by Winograd's filtering: the transformed tiles of the
//! input and of the output gradient are multiplied point by point over all tiles of the batch.

use super::geometry::{Geometry, blocks};
use super::lanes::{Lanes, load, widest};
use super::parallel::{Output, Shared, for_each};
use super::product::{Block, Target, multiply};
use super::winograd::{APART, gradient_tiles, input_tiles};
use crate::winograd::{POINTS, TILE, kernel_transposed};
use std::ops::Range;

/// How many transformed numbers are held at a time: part of a third-level cache.
const BUDGET: usize = 3 * 1024 * 1024;

/// Padding between the rows of a matrix; see `weight_gradient`.
const SKEW: usize = 16;

/// Output channels that the transform back handles at once.
const KERNELS: usize = 8;

/// `[outputs, inputs, 3, 3]`.
pub(super) fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let across = g.width / TILE;
    let channels = g.inputs + g.outputs;
    let most = (BUDGET / (POINTS * channels * across)).clamp(1, (512 / across).max(1));
    let runs = blocks(g.batch * g.height / TILE, most, 1);
    let stride = runs[0].len() * across + SKEW;
    let mut points = Output::zeros(POINTS * (channels * stride + APART));
    let points = points.shared();
    let mut sums = Output::with_len(POINTS * g.inputs * g.outputs);
    let sums = sums.shared();
    for (i, lines) in runs.iter().enumerate() {
        for_each(channels, |scratch, channel| {
            let phases = &mut scratch.line;
            if across.is_multiple_of(8) {
                // SAFETY: every channel has its own rows of the matrices.
                unsafe { transform::<8>(g, x, dy, channel, lines, points, stride, phases) };
            } else {
                // SAFETY: as above.
                unsafe { transform::<4>(g, x, dy, channel, lines, points, stride, phases) };
            }
        });
        let tiles = lines.len() * across;
        for_each(POINTS, |_, point| {
            let start = point * (channels * stride + APART);
            // SAFETY: the transforms have written all of it; from here on it is only read.
            let inputs = unsafe { points.slice(start, (g.inputs - 1) * stride + tiles) };
            let start = start + g.inputs * stride;
            // SAFETY: as above.
            let gradients = unsafe { points.slice(start, (g.outputs - 1) * stride + tiles) };
            let target = Target { data: sums.at(point * g.inputs * g.outputs), row: 1, column: g.outputs };
            let left = Block { data: gradients, row: stride, column: 1 };
            let right = Block { data: inputs, row: 1, column: stride };
            // SAFETY: this point's own matrix; the first run writes it without reading.
            unsafe { multiply([g.outputs, g.inputs, tiles], target, i > 0, left, right) };
        });
    }
    let len = g.outputs * g.inputs * 9;
    let mut out = Output::with_len(len);
    let to = out.shared();
    for_each(g.inputs, |_, channel| {
        // SAFETY: this input channel's own kernels; the sums are complete.
        widest(|| unsafe { way_back(g, sums, channel, to) });
    });
    // SAFETY: every input channel has written its kernels.
    unsafe { out.into_vec(len) }
}

/// Transforms a run of rows of tiles of one channel, of the input or of the output gradient.
///
/// # Safety
/// The rows of `channel` in the matrices belong to this call.
#[expect(clippy::too_many_arguments, reason = "what a task reads and where it writes")]
unsafe fn transform<const L: usize>(
    g: &Geometry,
    x: &[f32],
    dy: &[f32],
    channel: usize,
    lines: &Range<usize>,
    points: Shared,
    stride: usize,
    phases: &mut Vec<f32>,
) {
    let (across, down) = (g.width / TILE, g.height / TILE);
    let channels = g.inputs + g.outputs;
    widest(|| {
        for (i, line) in lines.clone().enumerate() {
            let (picture, row) = (line / down, line % down * TILE);
            let to = |point: usize, tile: usize, lanes: Lanes<L>| {
                let start = point * (channels * stride + APART) + channel * stride + i * across + tile;
                // SAFETY: within this channel's row.
                unsafe { points.slice(start, L) }.copy_from_slice(&lanes);
            };
            match channel.checked_sub(g.inputs) {
                None => {
                    let plane = &x[(picture * g.inputs + channel) * g.plane()..][..g.plane()];
                    input_tiles(plane, g.width, row as isize - 1, phases, to);
                }
                Some(output) => {
                    let start = (picture * g.outputs + output) * g.plane() + row * g.width;
                    gradient_tiles(&dy[start..][..TILE * g.width], g.width, to);
                }
            }
        }
    });
}

/// `Gᵀ M G` of the kernels of one input channel.
///
/// # Safety
/// The kernels of `channel` belong to this call, and nothing writes the sums at the same time.
#[inline(always)]
unsafe fn way_back(g: &Geometry, sums: Shared, channel: usize, to: Shared) {
    for o in (0..g.outputs).step_by(KERNELS) {
        let count = KERNELS.min(g.outputs - o);
        let from = |point: usize| -> Lanes<KERNELS> {
            let start = (point * g.inputs + channel) * g.outputs + o;
            // SAFETY: read only.
            let row = unsafe { sums.slice(start, count) };
            if count == KERNELS {
                load(row)
            } else {
                std::array::from_fn(|i| row.get(i).copied().unwrap_or(0.0))
            }
        };
        let columns: [[Lanes<KERNELS>; 3]; 6] =
            std::array::from_fn(|x| kernel_transposed(std::array::from_fn(|y| from(y * 6 + x))));
        let taps: [[Lanes<KERNELS>; 3]; 3] =
            std::array::from_fn(|y| kernel_transposed(std::array::from_fn(|x| columns[x][y])));
        #[expect(clippy::needless_range_loop, reason = "the index is a place in several arrays")]
        for lane in 0..count {
            // SAFETY: this input channel's own kernels.
            let to = unsafe { to.slice(((o + lane) * g.inputs + channel) * 9, 9) };
            for (tap, to) in to.iter_mut().enumerate() {
                *to = taps[tap / 3][tap % 3][lane];
            }
        }
    }
}
