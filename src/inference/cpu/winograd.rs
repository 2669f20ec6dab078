//! 3x3 convolutions of stride 1 by the tiles of `crate::winograd`; the vectors hold neighboring channels.
//!
//! `src/convolution/winograd_forward.rs` does the same in training, where they hold neighboring tiles, and where products are not
//! fused with sums: the same result on every processor, but not the same last bits as here.

use super::kernel::{Finish, Row, row};
use super::lines::{Lines, Map};
use super::threads::{for_each, part, parts, threads, with_own};
use super::vector::{BLOCK, Vector, Work, run};
use crate::inference::plan::Convolution;
use crate::winograd::{Numbers, POINTS, TILE, input, kernel, output};
use std::ops::Range;

/// Numbers of transformed input that a block of tiles may have: a good half of a second-level cache.
const BUDGET: usize = 150 * 1024;

/// A line more between the points: at a distance of a power of two they would all fall into one set of the
/// first-level cache.
const APART: usize = BLOCK;

/// Transformed weights.
#[derive(Debug)]
pub(super) struct Winograd {
    /// `[36, out / 16, in, 16]`
    kernels: Lines,
    bias: Lines,
    inputs: usize,
    relu: bool,
}

impl Winograd {
    /// Whether a map of this size has enough tiles for their products to outweigh reading the larger weights.
    pub fn suits([height, width]: [usize; 2]) -> bool {
        height.div_ceil(TILE) * width.div_ceil(TILE) >= 9
    }

    /// Transforms the weights `[out, in, 3, 3]`: `G W Gᵀ`.
    pub fn new(convolution: &Convolution, inputs: usize) -> Self {
        let outputs = convolution.bias.len();
        let (blocks, depth) = (outputs.div_ceil(BLOCK), inputs.next_multiple_of(BLOCK));
        let mut kernels = Lines::zeros(POINTS * blocks * depth * BLOCK);
        let to = kernels.numbers_mut();
        for (o, filters) in convolution.weight.chunks_exact(inputs * 9).enumerate() {
            for (c, w) in filters.as_chunks::<9>().0.iter().enumerate() {
                let columns: [[f32; 6]; 3] = std::array::from_fn(|x| kernel([w[x], w[3 + x], w[6 + x]]));
                for point in 0..POINTS {
                    let line = kernel([columns[0][point / 6], columns[1][point / 6], columns[2][point / 6]]);
                    let block = point * blocks + o / BLOCK;
                    to[(block * depth + c) * BLOCK + o % BLOCK] = line[point % 6];
                }
            }
        }
        Self { kernels, bias: Lines::of(&convolution.bias), inputs: depth, relu: convolution.relu }
    }

    /// Numbers in the weights.
    pub fn weights(&self) -> usize {
        self.kernels.len() + self.bias.len()
    }

    fn tiling(&self, map: &Map) -> Tiling {
        let (across, down) = (map.width.div_ceil(TILE), map.height.div_ceil(TILE));
        let fitting = (BUDGET / (POINTS * self.inputs)).clamp(16, 64) / 8 * 8;
        let blocks = (across * down).div_ceil(fitting);
        let tiles = (across * down).div_ceil(blocks);
        Tiling { across, all: across * down, tiles, blocks: (across * down).div_ceil(tiles) }
    }

    /// Numbers of one block of transformed inputs.
    fn transformed(&self, tiles: usize) -> usize {
        POINTS * (self.inputs * tiles + APART)
    }

    /// Numbers of scratch memory for one picture.
    pub fn scratch(&self, map: &Map) -> usize {
        let tiling = self.tiling(map);
        tiling.blocks * self.transformed(tiling.tiles)
    }

