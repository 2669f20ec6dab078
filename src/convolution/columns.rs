//! The column matrix of a convolution: row `(c, ky, kx)` holds, for every output pixel, the input pixel under
//! this kernel position ("im2col"). Also the way back, which adds ("col2im").

use super::geometry::{Geometry, Tile};
use std::ops::Range;

/// Fills `columns` with the rows of `channels` for the output pixels of `tile`; row `r` starts at
/// `r * stride`. `x` is the whole batch.
pub(super) fn gather(
    g: &Geometry,
    x: &[f32],
    tile: &Tile,
    channels: Range<usize>,
    columns: &mut [f32],
    stride: usize,
) {
    let pixels = tile.rows * g.out_width;
    for picture in 0..tile.pictures {
        let picture_start = (tile.picture + picture) * g.inputs * g.plane();
        let mut start = picture * pixels;
        for channel in channels.clone() {
            let plane = &x[picture_start + channel * g.plane()..][..g.plane()];
            for ky in 0..g.kernel_height {
                for kx in 0..g.kernel_width {
                    gather_row(g, plane, tile, ky, kx, &mut columns[start..][..pixels]);
                    start += stride;
                }
            }
        }
    }
}

/// One row of the column matrix, of one picture.
fn gather_row(g: &Geometry, plane: &[f32], tile: &Tile, ky: usize, kx: usize, out: &mut [f32]) {
    let inside = inside(g, kx);
    for (i, line) in out.chunks_exact_mut(g.out_width).enumerate() {
        let y = (tile.row + i) * g.stride + ky;
        if y < g.padding || y - g.padding >= g.height || inside.is_empty() {
            line.fill(0.0);
            continue;
        }
        let source = &plane[(y - g.padding) * g.width..][..g.width];
        let first = inside.start * g.stride + kx - g.padding;
        line[..inside.start].fill(0.0);
        line[inside.end..].fill(0.0);
        let line = &mut line[inside.clone()];
        match g.stride {
            1 => line.copy_from_slice(&source[first..first + line.len()]),
            2 => {
                // The last pixel is copied by itself: the input line may end right after it.
                let (last, body) = line.split_last_mut().expect("the range is not empty");
                let (pairs, _) = source[first..].as_chunks::<2>();
                for (to, pair) in body.iter_mut().zip(pairs) {
                    *to = pair[0];
                }
                *last = source[first + 2 * body.len()];
            }
            step => {
                for (to, from) in line.iter_mut().zip(source[first..].iter().step_by(step)) {
                    *to = *from;
                }
            }
        }
    }
}

/// Adds the rows of `channels` back to the planes they came from: the transpose of [`gather`].
/// `planes(picture, channel, add)` passes the plane of one channel of one of the tile's pictures to `add`.
pub(super) fn scatter(
    g: &Geometry,
    columns: &[f32],
    stride: usize,
    tile: &Tile,
    channels: usize,
    mut planes: impl FnMut(usize, usize, &mut dyn FnMut(&mut [f32])),
) {
    let pixels = tile.rows * g.out_width;
    for picture in 0..tile.pictures {
        for channel in 0..channels {
            let first_row = channel * g.taps();
            planes(picture, channel, &mut |plane| {
                for ky in 0..g.kernel_height {
                    for kx in 0..g.kernel_width {
                        let row = first_row + ky * g.kernel_width + kx;
                        let row = &columns[row * stride + picture * pixels..][..pixels];
                        scatter_row(g, row, tile, ky, kx, plane);
                    }
                }
            });
        }
    }
}

/// One row of the column matrix, of one picture, added to its plane.
fn scatter_row(g: &Geometry, row: &[f32], tile: &Tile, ky: usize, kx: usize, plane: &mut [f32]) {
    let inside = inside(g, kx);
    if inside.is_empty() {
        return;
    }
    for (i, line) in row.chunks_exact(g.out_width).enumerate() {
        let y = (tile.row + i) * g.stride + ky;
        if y < g.padding || y - g.padding >= g.height {
            continue;
        }
        let target = &mut plane[(y - g.padding) * g.width..][..g.width];
        let first = inside.start * g.stride + kx - g.padding;
        let line = &line[inside.clone()];
        match g.stride {
            1 => {
                for (to, from) in target[first..].iter_mut().zip(line) {
                    *to += from;
                }
            }
            2 => {
                let (last, body) = line.split_last().expect("the range is not empty");
                let (pairs, _) = target[first..].as_chunks_mut::<2>();
                for (pair, from) in pairs.iter_mut().zip(body) {
                    pair[0] += from;
                }
                target[first + 2 * body.len()] += last;
            }
            step => {
                for (to, from) in target[first..].iter_mut().step_by(step).zip(line) {
                    *to += from;
                }
            }
        }
    }
}

/// The output columns whose input column under kernel column `kx` lies inside the picture.
fn inside(g: &Geometry, kx: usize) -> Range<usize> {
    let start = g.padding.saturating_sub(kx).div_ceil(g.stride);
    let end = match (g.width + g.padding).checked_sub(kx + 1) {
        Some(last) => (last / g.stride + 1).min(g.out_width),
        None => 0,
    };
    start.min(end)..end
}
