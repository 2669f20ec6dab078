//! Winograd's convolution F(2x2, 3x3): which layers it is for, and the sizes of its three passes, which
//! `shaders/winograd_input.wgsl` explains.

use super::convolution::{self, Buffers, Conv};
use super::kernels::Kernel;
use super::layout::{quads, slice};
use super::memory::Memory;
use super::passes::Bound;
use super::tile::TileRule;
use crate::inference::{self, Convolution, Operation, Plan};

/// Elements of a transformed patch.
const ELEMENTS: usize = 16;

/// The patches of an element fill whole tiles of any size.
const WHOLE: usize = 64;

/// Whether a convolution is computed this way: 3x3 of stride 1, on features so large that the patches of one picture
/// fill a tile.
pub(super) fn serves(plan: &Plan, c: &Convolution) -> bool {
    let [_, height, width] = plan.shape(c.output);
    c.kernel == inference::Kernel::Plain { size: 3, stride: 1 }
        && c.input != plan.input
        && height.div_ceil(2) * width.div_ceil(2) >= WHOLE
}

/// Patches across and down one picture, and of `pictures` filled up to whole tiles.
fn patches(plan: &Plan, c: &Convolution, pictures: usize) -> [usize; 3] {
    let [_, height, width] = plan.shape(c.output);
    let [across, down] = [width.div_ceil(2), height.div_ceil(2)];
    [across, down, (across * down * pictures).next_multiple_of(WHOLE)]
}

/// f32 numbers that the largest transformed input and the largest products of a batch take.
pub(super) fn numbers(plan: &Plan, pictures: usize) -> [usize; 2] {
    let convolutions = plan.steps.iter().filter_map(|step| match &step.operation {
        Operation::Convolution(c) if serves(plan, c) => Some(c),
        _ => None,
    });
    convolutions.fold([0; 2], |[most, most_products], c| {
        let [_, _, patches] = patches(plan, c, pictures);
        let of = |channels: usize| ELEMENTS * patches * 4 * quads(channels);
        [most.max(of(c.input.channels)), most_products.max(of(c.output.channels))]
    })
}

/// Transform, sixteen products, and transform back.
pub(super) fn passes(
    plan: &Plan,
    index: usize,
    c: &Convolution,
    [input, add, output]: [Memory; 3],
    pictures: usize,
    tile: TileRule,
) -> Vec<Bound> {
    let [_, height, width] = plan.shape(c.output).map(|n| n as u32);
    let [across, down, patches] = patches(plan, c, pictures).map(|n| n as u32);
    let [inputs, outputs] = [c.input, c.output].map(|view| quads(view.channels) as u32);
    let groups = |channels: u32| [(across * channels).div_ceil(64), down, pictures as u32];

    let mut uniform = vec![height, width, across, inputs, patches];
    uniform.extend(slice(plan, c.input));
    let transform = (Kernel::WinogradInput, uniform, vec![input, Memory::Transformed], groups(inputs));

    // As a 1x1 convolution on one line of pixels.
    let rows = ELEMENTS as u32 * patches;
    let conv = Conv {
        rows,
        columns: outputs,
        height: 1,
        width: rows,
        in_height: 1,
        in_width: rows,
        in_line: rows * inputs,
        in_pixel: inputs,
        in_picture: rows * inputs,
        channels: inputs,
        kernel_height: 1,
        kernel_width: 1,
        stride: 1,
        corners: 1,
        out_pixel: outputs,
        matrix_rows: patches,
        ..Conv::default()
    };
    let (weight, bias) = (Memory::Values(index), Memory::Bias(index));
    let buffers =
        Buffers { input: Memory::Transformed, bias, addend: bias, output: Memory::Products, weight };
    let products = convolution::passes(conv, buffers, tile);

    let mut uniform = vec![height, width, across, outputs, patches];
    uniform.extend(slice(plan, c.output));
    uniform.push(u32::from(c.add.is_some()));
    uniform.extend(c.add.map_or([0; 2], |add| slice(plan, add)));
    uniform.push(u32::from(c.relu));
    let back = (Kernel::WinogradOutput, uniform, vec![Memory::Products, bias, add, output], groups(outputs));
    std::iter::once(transform).chain(products).chain([back]).collect()
}

/// `U = G g G^T` of every filter, as `[element][input channel][output quad]`, filled up with zeros to whole quads.
pub(super) fn weight(c: &Convolution) -> Vec<f32> {
    let (input, output) = (c.input.channels, c.output.channels);
    let (inputs, outputs) = (4 * quads(input), 4 * quads(output));
    let mut packed = vec![0.0; ELEMENTS * inputs * outputs];
    // G times a column of three.
    let along = |a: f32, b: f32, c: f32| [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c];
    for (n, g) in c.weight.chunks_exact(9).enumerate() {
        let (o, i) = (n / input, n % input);
        let columns: [[f32; 4]; 3] = std::array::from_fn(|x| along(g[x], g[3 + x], g[6 + x]));
        for y in 0..4 {
            let row = along(columns[0][y], columns[1][y], columns[2][y]);
            for (x, value) in row.into_iter().enumerate() {
                packed[((4 * y + x) * inputs + i) * outputs + o] = value;
            }
        }
    }
    packed
}
