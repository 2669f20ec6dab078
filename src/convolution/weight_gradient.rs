//! The gradient of the kernel: `dW = sum over pictures of dY * columns(X)ᵀ`.
//!
//! Each task owns the kernel columns of some input channels and goes through the whole batch in order. So
//! there are no partial sums to add up afterwards, and no column is gathered twice.

use super::columns::gather;
use super::geometry::{Geometry, Tile, blocks, tiles};
use super::parallel::{Output, Scratch, Shared, for_each, take};
use super::product::{Block, Target, multiply};
use std::ops::Range;

/// Output pixels of one product.
const PIXELS: usize = 512;

/// Padding between the rows of a scratch matrix: with rows a power of two apart, all would fall into the same
/// few lines of the first-level cache.
const SKEW: usize = 16;

/// With this many output channels or more, the product is written in the kernel's own order.
const WIDE: usize = 256;

/// `[outputs, inputs, kernel_height, kernel_width]`.
pub(super) fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let len = g.outputs * g.rows();
    let per_task = g.inputs.div_ceil(8).max(72usize.div_ceil(g.taps()));
    let channels = blocks(g.inputs, per_task.min(512 / g.taps().min(512)).max(1), 1);
    let outputs = blocks(g.outputs, if channels.len() < 4 { 64 } else { 512 }, 16);
    let tiles = tiles(g, PIXELS);
    let mut out = Output::with_len(len);
    let shared = out.shared();
    for_each(channels.len() * outputs.len(), |scratch: &mut Scratch, task| {
        let channels = channels[task / outputs.len()].clone();
        let outputs = outputs[task % outputs.len()].clone();
        // SAFETY: every task has its own block of the kernel.
        unsafe { one_block(g, x, dy, &tiles, channels, outputs, scratch, shared) };
    });
    // SAFETY: channels times outputs cover the kernel.
    unsafe { out.into_vec(len) }
}

/// # Safety
/// The kernels `outputs x channels` belong to this call.
#[expect(clippy::too_many_arguments, reason = "what a task reads and where it writes")]
unsafe fn one_block(
    g: &Geometry,
    x: &[f32],
    dy: &[f32],
    tiles: &[Tile],
    channels: Range<usize>,
    outputs: Range<usize>,
    scratch: &mut Scratch,
    out: Shared,
) {
    let rows = channels.len() * g.taps();
    let first = outputs.start * g.rows() + channels.start * g.taps();
    let wide = outputs.len() >= WIDE;
    let product = take(&mut scratch.product, rows * outputs.len());
    let target = if wide {
        Target { data: out.at(first), row: g.rows(), column: 1 }
    } else {
        Target { data: product.as_mut_ptr(), row: 1, column: outputs.len() }
    };
    for (i, tile) in tiles.iter().enumerate() {
        let pixels = tile.pixels(g);
        let stride = pixels + SKEW;
        let columns = take(&mut scratch.columns, rows * stride);
        gather(g, x, tile, channels.clone(), columns, stride);
        let gradient = take(&mut scratch.gradient, outputs.len() * stride);
        copy_outputs(g, dy, tile, outputs.clone(), gradient, stride);
        let left = Block { data: gradient, row: stride, column: 1 };
        let right = Block { data: columns, row: 1, column: stride };
        // SAFETY: the target is this task's block; the first product writes it without reading.
        unsafe { multiply([outputs.len(), rows, pixels], target, i > 0, left, right) };
    }
    if tiles.is_empty() {
        product.fill(0.0);
    }
    if !wide || tiles.is_empty() {
        for (o, output) in outputs.clone().enumerate() {
            let start = output * g.rows() + channels.start * g.taps();
            // SAFETY: this task's own block.
            let line = unsafe { out.slice(start, rows) };
            for (row, to) in line.iter_mut().enumerate() {
                *to = product[row * outputs.len() + o];
            }
        }
    }
}

/// The output gradient of a tile as a matrix `outputs x pixels` with rows at `stride`.
fn copy_outputs(g: &Geometry, dy: &[f32], tile: &Tile, outputs: Range<usize>, to: &mut [f32], stride: usize) {
    let (plane, offset, pixels) = (g.out_plane(), tile.row * g.out_width, tile.rows * g.out_width);
    for (line, output) in to.chunks_exact_mut(stride).zip(outputs) {
        for picture in 0..tile.pictures {
            let start = ((tile.picture + picture) * g.outputs + output) * plane + offset;
            line[picture * pixels..][..pixels].copy_from_slice(&dy[start..][..pixels]);
        }
    }
}
