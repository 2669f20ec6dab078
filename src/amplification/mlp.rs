//! The 1x1-convolution MLPs of gate and generator, as matrix products over positions (method.md 2.1).

use crate::normal::normal;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation::relu};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A 1x1 convolution on rows `[M, in]`: `x W + b`.
#[derive(Module, Debug)]
pub struct Pointwise {
    /// `[in, out]`, the transpose of the convolution's.
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Pointwise {
    /// Kaiming-normal over the fan-out, `std = sqrt(2 / out)`; bias uniform in `+-1 / sqrt(in)`.
    fn new(input: usize, output: usize, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let std = (2.0 / output as f64).sqrt();
        let weight: Vec<f32> = (0..input * output).map(|_| (normal(rng) * std) as f32).collect();
        let bound = 1.0 / (input as f32).sqrt();
        let bias: Vec<f32> = (0..output).map(|_| rng.random_range(-bound..bound)).collect();
        let param = |data| Tensor::from_data(data, device);
        Self {
            weight: Param::from_tensor(param(TensorData::new(weight, [input, output]))),
            bias: Param::from_tensor(Tensor::from_data(TensorData::new(bias, [output]), device)),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        x.matmul(self.weight.val()) + self.bias.val().unsqueeze()
    }
}

/// `C -> h -> h -> C` with ReLU between and `h = min(2C, 1024)`.
#[derive(Module, Debug)]
pub struct Mlp {
    conv1: Pointwise,
    conv2: Pointwise,
    conv3: Pointwise,
}

impl Mlp {
    /// Freshly initialized for `channels`.
    pub fn new(channels: usize, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let hidden = (2 * channels).min(1024);
        Self {
            conv1: Pointwise::new(channels, hidden, rng, device),
            conv2: Pointwise::new(hidden, hidden, rng, device),
            conv3: Pointwise::new(hidden, channels, rng, device),
        }
    }

    /// `[M, C]` to `[M, C]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = relu(self.conv1.forward(x));
        self.conv3.forward(relu(self.conv2.forward(x)))
    }
}