    /// The whole layer for `batch` pictures.
    pub fn run(&self, x: &Map, y: &Map, add: Option<&Map>, batch: usize, scratch: &mut [f32]) {
        let tiling = self.tiling(x);
        let (capacity, blocks) = (self.transformed(tiling.tiles), batch * tiling.blocks);
        let task = |i: usize| Task {
            layer: self,
            x,
            y,
            add,
            picture: i / tiling.blocks,
            across: tiling.across,
            tiles: tiling.block(i % tiling.blocks),
            apart: self.inputs * tiling.tiles + APART,
        };
        if blocks >= 2 * threads() || threads() == 1 {
            let products = POINTS * (2 * BLOCK * tiling.tiles + APART);
            for_each(blocks, |i| {
                with_own(capacity + products, |own| {
                    let (inputs, products) = own.split_at_mut(capacity);
                    let inputs = SharedPointer(inputs.as_mut_ptr());
                    // SAFETY: every task has its own tiles.
                    unsafe {
                        run(Transform { task: task(i), inputs, channels: 0..x.blocks() });
                        run(Multiply { task: task(i), inputs, products, outputs: 0..y.blocks() });
                    }
                });
            });
            return;
        }
        // Fewer blocks of tiles than threads: these share the channels of a block instead.
        assert!(scratch.len() >= blocks * capacity);
        let scratch = SharedPointer(scratch.as_mut_ptr());
        let inputs = |i: usize| SharedPointer(scratch.at(i * capacity));
        let groups = parts(x.blocks(), blocks, 2 * threads());
        for_each(blocks * groups, |i| {
            let channels = part(x.blocks(), groups, i % groups);
            let (task, inputs) = (task(i / groups), inputs(i / groups));
            // SAFETY: every task has its own channels of its tiles.
            unsafe { run(Transform { task, inputs, channels }) };
        });
        let pairs = y.blocks().div_ceil(2);
        let groups = parts(pairs, blocks, 4 * threads());
        for_each(blocks * groups, |i| {
            let pairs = part(pairs, groups, i % groups);
            let outputs = 2 * pairs.start..(2 * pairs.end).min(y.blocks());
            with_own(POINTS * (2 * BLOCK * tiling.tiles + APART), |products| {
                let (task, inputs) = (task(i / groups), inputs(i / groups));
                // SAFETY: every task has its own outputs of its tiles.
                unsafe { run(Multiply { task, inputs, products, outputs }) };
            });
        });
    }
}

/// How the tiles of a picture are cut into blocks.
#[derive(Clone, Copy)]
struct Tiling {
    /// Tiles in a row of tiles.
    across: usize,
    /// Tiles of a picture.
    all: usize,
    /// Tiles of a block.
    tiles: usize,
    /// Blocks of a picture.
    blocks: usize,
}

impl Tiling {
    fn block(self, i: usize) -> Range<usize> {
        i * self.tiles..((i + 1) * self.tiles).min(self.all)
    }
}

/// An address that threads divide among themselves.
#[derive(Clone, Copy)]
struct SharedPointer(*mut f32);

// SAFETY: the code that uses the address gives each thread places of its own.
unsafe impl Send for SharedPointer {}
// SAFETY: as above.
unsafe impl Sync for SharedPointer {}

impl SharedPointer {
    fn at(self, offset: usize) -> *mut f32 {
        self.0.wrapping_add(offset)
    }
}

/// A block of tiles of one picture.
struct Task<'a> {
    layer: &'a Winograd,
    x: &'a Map,
    y: &'a Map,
    add: Option<&'a Map>,
    picture: usize,
    across: usize,
    tiles: Range<usize>,
    /// Numbers between points of the transformed input.
    apart: usize,
}

/// A vector of the instructions that the code around it runs with, products fused with sums.
#[derive(Clone, Copy)]
struct Fused<V>(V);

impl<V: Vector> Fused<V> {
    /// # Safety
    /// As [`Vector`], for as long as this or anything computed from it is used.
    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: as the caller promises.
        Self(unsafe { V::splat(0.0) })
    }

    /// # Safety
    /// As [`Self::zero`]; `from` as [`Vector`] asks.
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: as the caller promises.
        Self(unsafe { V::load(from) })
    }
}

impl<V: Vector> Numbers for Fused<V> {
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: where there is a vector, there are its instructions.
        Self(unsafe { self.0.add(other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { self.0.sub(other.0) })
    }

    #[inline(always)]
    fn scale(self, factor: f32) -> Self {
        // SAFETY: as above.
        Self(unsafe { self.0.mul(V::splat(factor)) })
    }

    #[inline(always)]
    fn plus(self, factor: f32, x: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { self.0.fma(V::splat(factor), x.0) })
    }

    #[inline(always)]
    fn plus_both(self, a: f32, x: Self, b: f32, y: Self) -> Self {
        self.plus(a, x).plus(b, y)
    }
}

/// `Bᵀ D B` of some channels of a block of tiles, to `[36, in / 16, tiles, 16]`.
struct Transform<'a> {
    task: Task<'a>,
    inputs: SharedPointer,
    channels: Range<usize>,
}

