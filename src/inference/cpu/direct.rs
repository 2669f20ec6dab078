//! Convolution as the plain sum: 1x1, strided, transposed, and 3x3 where Winograd does not pay.
//!
//! An input with padding is first copied to one with a border of zeros. Then every output position reads its
//! inputs at fixed distances from one address, whatever the kernel.

use super::kernel::{DEPTH, Finish, Row, row};
use super::lines::{Lines, Map};
use super::threads::{for_each, part, parts, threads};
use super::vector::{BLOCK, Vector, Work, run};
use crate::inference::plan::{Convolution, Kernel};

/// Numbers of input that a task goes over again and again: a quarter of a second-level cache.
const INPUT: usize = 64 * 1024;

/// Positions that a convolution of 1x1, which knows no rows, takes for one.
const STRETCH: usize = 64;

/// Weights in the kernel's order and where the inputs are.
#[derive(Debug)]
pub(super) struct Direct {
    kernel: Kernel,
    /// By tap of a transposed convolution, else once: `[out / 16, inputs, 16]`.
    weights: Vec<Lines>,
    bias: Lines,
    /// Whether the input is the plain picture.
    plain: bool,
    inputs: usize,
    relu: bool,
}

/// The input with its border of zeros, or as it is.
#[derive(Clone, Copy)]
struct Source<'a> {
    input: &'a Map,
    bordered: *const f32,
    /// Numbers between pictures, planes and lines, and in a position, of the bordered input.
    picture: usize,
    plane: usize,
    line: usize,
    unit: usize,
}

// SAFETY: read only.
unsafe impl Sync for Source<'_> {}

impl Direct {
    /// Brings the weights into order.
    pub fn new(convolution: &Convolution, inputs: usize, plain: bool) -> Self {
        let outputs = convolution.bias.len();
        let (weight, kernel) = (&convolution.weight, convolution.kernel);
        let weights = match kernel {
            Kernel::Plain { size, .. } => {
                let taps = size * size;
                let at = |o: usize, c: usize, tap: usize| weight[(o * inputs + c) * taps + tap];
                vec![packed([outputs, inputs, taps], plain, at)]
            }
            Kernel::Transposed => {
                let tap = |t: usize| {
                    packed([outputs, inputs, 1], false, |o, c, _| weight[(c * outputs + o) * 4 + t])
                };
                (0..4).map(tap).collect()
            }
        };
        let bias = Lines::of(&convolution.bias);
        Self { kernel, weights, bias, plain, inputs, relu: convolution.relu }
    }

    /// The zero border.
    fn padding(&self) -> usize {
        match self.kernel {
            Kernel::Plain { size, .. } => size / 2,
            Kernel::Transposed => 0,
        }
    }

    /// Numbers of the bordered input of one picture.
    pub fn scratch(&self, [height, width]: [usize; 2]) -> usize {
        match self.padding() {
            0 => 0,
            p => {
                let channels = if self.plain { self.inputs } else { self.inputs.next_multiple_of(BLOCK) };
                (channels * (height + 2 * p) * (width + 2 * p)).next_multiple_of(BLOCK)
            }
        }
    }

    /// Numbers in the weights.
    pub fn weights(&self) -> usize {
        self.weights.iter().map(Lines::len).sum::<usize>() + self.bias.len()
    }

