//! The kernels of this module on the tensors of Burn's CPU backend (flex).

use super::batch_norm::{self, Extent};
use super::extension::{ConvolutionOps, burns_max_pool_backward, options, transposed_options};
use super::geometry::Geometry;
use super::max_pool;
use super::{data_gradient as plain_data, forward as plain, weight_gradient as plain_weight};
use super::{winograd, winograd_forward, winograd_weight};
use burn::backend::Flex;
use burn::backend::ops::ModuleOps;
use burn::tensor::{DType, TensorData};
use burn_flex::FlexTensor;

impl ConvolutionOps for Flex {
    fn convolution(x: FlexTensor, weight: FlexTensor, stride: usize, padding: usize) -> FlexTensor {
        convolve(x, weight, None, stride, padding)
    }

    fn biased_convolution(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        stride: usize,
        padding: usize,
    ) -> FlexTensor {
        convolve(x, weight, Some(bias), stride, padding)
    }

    fn convolution_x_backward(
        x: FlexTensor,
        weight: FlexTensor,
        dy: FlexTensor,
        stride: usize,
        padding: usize,
    ) -> FlexTensor {
        if !single([&x, &weight]) {
            return Self::conv2d_x_backward(x, weight, dy, options(stride, padding));
        }
        let (weight, dy) = (Picture::of(weight), Picture::of(dy));
        let g = Geometry::new(x.layout().shape().dims(), weight.shape, stride, padding);
        let dx = data_gradient(&g, weight.values(), dy.values());
        tensor(dx, [g.batch, g.inputs, g.height, g.width])
    }

    fn convolution_weight_backward(
        x: FlexTensor,
        weight: FlexTensor,
        dy: FlexTensor,
        stride: usize,
        padding: usize,
    ) -> FlexTensor {
        if !single([&x, &weight]) {
            return Self::conv2d_weight_backward(x, weight, dy, options(stride, padding));
        }
        let shape = weight.layout().shape().dims();
        let (x, dy) = (Picture::of(x), Picture::of(dy));
        let g = Geometry::new(x.shape, shape, stride, padding);
        tensor(weight_gradient(&g, x.values(), dy.values()), shape)
    }

    fn convolution_bias_backward(x: FlexTensor, bias: FlexTensor, dy: FlexTensor) -> FlexTensor {
        if !single([&x, &dy]) {
            return Self::conv2d_bias_backward(x, bias, dy);
        }
        let dy = Picture::of(dy);
        let e = dy.extent();
        tensor(batch_norm::channel_sums(e, dy.values()), [e.channels])
    }

    fn transposed_2x2(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
        if !single([&x, &weight]) {
            return Self::conv_transpose2d(x, weight, None, transposed_options());
        }
        let (x, weight) = (Picture::of(x), Picture::of(weight));
        let g = Geometry::of_transposed_2x2(x.shape, weight.shape);
        let y = data_gradient(&g, weight.values(), x.values());
        tensor(y, [g.batch, g.inputs, g.height, g.width])
    }

    fn transposed_2x2_x_backward(x: FlexTensor, weight: FlexTensor, dy: FlexTensor) -> FlexTensor {
        if !single([&x, &weight]) {
            return Self::conv_transpose2d_x_backward(weight, dy, transposed_options());
        }
        let (weight, dy) = (Picture::of(weight), Picture::of(dy));
        let shape = x.layout().shape().dims();
        let g = Geometry::of_transposed_2x2(shape, weight.shape);
        tensor(forward(&g, dy.values(), weight.values(), None), shape)
    }

    fn transposed_2x2_weight_backward(x: FlexTensor, weight: FlexTensor, dy: FlexTensor) -> FlexTensor {
        if !single([&x, &weight]) {
            return Self::conv_transpose2d_weight_backward(x, weight, dy, transposed_options());
        }
        let shape = weight.layout().shape().dims();
        let (x, dy) = (Picture::of(x), Picture::of(dy));
        let g = Geometry::of_transposed_2x2(x.shape, shape);
        tensor(weight_gradient(&g, dy.values(), x.values()), shape)
    }

    fn max_pool_3x3(x: FlexTensor) -> FlexTensor {
        if !single([&x]) {
            return Self::max_pool2d(x, [3, 3], [2, 2], [1, 1], [1, 1], false);
        }
        let x = Picture::of(x);
        let [batch, channels, height, width] = x.shape;
        let y = max_pool::forward(x.values(), batch * channels, [height, width]);
        let [height, width] = max_pool::pooled([height, width]);
        tensor(y, [batch, channels, height, width])
    }

