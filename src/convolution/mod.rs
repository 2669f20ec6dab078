//! The convolution of the CPU: forward, and both gradients.
//!
//! Burn's CPU backend takes the gradient of a kernel from a generic fallback, and batch
//! normalization from a chain of broadcasts. Here the convolution and both gradients are matrix products over
//! columns that stay in the cache, and a normalization is a few passes over each channel. The results depend
//! on the shapes alone, never on the number of threads or their timing, and a NaN is passed on. Every other
//! device uses Burn's own operations.

mod batch_norm;
mod columns;
mod data_gradient;
mod extension;
mod flex;
mod forward;
mod geometry;
mod gradient;
mod lanes;
mod max_pool;
mod parallel;
mod product;
#[cfg(test)]
mod tests;
mod weight_gradient;
mod winograd;
mod winograd_forward;
mod winograd_weight;

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use extension::ConvolutionOps;

/// The convolution of `x = [n, c, h, w]` by `weight = [o, c, kh, kw]`, the same stride and zero
/// padding both ways, plus `bias = [o]`: `[n, o, (h + 2 padding - kh) / stride + 1, …]`.
///
/// # Panics
/// As Burn's own, when the shapes do not fit each other.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: usize,
) -> Tensor<4> {
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(match bias {
        Some(bias) => Dispatch::biased_convolution(x, weight, bias.into_dispatch(), stride, padding),
        None => Dispatch::convolution(x, weight, stride, padding),
    })
}

/// The transposed convolution of `x = [n, i, h, w]` by `weight = [i, o, 2, 2]` with stride 2:
/// `[n, o, 2 h, 2 w]`.
///
/// # Panics
/// As Burn's own, when the shapes do not fit each other.
pub fn conv_transpose2x2(x: Tensor<4>, weight: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::transposed_2x2(x.into_dispatch(), weight.into_dispatch()))
}

/// Batch normalization of `x = [n, c, h, w]` by the statistics of the batch itself:
/// `gamma (x - mean) / sqrt(variance + epsilon) + beta`, with the mean and the biased variance of
/// each channel. The gradient reaches `x`, `gamma` and `beta`; the statistics carry none.
pub fn batch_norm(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
    let (y, mean, variance) = Dispatch::batch_statistics_norm(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
    );
    (Tensor::from_dispatch(y), Tensor::from_dispatch(mean), Tensor::from_dispatch(variance))
}

/// Maximum over 3x3 neighborhoods with stride 2 and one pixel of padding, the pooling of a ResNet's
/// stem: `[n, c, h, w]` to `[n, c, ceil(h / 2), ceil(w / 2)]`. The gradient goes to the first of the
/// largest pixels.
pub fn max_pool3x3(x: Tensor<4>) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::max_pool_3x3(x.into_dispatch()))
}
