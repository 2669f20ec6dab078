//! The operations as an extension of Burn's backends. The default bodies call Burn's own operations; flex, the CPU
//! backend, overrides them with the kernels of this module.

use burn::backend::ops::{ConvOptions, ConvTransposeOptions};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};
use burn::tensor::IntDType;

/// The operations that training a convolutional network needs from a backend.
#[cfg_attr(feature = "burn-wgpu", backend_extension(Flex, Cube, Autodiff))]
#[cfg_attr(not(feature = "burn-wgpu"), backend_extension(Flex, Autodiff))]
pub trait ConvolutionOps: Backend {
    /// `Y = W * X`; shapes `[n, c, h, w]`, `[o, c, kh, kw]`.
    fn convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        Self::conv2d(x, weight, None, options(stride, padding))
    }

    /// `Y = W * X + b`; the shape of the bias is `[o]`.
    fn biased_convolution(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        Self::conv2d(x, weight, Some(bias), options(stride, padding))
    }

    /// The gradient of `x`, given the output's.
    fn convolution_x_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        Self::conv2d_x_backward(x, weight, dy, options(stride, padding))
    }

    /// The gradient of `weight`, given the output's.
    fn convolution_weight_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        Self::conv2d_weight_backward(x, weight, dy, options(stride, padding))
    }

    /// The gradient of `bias`, given the output's.
    fn convolution_bias_backward(
        x: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::conv2d_bias_backward(x, bias, dy)
    }

    /// The transposed convolution of `[n, i, h, w]` by `[i, o, 2, 2]` with stride 2.
    fn transposed_2x2(x: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::conv_transpose2d(x, weight, None, transposed_options())
    }

    /// The gradient of its `x`.
    fn transposed_2x2_x_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let _ = x;
        Self::conv_transpose2d_x_backward(weight, dy, transposed_options())
    }

    /// The gradient of its `weight`.
    fn transposed_2x2_weight_backward(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        dy: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::conv_transpose2d_weight_backward(x, weight, dy, transposed_options())
    }

    /// The batch normalized by its own statistics, its mean and its biased variance.
    fn batch_statistics_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let result = Self::batch_norm_train(x, gamma, beta, epsilon);
        (result.output, result.mean, result.variance)
    }

    /// Maximum over 3x3 neighborhoods, stride 2, padding 1.
    fn max_pool_3x3(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::max_pool2d(x, [3, 3], [2, 2], [1, 1], [1, 1], false)
    }

    /// The gradient of its `x`.
    fn max_pool_3x3_backward(x: FloatTensor<Self>, dy: FloatTensor<Self>) -> FloatTensor<Self> {
        burns_max_pool_backward::<Self>(x, dy)
    }

    /// The gradients of `x`, `gamma` and `beta`.
    fn batch_statistics_norm_backward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        epsilon: f64,
        dy: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let result = Self::batch_norm_train_backward(x, gamma, mean, variance, epsilon, dy);
        (result.x_grad, result.gamma_grad, result.beta_grad)
    }
}

#[cfg(feature = "burn-wgpu")]
impl ConvolutionOps for burn::backend::Cube {}

/// Burn's description of a convolution without groups or dilation.
pub(super) fn options(stride: usize, padding: usize) -> ConvOptions<2> {
    ConvOptions::new([stride, stride], [padding, padding], [1, 1], 1)
}

/// Burn's description of the transposed convolution that doubles height and width.
pub(super) fn transposed_options() -> ConvTransposeOptions<2> {
    ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1)
}

/// Burn's gradient takes the indices of the maxima, which are found again here.
pub(super) fn burns_max_pool_backward<B: Backend>(x: FloatTensor<B>, dy: FloatTensor<B>) -> FloatTensor<B> {
    let (kernel, stride, padding, dilation) = ([3, 3], [2, 2], [1, 1], [1, 1]);
    let indices =
        B::max_pool2d_with_indices(x.clone(), kernel, stride, padding, dilation, false, IntDType::I32)
            .indices;
    B::max_pool2d_with_indices_backward(x, kernel, stride, padding, dilation, false, dy, indices).x_grad
}
