//! The passes of a convolution: its uniform, and whether several workgroups share the input
//! channels of one tile.

use super::pass::{Bound, each, spread};
use super::shaders::Shader;
use super::tile::Tile;
pub(crate) use super::uniforms::Conv;
use super::uniforms::bound;

/// The buffers, in the order of the shader's bindings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffers<M> {
    pub input: M,
    pub bias: M,
    /// Not read if there is no addend.
    pub addend: M,
    pub output: M,
    pub weight: M,
    /// For partial sums; none if the output itself lies in that buffer, as Winograd's products do.
    pub products: Option<M>,
}

/// One pass, or two: the partial sums, and their addition.
pub(crate) fn passes<M: Copy>(mut conv: Conv, buffers: Buffers<M>, tile: Tile) -> Vec<Bound<M>> {
    let Buffers { input, bias, addend, output, weight, products } = buffers;
    conv.part = match products {
        None => conv.channels,
        Some(_) => tile.part(conv.rows, conv.columns, conv.channels, conv.kernel_height * conv.kernel_width),
    };
    let parts = conv.channels.div_ceil(conv.part);
    let [down, across] = tile.groups(conv.rows, conv.columns);
    let pass = |kernel, conv: Conv, bindings: &[M], groups| -> Bound<M> {
        bound(kernel, conv, bindings.to_vec(), groups)
    };
    let sums = |conv: Conv, output| {
        let groups = spread(down, across * parts);
        pass(Shader::Convolution(tile), conv, &[input, bias, addend, output, weight], groups)
    };
    let Some(products) = products.filter(|_| parts > 1) else { return vec![sums(conv, output)] };
    // Partial sums are stored without bias, addend or ReLU, and with corners side by side.
    let bare =
        Conv { corners: 1, out_pixel: conv.columns, out_offset: 0, add: 0, relu: 0, biased: 0, ..conv };
    let groups = each(conv.rows * conv.columns);
    let sum = pass(Shader::ConvolutionSum, conv, &[products, bias, addend, output], groups);
    vec![sums(bare, products), sum]
}