impl Work for Transform<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Task { x, picture, across, tiles, apart, .. } = self.task;
        for block in self.channels {
            let plane = x.block(picture, block).cast_const();
            for (i, tile) in tiles.clone().enumerate() {
                // The tile's first line and column of input lie one before its first of output.
                let (top, left) = ((tile / across * TILE) as isize - 1, (tile % across * TILE) as isize - 1);
                let inside =
                    top >= 0 && left >= 0 && top + 6 <= x.height as isize && left + 6 <= x.width as isize;
                // SAFETY: positions of the plane; places of this block, these channels and this tile.
                unsafe {
                    let mut columns = [[Fused::<V>::zero(); 6]; 6];
                    for (dx, column) in columns.iter_mut().enumerate() {
                        let pixel = |dy: usize| {
                            let (py, px) = (top + dy as isize, left + dx as isize);
                            let known = inside
                                || (py >= 0
                                    && px >= 0
                                    && (py as usize) < x.height
                                    && (px as usize) < x.width);
                            match known {
                                true => {
                                    Fused::load(plane.offset((py * x.width as isize + px) * BLOCK as isize))
                                }
                                false => Fused::zero(),
                            }
                        };
                        *column = input([pixel(0), pixel(1), pixel(2), pixel(3), pixel(4), pixel(5)]);
                    }
                    let to = self.inputs.at((block * tiles.len() + i) * BLOCK);
                    for row in 0..TILE + 2 {
                        let line = input(row_of(&columns, row));
                        for (column, value) in line.into_iter().enumerate() {
                            value.0.store(to.add((row * 6 + column) * apart));
                        }
                    }
                }
            }
        }
    }
}

/// The products of a block of tiles and their way back: `Aᵀ M A`, bias, shortcut, ReLU.
struct Multiply<'a, 'b> {
    task: Task<'a>,
    inputs: SharedPointer,
    products: &'b mut [f32],
    outputs: Range<usize>,
}

impl Work for Multiply<'_, '_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Task { layer, y, add, picture, across, ref tiles, apart, .. } = self.task;
        let count = tiles.len();
        let runs: Vec<usize> = (0..layer.inputs / BLOCK).map(|block| block * count * BLOCK).collect();
        let between = 2 * BLOCK * count + APART;
        assert!(self.products.len() >= POINTS * between);
        let products = self.products.as_mut_ptr();
        let depth = layer.inputs * BLOCK;
        let mut block = self.outputs.start;
        while block < self.outputs.end {
            let wide = V::COLUMNS == 2 && block + 2 <= self.outputs.end;
            for point in 0..POINTS {
                let kernels = &layer.kernels.numbers()[(point * y.blocks() + block) * depth..];
                // SAFETY: the transformed inputs of this block of tiles; the products are this task's own.
                unsafe {
                    let tile = Row {
                        input: self.inputs.at(point * apart),
                        runs: &runs,
                        weight: kernels.as_ptr(),
                        weight_block: depth,
                        output: products.add(point * between),
                        output_step: BLOCK,
                        output_block: count * BLOCK,
                        continued: false,
                        finish: Finish::NONE,
                    };
                    if wide {
                        row::<V, 2, BLOCK, BLOCK>(tile, count);
                    } else {
                        row::<V, 1, BLOCK, BLOCK>(tile, count);
                    }
                }
            }
            for half in 0..1 + usize::from(wide) {
                let plane = y.block(picture, block + half);
                let add = add.map(|add| add.block(picture, block + half).cast_const());
                let bias = layer.bias.numbers()[(block + half) * BLOCK..].as_ptr();
                for (i, tile) in tiles.clone().enumerate() {
                    let (top, left) = (tile / across * TILE, tile % across * TILE);
                    // SAFETY: this task's tile of its own outputs; rows and columns outside are left out.
                    unsafe {
                        let from = products.add((half * count + i) * BLOCK);
                        let mut columns = [[Fused::<V>::zero(); TILE]; 6];
                        for (x, column) in columns.iter_mut().enumerate() {
                            let point = |row: usize| Fused::<V>::load(from.add((row * 6 + x) * between));
                            *column = output([point(0), point(1), point(2), point(3), point(4), point(5)]);
                        }
                        let bias = V::load(bias);
                        for row in 0..TILE.min(y.height - top) {
                            let line = output(row_of(&columns, row));
                            let first = ((top + row) * y.width + left) * BLOCK;
                            for (x, value) in line.into_iter().enumerate().take(y.width - left) {
                                let mut value = value.0.add(bias);
                                if let Some(add) = add {
                                    value = value.add(V::load(add.add(first + x * BLOCK)));
                                }
                                if layer.relu {
                                    value = value.max(V::splat(0.0));
                                }
                                value.store(plane.add(first + x * BLOCK));
                            }
                        }
                    }
                }
            }
            block += 1 + usize::from(wide);
        }
    }
}

/// Number `row` of each column.
#[inline(always)]
fn row_of<T: Copy, const N: usize>(columns: &[[T; N]; 6], row: usize) -> [T; 6] {
    [columns[0][row], columns[1][row], columns[2][row], columns[3][row], columns[4][row], columns[5][row]]
}
