//! The innermost loops: a micro-tile of positions times output channels, summed over all inputs.
//!
//! The output channels are the lanes, so the weights `[out / 16, inputs, 16]` are read in their order and each
//! input number is spread over a register; nothing is packed, shuffled or transposed.

use super::vector::{BLOCK, Vector};

/// Inputs after which the weights of a micro-tile would no longer stay in the second-level cache.
pub(super) const DEPTH: usize = 2048;

/// A row of positions and some blocks of output channels.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// The first position's input.
    pub input: *const f32,
    /// Where the runs of inputs start, from a position's own address.
    pub runs: &'a [usize],
    /// The weights of the first run for the first block of outputs.
    pub weight: *const f32,
    /// Numbers between the weights of neighboring blocks of outputs.
    pub weight_block: usize,
    /// The first position's output.
    pub output: *mut f32,
    /// Numbers between neighboring positions of the output.
    pub output_step: usize,
    /// Numbers between neighboring blocks of the output.
    pub output_block: usize,
    /// Whether the output already holds the sum over earlier runs.
    pub continued: bool,
    /// What to do with the complete sum.
    pub finish: Finish,
}

/// What follows the sum: `relu?(sum + bias + add?)`.
#[derive(Clone, Copy)]
pub(super) struct Finish {
    /// The bias of the first block of outputs; null where nothing follows.
    pub bias: *const f32,
    /// The first position of what is added, laid out as the output; null if nothing is.
    pub add: *const f32,
    /// Whether negative results become zero.
    pub relu: bool,
}

impl Finish {
    /// Nothing follows.
    pub const NONE: Self = Self { bias: std::ptr::null(), add: std::ptr::null(), relu: false };
}

/// `count` positions of a row, for `N` blocks of outputs. Neighboring positions are `STEP` numbers apart in
/// the input and a run is `RUN` inputs long.
///
/// # Safety
/// All addresses that follow from `row` are valid, and nothing else uses the output meanwhile.
#[inline(always)]
pub(super) unsafe fn row<V: Vector, const N: usize, const STEP: usize, const RUN: usize>(
    row: Row,
    count: usize,
) {
    let mut done = 0;
    while done < count {
        let at = |p: *const f32, step: usize| if p.is_null() { p } else { p.wrapping_add(done * step) };
        let tile = Row {
            input: at(row.input, STEP),
            output: at(row.output, row.output_step).cast_mut(),
            finish: Finish { add: at(row.finish.add, row.output_step), ..row.finish },
            ..row
        };
        // SAFETY: positions of this row.
        unsafe {
            done += match count - done {
                8.. if V::ROWS >= 8 => tile_of::<V, 8, N, STEP, RUN>(tile),
                6.. if V::ROWS == 6 => tile_of::<V, 6, N, STEP, RUN>(tile),
                4.. if V::ROWS >= 4 => tile_of::<V, 4, N, STEP, RUN>(tile),
                3.. if V::ROWS == 3 => tile_of::<V, 3, N, STEP, RUN>(tile),
                2.. => tile_of::<V, 2, N, STEP, RUN>(tile),
                _ => tile_of::<V, 1, N, STEP, RUN>(tile),
            };
        }
    }
}

/// `R` positions, `N` blocks of outputs; returns `R`.
#[inline(always)]
unsafe fn tile_of<V: Vector, const R: usize, const N: usize, const STEP: usize, const RUN: usize>(
    row: Row,
) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        let mut sums = [[V::splat(0.0); N]; R];
        if row.continued {
            for (i, sums) in sums.iter_mut().enumerate() {
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum = V::load(row.output.add(i * row.output_step + j * row.output_block));
                }
            }
        }
        let mut weight = row.weight;
        for &run in row.runs {
            let input = row.input.add(run);
            for k in 0..RUN {
                let mut columns = [V::splat(0.0); N];
                for (j, column) in columns.iter_mut().enumerate() {
                    *column = V::load(weight.add(j * row.weight_block + k * BLOCK));
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let value = V::splat(*input.add(i * STEP + k));
                    for (sum, &column) in sums.iter_mut().zip(&columns) {
                        *sum = sum.fma(value, column);
                    }
                }
            }
            weight = weight.add(RUN * BLOCK);
        }
        let finish = row.finish;
        for (i, sums) in sums.iter().enumerate() {
            for (j, &sum) in sums.iter().enumerate() {
                let offset = i * row.output_step + j * row.output_block;
                let mut value = sum;
                if !finish.bias.is_null() {
                    value = value.add(V::load(finish.bias.add(j * BLOCK)));
                    if !finish.add.is_null() {
                        value = value.add(V::load(finish.add.add(offset)));
                    }
                    if finish.relu {
                        value = value.max(V::splat(0.0));
                    }
                }
                value.store(row.output.add(offset));
            }
        }
    }
    R
}
