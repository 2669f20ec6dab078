//! The 3x3 convolution of stride 1 by Winograd's filtering. With the kernel rotated by 180 degrees and its input and
//! output channels swapped, it is also the gradient of the input.

use super::geometry::{Geometry, blocks};
use super::lanes::{Lanes, load, widest};
use super::parallel::{Output, Scratch, Shared, for_each, take};
use super::product::{Block, Target, multiply};
use super::winograd::{APART, input_tiles};
use crate::winograd::{Numbers, POINTS, TILE, kernel, output};

/// Tiles of one matrix product.
const BLOCK: usize = 64;

/// Output channels of one matrix product.
const OUTPUTS: usize = 64;

/// Lanes of the kernel transform.
const KERNELS: usize = 8;

/// The forward convolution.
pub(super) fn forward(g: &Geometry, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let kernels = kernels([g.outputs, g.inputs], |o, c, tap| weight[(o * g.inputs + c) * 9 + tap]);
    convolve(g, x, &kernels, bias)
}

/// The gradient of the input.
pub(super) fn data_gradient(g: &Geometry, weight: &[f32], dy: &[f32]) -> Vec<f32> {
    let kernels = kernels([g.inputs, g.outputs], |c, o, tap| weight[(o * g.inputs + c) * 9 + 8 - tap]);
    let turned = Geometry { inputs: g.outputs, outputs: g.inputs, ..*g };
    convolve(&turned, dy, &kernels, None)
}

/// `G W Gᵀ` of every kernel, as 36 matrices `outputs x inputs`.
fn kernels([outputs, inputs]: [usize; 2], weight: impl Fn(usize, usize, usize) -> f32 + Sync) -> Vec<f32> {
    let apart = outputs * inputs + APART;
    let len = POINTS * apart;
    let mut all = Output::zeros(len);
    let to = all.shared();
    for_each(outputs, |_, o| {
        widest(|| {
            for c in (0..inputs).step_by(KERNELS) {
                let count = KERNELS.min(inputs - c);
                let mut taps = [[0.0; KERNELS]; 9];
                for lane in 0..count {
                    for (tap, lanes) in taps.iter_mut().enumerate() {
                        lanes[lane] = weight(o, c + lane, tap);
                    }
                }
                let columns: [[Lanes<KERNELS>; 6]; 3] =
                    std::array::from_fn(|x| kernel([taps[x], taps[3 + x], taps[6 + x]]));
                #[expect(clippy::needless_range_loop, reason = "the index is a place in several arrays")]
                for row in 0..6 {
                    let line = kernel([columns[0][row], columns[1][row], columns[2][row]]);
                    for (column, lanes) in line.iter().enumerate() {
                        let point = row * 6 + column;
                        // SAFETY: only this output channel's task writes these numbers.
                        unsafe { to.slice(point * apart + o * inputs + c, count) }
                            .copy_from_slice(&lanes[..count]);
                    }
                }
            }
        });
    });
    // SAFETY: all numbers start as zero.
    unsafe { all.into_vec(len) }
}

fn convolve(g: &Geometry, x: &[f32], kernels: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let len = g.batch * g.outputs * g.plane();
    let tiles = g.width / TILE;
    let lines = blocks(g.batch * g.height / TILE, (BLOCK / tiles).max(1), 1);
    let mut out = Output::with_len(len);
    let shared = out.shared();
    for_each(lines.len(), |scratch: &mut Scratch, task| {
        let lines = lines[task].clone();
        if tiles.is_multiple_of(8) {
            // SAFETY: every task has its own rows of tiles.
            unsafe { block::<8>(g, x, kernels, bias, lines, scratch, shared) };
        } else {
            // SAFETY: as above.
            unsafe { block::<4>(g, x, kernels, bias, lines, scratch, shared) };
        }
    });
    // SAFETY: the blocks cover every row of tiles in every channel.
    unsafe { out.into_vec(len) }
}

/// # Safety
/// The output pixels of these rows of tiles belong to this call.
unsafe fn block<const L: usize>(
    g: &Geometry,
    x: &[f32],
    kernels: &[f32],
    bias: Option<&[f32]>,
    lines: std::ops::Range<usize>,
    scratch: &mut Scratch,
    out: Shared,
) {
    let (across, down) = (g.width / TILE, g.height / TILE);
    let tiles = lines.len() * across;
    let between = g.inputs * tiles + APART;
    let input = take(&mut scratch.columns, POINTS * between);
    let phases = &mut scratch.line;
    widest(|| {
        for channel in 0..g.inputs {
            for (i, line) in lines.clone().enumerate() {
                let plane = (line / down * g.inputs + channel) * g.plane();
                let first = (line % down * TILE) as isize - 1;
                let plane = &x[plane..][..g.plane()];
                input_tiles::<L>(plane, g.width, first, phases, |point, tile, lanes| {
                    let start = point * between + channel * tiles + i * across + tile;
                    input[start..start + L].copy_from_slice(&lanes);
                });
            }
        }
    });
    for outputs in blocks(g.outputs, OUTPUTS, 16) {
        let apart = outputs.len() * tiles + APART;
        let product = take(&mut scratch.product, POINTS * apart);
        for point in 0..POINTS {
            let target = Target { data: product[point * apart..].as_mut_ptr(), row: tiles, column: 1 };
            let left = Block {
                data: &kernels[point * (g.outputs * g.inputs + APART) + outputs.start * g.inputs..],
                row: g.inputs,
                column: 1,
            };
            let right = Block { data: &input[point * between..], row: tiles, column: 1 };
            // SAFETY: the target is this thread's scratch.
            unsafe { multiply([outputs.len(), tiles, g.inputs], target, false, left, right) };
        }
        widest(|| {
            for (o, channel) in outputs.clone().enumerate() {
                let bias = [bias.map_or(0.0, |b| b[channel]); L];
                for (i, line) in lines.clone().enumerate() {
                    let plane = (line / down * g.outputs + channel) * g.plane();
                    let start = plane + line % down * TILE * g.width;
                    // SAFETY: this task's own rows of tiles.
                    let to = unsafe { out.slice(start, TILE * g.width) };
                    for tile in (0..across).step_by(L) {
                        let from = |point: usize| {
                            let start = point * apart + o * tiles + i * across + tile;
                            load::<L>(&product[start..])
                        };
                        output_tiles(from, bias, &mut to[tile * TILE..], g.width);
                    }
                }
            }
        });
    }
}

/// `Aᵀ M A + b` of a few neighboring tiles, written to lines that are `width` apart.
#[inline(always)]
fn output_tiles<const L: usize>(
    from: impl Fn(usize) -> Lanes<L>,
    bias: Lanes<L>,
    to: &mut [f32],
    width: usize,
) {
    let columns: [[Lanes<L>; 4]; 6] =
        std::array::from_fn(|x| output(std::array::from_fn(|y| from(y * 6 + x))));
    for row in 0..TILE {
        let phases = output(std::array::from_fn(|x| columns[x][row]));
        let phases = phases.map(|lanes| lanes.add(bias));
        let line = &mut to[row * width..][..L * TILE];
        for (j, four) in line.as_chunks_mut::<TILE>().0.iter_mut().enumerate() {
            *four = [phases[0][j], phases[1][j], phases[2][j], phases[3][j]];
        }
    }
}
