//! The gradient of the input: `columns(dX) = Wᵀ * dY`, added back to the pixels the columns came
//! from. With a 2x2 kernel and stride 2 this is also the transposed convolution itself.

use super::columns::scatter;
use super::geometry::{Geometry, Tile, blocks, tiles};
use super::parallel::{Output, Scratch, for_each, take};
use super::product::{Block, Target, multiply};

/// How many numbers of one product fit into a core's second-level cache.
const COLUMN_BUDGET: usize = 192 * 1024;

/// Output pixels of one product.
const PIXELS: usize = 256;

/// `[batch, inputs, height, width]` from `dy = [batch, outputs, out_height, out_width]`.
pub(super) fn data_gradient(g: &Geometry, weight: &[f32], dy: &[f32]) -> Vec<f32> {
    let len = g.batch * g.inputs * g.plane();
    // Each task owns the planes of some channels of some pictures, so overlapping tiles are never written by
    // two tasks. Within a task, tiles are processed in order.
    let pictures = (PIXELS / g.out_plane().max(1)).clamp(1, g.batch.max(1));
    let groups = blocks(g.batch, pictures, 1);
    let per_block = (COLUMN_BUDGET / PIXELS / g.taps()).max(16);
    let per_block = per_block.min(g.inputs.div_ceil(8usize.div_ceil(groups.len().max(1))).max(16));
    let channels = blocks(g.inputs, per_block, 1);
    let mut out = Output::with_len(len);
    let shared = out.shared();
    for_each(groups.len() * channels.len(), |scratch: &mut Scratch, task| {
        let group = groups[task / channels.len()].clone();
        let range = channels[task % channels.len()].clone();
        for picture in group.clone() {
            let start = (picture * g.inputs + range.start) * g.plane();
            // SAFETY: this task's own planes.
            unsafe { shared.slice(start, range.len() * g.plane()) }.fill(0.0);
        }
        let whole = Geometry { batch: group.len(), ..*g };
        let rows = range.len() * g.taps();
        for tile in tiles(&whole, PIXELS) {
            let tile = Tile { picture: tile.picture + group.start, ..tile };
            let pixels = tile.pixels(g);
            let columns = take(&mut scratch.columns, rows * pixels);
            let target = Target { data: columns.as_mut_ptr(), row: pixels, column: 1 };
            let left = Block { data: &weight[range.start * g.taps()..], row: 1, column: g.rows() };
            let right = output_block(g, dy, &tile, &mut scratch.gradient);
            // SAFETY: the target is this thread's scratch.
            unsafe { multiply([rows, pixels, g.outputs], target, false, left, right) };
            scatter(g, columns, pixels, &tile, range.len(), |picture, channel, add| {
                let plane = (tile.picture + picture) * g.inputs + range.start + channel;
                // SAFETY: this task's own planes, written above.
                add(unsafe { shared.slice(plane * g.plane(), g.plane()) });
            });
        }
    });
    // SAFETY: groups times channel blocks cover every plane.
    unsafe { out.into_vec(len) }
}

/// The output gradient of a tile as a matrix `outputs x pixels`: read in place if it is rows of one picture,
/// gathered if it is several pictures.
fn output_block<'a>(g: &Geometry, dy: &'a [f32], tile: &Tile, scratch: &'a mut Vec<f32>) -> Block<'a> {
    let plane = g.out_plane();
    let start = tile.picture * g.outputs * plane;
    if tile.pictures == 1 {
        return Block { data: &dy[start + tile.row * g.out_width..], row: plane, column: 1 };
    }
    let pixels = tile.pixels(g);
    let gathered = take(scratch, g.outputs * pixels);
    for (i, line) in gathered.chunks_exact_mut(plane).enumerate() {
        let (channel, picture) = (i / tile.pictures, i % tile.pictures);
        line.copy_from_slice(&dy[start + (picture * g.outputs + channel) * plane..][..plane]);
    }
    Block { data: gathered, row: pixels, column: 1 }
}
