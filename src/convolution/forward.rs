//! The convolution itself: `Y = W * columns(X) + b`, tile by tile of output pixels, each tile's
//! columns small enough to stay in the cache between being gathered and being multiplied.

use super::columns::gather;
use super::geometry::{Geometry, Tile, blocks, tiles};
use super::parallel::{Output, Scratch, Shared, for_each, take};
use super::product::{Block, Target, multiply};
use std::ops::Range;

/// How many numbers of one tile's columns fit into a core's second-level cache.
const COLUMN_BUDGET: usize = 192 * 1024;

/// Number of tasks that a large enough product is cut into, so that many cores have work.
const TASKS: usize = 8;

/// `[batch, outputs, out_height, out_width]` of `x = [batch, inputs, height, width]`.
pub(super) fn forward(g: &Geometry, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let len = g.batch * g.outputs * g.out_plane();
    let all = g.batch * g.out_plane();
    let target = (COLUMN_BUDGET / g.rows().max(1)).clamp(192, 512);
    let target = target.min((all / TASKS).max(64));
    let tiles = tiles(g, target);
    let size = g.outputs.div_ceil(TASKS.div_ceil(tiles.len().max(1)));
    let outputs = blocks(g.outputs, size.max(64), 16);
    let mut out = Output::with_len(len);
    let shared = out.shared();
    for_each(tiles.len() * outputs.len(), |scratch: &mut Scratch, task| {
        let tile = &tiles[task / outputs.len()];
        let range = outputs[task % outputs.len()].clone();
        // SAFETY: every task has its own pixels or its own output channels.
        unsafe { one_tile(g, x, weight, bias, tile, range, scratch, shared) };
    });
    // SAFETY: tiles times blocks cover the whole output.
    unsafe { out.into_vec(len) }
}

/// # Safety
/// The pixels of the tile in the channels of `range` belong to this call.
#[expect(clippy::too_many_arguments, reason = "what a task reads and where it writes")]
unsafe fn one_tile(
    g: &Geometry,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    tile: &Tile,
    range: Range<usize>,
    scratch: &mut Scratch,
    out: Shared,
) {
    let (rows, pixels, plane) = (g.rows(), tile.pixels(g), g.out_plane());
    let offset = tile.row * g.out_width;
    let right = if g.is_pointwise() && tile.pictures == 1 {
        Block { data: &x[tile.picture * g.inputs * plane + offset..], row: plane, column: 1 }
    } else {
        let columns = take(&mut scratch.columns, rows * pixels);
        gather(g, x, tile, 0..g.inputs, columns, pixels);
        Block { data: columns, row: pixels, column: 1 }
    };
    let left = Block { data: &weight[range.start * rows..range.end * rows], row: rows, column: 1 };
    let shape = [range.len(), pixels, rows];
    let place =
        |picture: usize, channel: usize| ((tile.picture + picture) * g.outputs + channel) * plane + offset;
    if tile.pictures == 1 {
        if let Some(bias) = bias {
            for channel in range.clone() {
                // SAFETY: this tile's own pixels.
                unsafe { out.slice(place(0, channel), pixels) }.fill(bias[channel]);
            }
        }
        let target = Target { data: out.at(place(0, range.start)), row: plane, column: 1 };
        // SAFETY: the target is this tile's own rows, written above if they are read.
        unsafe { multiply(shape, target, bias.is_some(), left, right) };
    } else {
        let product = take(&mut scratch.product, range.len() * pixels);
        let target = Target { data: product.as_mut_ptr(), row: pixels, column: 1 };
        // SAFETY: the target is this thread's scratch.
        unsafe { multiply(shape, target, false, left, right) };
        for (row, channel) in product.chunks_exact(pixels).zip(range) {
            let bias = bias.map(|b| b[channel]);
            for (picture, from) in row.chunks_exact(plane).enumerate() {
                // SAFETY: whole planes of this tile's pictures.
                let to = unsafe { out.slice(place(picture, channel), plane) };
                match bias {
                    Some(b) => to.iter_mut().zip(from).for_each(|(to, from)| *to = from + b),
                    None => to.copy_from_slice(from),
                }
            }
        }
    }
}