    fn max_pool_3x3_backward(x: FlexTensor, dy: FlexTensor) -> FlexTensor {
        if !single([&x, &dy]) {
            return burns_max_pool_backward::<Self>(x, dy);
        }
        let (x, dy) = (Picture::of(x), Picture::of(dy));
        let [batch, channels, height, width] = x.shape;
        let planes = batch * channels;
        let dx = max_pool::backward(x.values(), dy.values(), planes, [height, width]);
        tensor(dx, x.shape)
    }

    fn batch_statistics_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        if !single([&x, &gamma]) {
            let result = Self::batch_norm_train(x, gamma, beta, epsilon);
            return (result.output, result.mean, result.variance);
        }
        let x = Picture::of(x);
        let (gamma, beta) = (gamma.to_contiguous(), beta.to_contiguous());
        let e = x.extent();
        let result = batch_norm::forward(e, x.values(), values(&gamma), values(&beta), epsilon);
        (
            tensor(result.output, x.shape),
            tensor(result.mean, [e.channels]),
            tensor(result.variance, [e.channels]),
        )
    }

    fn batch_statistics_norm_backward(
        x: FlexTensor,
        gamma: FlexTensor,
        mean: FlexTensor,
        variance: FlexTensor,
        epsilon: f64,
        dy: FlexTensor,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        if !single([&x, &gamma]) {
            let result = Self::batch_norm_train_backward(x, gamma, mean, variance, epsilon, dy);
            return (result.x_grad, result.gamma_grad, result.beta_grad);
        }
        let (x, dy) = (Picture::of(x), Picture::of(dy));
        let (gamma, mean) = (gamma.to_contiguous(), mean.to_contiguous());
        let variance = variance.to_contiguous();
        let e = x.extent();
        let statistics = [values(&mean), values(&variance)];
        let gradients = batch_norm::backward(e, x.values(), values(&gamma), statistics, epsilon, dy.values());
        (
            tensor(gradients.x, x.shape),
            tensor(gradients.gamma, [e.channels]),
            tensor(gradients.beta, [e.channels]),
        )
    }
}

/// The convolution by the algorithm that suits the shapes.
fn forward(g: &Geometry, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    if winograd::suits(g) {
        winograd_forward::forward(g, x, weight, bias)
    } else {
        plain::forward(g, x, weight, bias)
    }
}

/// The gradient of the input by the algorithm that suits the shapes.
fn data_gradient(g: &Geometry, weight: &[f32], dy: &[f32]) -> Vec<f32> {
    if winograd::suits(g) {
        winograd_forward::data_gradient(g, weight, dy)
    } else {
        plain_data::data_gradient(g, weight, dy)
    }
}

/// The gradient of the kernel by the algorithm that suits the shapes.
fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    if winograd::suits(g) {
        winograd_weight::weight_gradient(g, x, dy)
    } else {
        plain_weight::weight_gradient(g, x, dy)
    }
}

fn convolve(
    x: FlexTensor,
    weight: FlexTensor,
    bias: Option<FlexTensor>,
    stride: usize,
    padding: usize,
) -> FlexTensor {
    if !single([&x, &weight]) {
        return Flex::conv2d(x, weight, bias, options(stride, padding));
    }
    let (x, weight) = (Picture::of(x), Picture::of(weight));
    let g = Geometry::new(x.shape, weight.shape, stride, padding);
    let bias = bias.map(|b| b.to_contiguous());
    let bias = bias.as_ref().map(values);
    if let Some(bias) = bias {
        assert_eq!(bias.len(), g.outputs, "convolution: the length of the bias");
    }
    let y = forward(&g, x.values(), weight.values(), bias);
    tensor(y, [g.batch, g.outputs, g.out_height, g.out_width])
}

/// A contiguous tensor of rank four.
struct Picture {
    tensor: FlexTensor,
    shape: [usize; 4],
}

impl Picture {
    fn of(tensor: FlexTensor) -> Self {
        let tensor = tensor.to_contiguous();
        let shape = tensor.layout().shape().dims();
        Self { tensor, shape }
    }

    fn values(&self) -> &[f32] {
        values(&self.tensor)
    }

    fn extent(&self) -> Extent {
        let [batch, channels, height, width] = self.shape;
        Extent { batch, channels, pixels: height * width }
    }
}

/// Whether all tensors have single precision, the only one the kernels compute in; anything else is left to
/// Burn.
fn single<const N: usize>(tensors: [&FlexTensor; N]) -> bool {
    tensors.iter().all(|t| t.dtype() == DType::F32)
}

/// The numbers of a contiguous tensor of single precision.
fn values(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("a contiguous tensor of single precision")
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
