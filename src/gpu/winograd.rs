//! Winograd's convolution F(2x2, 3x3): which layers use it, and the sizes of its three passes, which
//! `shaders/winograd_input.wgsl` explains.

use super::convolution::{self, Buffers, Conv};
use super::layout::quads;
use super::pass::{Bound, THREADS};
use super::shaders::Shader;
use super::tile::TileRule;
use super::uniforms::{WinogradInput, WinogradOutput, bound};
use crate::inference::{self, Convolution, Operation, Plan};

/// Elements of a transformed patch.
const ELEMENTS: usize = 16;

/// The number of patches is rounded up to a multiple of this, so that each element fills whole tiles of any
/// size.
pub(super) const WHOLE: usize = 64;

/// Whether a convolution is computed this way: 3x3 of stride 1, on features so large that the patches of one picture
/// fill a tile.
pub(super) fn serves(plan: &Plan, c: &Convolution) -> bool {
    let [_, height, width] = plan.shape(c.output);
    c.kernel == inference::Kernel::Plain { size: 3, stride: 1 }
        && c.input != plan.input
        && height.div_ceil(2) * width.div_ceil(2) >= WHOLE
}

/// f32 numbers that the largest transformed input and the largest products of a batch take.
pub(super) fn numbers(plan: &Plan, pictures: usize) -> [usize; 2] {
    let convolutions = plan.steps.iter().filter_map(|step| match &step.operation {
        Operation::Convolution(c) if serves(plan, c) => Some(c),
        _ => None,
    });
    convolutions.fold([0; 2], |[most, most_products], c| {
        let [_, _, patches] = Layer::of(plan, c, pictures).patches();
        let of = |channels: usize| ELEMENTS * patches as usize * 4 * quads(channels);
        [most.max(of(c.input.channels)), most_products.max(of(c.output.channels))]
    })
}

/// What the three passes of a layer read and write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memories<M> {
    pub input: M,
    pub weight: M,
    pub bias: M,
    /// Not read if there is no addend.
    pub add: M,
    pub output: M,
    pub transformed: M,
    pub products: M,
}

/// The sizes of a layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layer {
    pub height: u32,
    pub width: u32,
    /// Quads of channels.
    pub inputs: u32,
    pub outputs: u32,
    pub pictures: u32,
}

impl Layer {
    /// The sizes of a plan's convolution.
    pub fn of(plan: &Plan, c: &Convolution, pictures: usize) -> Self {
        let [_, height, width] = plan.shape(c.output).map(|n| n as u32);
        let [inputs, outputs] = [c.input, c.output].map(|view| quads(view.channels) as u32);
        Self { height, width, inputs, outputs, pictures: pictures as u32 }
    }

    /// Patches across and down one picture, and of all pictures, rounded up to whole tiles.
    pub fn patches(self) -> [u32; 3] {
        let [across, down] = [self.width.div_ceil(2), self.height.div_ceil(2)];
        [across, down, (across * down * self.pictures).next_multiple_of(WHOLE as u32)]
    }
}

/// Transform, sixteen products, and transform back. A slice of input, output or addend gives the quads from one
/// pixel to the next, and to the slice's first.
pub(crate) fn passes<M: Copy>(
    layer: Layer,
    memories: Memories<M>,
    [input, output]: [[u32; 2]; 2],
    add: Option<[u32; 2]>,
    relu: bool,
    tile: TileRule,
) -> Vec<Bound<M>> {
    let Layer { height, width, inputs, outputs, pictures } = layer;
    let [across, down, patches] = layer.patches();
    let groups = |channels: u32| [(across * channels).div_ceil(THREADS), down, pictures];

    let [in_pixel, in_offset] = input;
    let uniform = WinogradInput { height, width, across, channels: inputs, patches, in_pixel, in_offset };
    let bindings = vec![memories.input, memories.transformed];
    let transform = bound(Shader::WinogradInput, uniform, bindings, groups(inputs));

    // The products are a 1x1 convolution on one line of pixels.
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
    let Memories { weight, bias, .. } = memories;
    let buffers = Buffers {
        input: memories.transformed,
        bias,
        addend: bias,
        output: memories.products,
        weight,
        products: None,
    };
    let products = convolution::passes(conv, buffers, tile(conv.rows, conv.columns));

    let [out_pixel, out_offset] = output;
    let [add_pixel, add_offset] = add.unwrap_or_default();
    let uniform = WinogradOutput {
        height,
        width,
        across,
        channels: outputs,
        patches,
        out_pixel,
        out_offset,
        add: u32::from(add.is_some()),
        add_pixel,
        add_offset,
        relu: u32::from(relu),
    };
    let bindings = vec![memories.products, bias, memories.add, memories.output];
    let back = bound(Shader::WinogradOutput, uniform, bindings, groups(outputs));
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
