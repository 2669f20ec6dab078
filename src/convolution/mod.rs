//! The convolution of the CPU: forward, and both gradients.

use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Tensor, module};

/// `x: [B, I, H, W]`, `weight: [O, I, k, k]`, `bias: [O]` to `[B, O, H', W']`.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: usize,
) -> Tensor<4> {
    module::conv2d(x, weight, bias, ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1))
}

/// The 2x2 transposed convolution of stride 2: `x: [B, I, H, W]`, `weight: [I, O, 2, 2]` to
/// `[B, O, 2H, 2W]`.
pub fn conv_transpose2x2(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    module::conv_transpose2d(x, weight, None, ConvTransposeOptions::new([2; 2], [0; 2], [0; 2], [1; 2], 1))
}
