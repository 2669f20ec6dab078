//! The tiles of `crate::winograd` for training: which shapes suit them, and their transforms in two dimensions, several
//! neighboring tiles at once.

use super::geometry::Geometry;
use super::lanes::{Lanes, load};
use crate::winograd::{TILE, input, output_transposed};

/// Padding between the matrices of two points: a tile is written to all 36 at once, and a power of two apart
/// they would fall into one line of the cache.
pub(super) const APART: usize = 16;

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