    /// The whole layer for `batch` pictures.
    pub fn run(&self, x: &Map, y: &Map, add: Option<&Map>, batch: usize, scratch: &mut [f32]) {
        let source = self.source(x, batch, scratch);
        // Lines of output positions that are neighbors in the input: rows, or stretches where there are none.
        let (lines, length) = match self.kernel {
            Kernel::Plain { size: 1, stride: 1 } => (x.positions().div_ceil(STRETCH), STRETCH),
            Kernel::Plain { .. } => (y.height, y.width),
            Kernel::Transposed => (x.height, x.width),
        };
        let blocks = y.blocks();
        let per_line = length
            * x.channels
            * if let Kernel::Plain { stride, .. } = self.kernel { stride * stride } else { 1 };
        let wanted = 4 * (threads() - 1);
        let chunks =
            parts(lines, batch, wanted).max(lines.div_ceil((INPUT / per_line.max(1)).max(1))).min(lines);
        let pairs = blocks.div_ceil(2);
        let groups = parts(pairs, batch * chunks, wanted);
        for_each(batch * chunks * groups, |task| {
            let (picture, rest) = (task / (chunks * groups), task % (chunks * groups));
            let lines = part(lines, chunks, rest / groups);
            let pairs = part(pairs, groups, rest % groups);
            let outputs = 2 * pairs.start..(2 * pairs.end).min(blocks);
            // SAFETY: every task has its own lines or its own outputs.
            unsafe { run(Task { layer: self, source, y, add, picture, lines, length, outputs }) };
        });
    }

    fn source<'a>(&self, x: &'a Map, batch: usize, scratch: &mut [f32]) -> Source<'a> {
        let p = self.padding();
        let unit = if self.plain { 1 } else { BLOCK };
        let (height, width) = (x.height + 2 * p, x.width + 2 * p);
        let (line, plane) = (width * unit, height * width * unit);
        let picture = self.scratch([x.height, x.width]);
        if p > 0 {
            let planes = if self.plain { x.channels } else { x.blocks() };
            assert!(scratch.len() >= batch * picture);
            let to = Map::new(scratch, 0, 0, [0, 0, 0]);
            for_each(batch * planes, |task| {
                let (b, c) = (task / planes, task % planes);
                let from = if self.plain { x.plane(b, c) } else { x.block(b, c) };
                // SAFETY: each task fills a plane of its own, which lies in the scratch memory.
                unsafe {
                    let to = to.start().add(b * picture + c * plane);
                    to.write_bytes(0, p * line);
                    for y in 0..x.height {
                        let to = to.add((y + p) * line);
                        to.write_bytes(0, p * unit);
                        let numbers = x.width * unit;
                        std::ptr::copy_nonoverlapping(from.add(y * numbers), to.add(p * unit), numbers);
                        to.add(p * unit + numbers).write_bytes(0, p * unit);
                    }
                    to.add((x.height + p) * line).write_bytes(0, p * line);
                }
            });
        }
        Source { input: x, bordered: scratch.as_ptr(), picture, plane, line, unit }
    }
}

impl Source<'_> {
    /// The address of position 0 of a picture's channel 0.
    fn picture(&self, picture: usize) -> *const f32 {
        match self.picture {
            0 => self.input.block(picture, 0),
            numbers => self.bordered.wrapping_add(picture * numbers),
        }
    }
}

/// `[out / 16, inputs in the order of the runs, 16]`.
fn packed(
    [outputs, inputs, taps]: [usize; 3],
    plain: bool,
    weight: impl Fn(usize, usize, usize) -> f32,
) -> Lines {
    let depth = if plain { inputs } else { inputs.next_multiple_of(BLOCK) } * taps;
    let mut lines = Lines::zeros(outputs.next_multiple_of(BLOCK) * depth);
    let to = lines.numbers_mut();
    for o in 0..outputs {
        let start = o / BLOCK * depth * BLOCK + o % BLOCK;
        for c in 0..inputs {
            for tap in 0..taps {
                // Taps of a plain input follow each other; of a blocked one, the channels of a block do.
                let k = if plain { c * taps + tap } else { (c / BLOCK * taps + tap) * BLOCK + c % BLOCK };
                to[start + k * BLOCK] = weight(o, c, tap);
            }
        }
    }
    lines
}

/// Some lines of one picture, for some blocks of outputs.
struct Task<'a> {
    layer: &'a Direct,
    source: Source<'a>,
    y: &'a Map,
    add: Option<&'a Map>,
    picture: usize,
    lines: std::ops::Range<usize>,
    length: usize,
    outputs: std::ops::Range<usize>,
}

impl Work for Task<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: this task's lines and outputs; the distances are those of the layer.
        unsafe {
            match self.layer.kernel {
                Kernel::Plain { stride: 2, size } if self.layer.plain => {
                    debug_assert_eq!(size, 7, "the stem");
                    self.all::<V, 2, 7>();
                }
                Kernel::Plain { stride: 2, .. } => self.all::<V, { 2 * BLOCK }, BLOCK>(),
                _ => self.all::<V, BLOCK, BLOCK>(),
            }
        }
    }
}

impl Task<'_> {
    /// Positions are `STEP` numbers apart in the input, inputs come in runs of `RUN`.
    #[inline(always)]
    unsafe fn all<V: Vector, const STEP: usize, const RUN: usize>(&self) {
        let runs = self.runs(RUN);
        let mut block = self.outputs.start;
        while block < self.outputs.end {
            let wide = V::COLUMNS == 2 && block + 2 <= self.outputs.end;
            for (tap, weights) in self.layer.weights.iter().enumerate() {
                for (i, runs_now) in runs.chunks(DEPTH / RUN).enumerate() {
                    let first = i * (DEPTH / RUN);
                    let last = first + runs_now.len() == runs.len();
                    for line in self.lines.clone() {
                        // SAFETY: a line of this task.
                        unsafe {
                            let (tile, count) = self.line(block, tap, weights, line, first * RUN);
                            let finish = if last { tile.finish } else { Finish::NONE };
                            let tile = Row { runs: runs_now, continued: i > 0, finish, ..tile };
                            if wide {
                                row::<V, 2, STEP, RUN>(tile, count);
                            } else {
                                row::<V, 1, STEP, RUN>(tile, count);
                            }
                        }
                    }
                }
            }
            block += 1 + usize::from(wide);
        }
    }

    /// Where the runs of inputs start, from a position's own address.
    #[inline(always)]
    fn runs(&self, length: usize) -> Vec<usize> {
        let Source { plane, line, unit, .. } = self.source;
        let size = if let Kernel::Plain { size, .. } = self.layer.kernel { size } else { 1 };
        let mut runs = Vec::new();
        if self.layer.plain {
            debug_assert_eq!(length, size);
            (0..self.layer.inputs).for_each(|c| runs.extend((0..size).map(|y| c * plane + y * line)));
        } else {
            for block in 0..self.layer.inputs.div_ceil(BLOCK) {
                for y in 0..size {
                    runs.extend((0..size).map(|x| block * plane + y * line + x * unit));
                }
            }
        }
        runs
    }

    /// A line for a block of outputs and a tap, without its runs; and how many positions it has.
    #[inline(always)]
    unsafe fn line<'a>(
        &self,
        block: usize,
        tap: usize,
        weights: &Lines,
        line: usize,
        depth: usize,
    ) -> (Row<'a>, usize) {
        let (x, y) = (self.source.input, self.y);
        let (start, position, step, count) = match self.layer.kernel {
            Kernel::Plain { size: 1, stride: 1 } => {
                let first = line * self.length;
                (first * BLOCK, first, 1, self.length.min(x.positions() - first))
            }
            Kernel::Plain { stride, .. } => (line * stride * self.source.line, line * y.width, 1, y.width),
            Kernel::Transposed => {
                (line * self.source.line, (2 * line + tap / 2) * y.width + tap % 2, 2, x.width)
            }
        };
        let plane = y.positions() * BLOCK;
        let numbers = weights.numbers();
        let weight_block = numbers.len() / y.blocks();
        let at = |map: &Map| map.block(self.picture, block).wrapping_add(position * BLOCK);
        let row = Row {
            input: self.source.picture(self.picture).wrapping_add(start),
            runs: &[],
            weight: numbers[block * weight_block + depth * BLOCK..].as_ptr(),
            weight_block,
            output: at(y),
            output_step: step * BLOCK,
            output_block: plane,
            continued: false,
            finish: Finish {
                bias: self.layer.bias.numbers()[block * BLOCK..].as_ptr(),
                add: self.add.map_or(std::ptr::null(), |add| at(add).cast_const()),
                relu: self.layer.relu,
            },
        };
        (row, count)
    }
}
