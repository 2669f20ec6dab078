//! The student's building blocks (method.md 4.1, 4.2): residual blocks that keep, halve or double the size.

use super::norm::Norm;
use crate::convolution::{conv_transpose2x2, conv2d};
use crate::normal::normal;
use crate::teacher::BlockKind;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation::relu};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A convolution without bias; batch normalization always follows.
#[derive(Module, Debug)]
pub struct Conv {
    weight: Param<Tensor<4>>,
    stride: usize,
}

impl Conv {
    /// Kaiming-normal over the fan-out: `std = sqrt(2 / (out k k))`.
    pub fn new(
        [input, output, kernel]: [usize; 3],
        stride: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let std = (2.0 / (output * kernel * kernel) as f64).sqrt();
        let count = output * input * kernel * kernel;
        let values: Vec<f32> = (0..count).map(|_| (normal(rng) * std) as f32).collect();
        let data = TensorData::new(values, [output, input, kernel, kernel]);
        Self { weight: Param::from_tensor(Tensor::from_data(data, device)), stride }
    }

    /// `[B, I, H, W]` to `[B, O, H / stride, W / stride]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let weight = self.weight.val();
        let padding = weight.dims()[2] / 2;
        conv2d(x, weight, None, self.stride, padding)
    }
}

/// A 2x2 transposed convolution of stride 2, without bias.
#[derive(Module, Debug)]
pub struct Deconv {
    weight: Param<Tensor<4>>,
}

impl Deconv {
    /// PyTorch's default for transposed convolutions: uniform in `+-1 / sqrt(4 out)` (method.md 4.2).
    pub fn new([input, output]: [usize; 2], rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let bound = 1.0 / (4.0 * output as f32).sqrt();
        let values: Vec<f32> = (0..input * output * 4).map(|_| rng.random_range(-bound..bound)).collect();
        let data = TensorData::new(values, [input, output, 2, 2]);
        Self { weight: Param::from_tensor(Tensor::from_data(data, device)) }
    }

    /// `[B, I, H, W]` to `[B, O, 2H, 2W]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        conv_transpose2x2(x, self.weight.val())
    }
}

/// How a block changes height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Not changed.
    Keep,
    /// Halved, with a stride.
    Halve,
    /// Doubled, with a transposed convolution.
    Double,
}

/// If a block changes the shape, its shortcut is a 1x1 convolution (or a transposed one) and a norm.
#[derive(Module, Debug)]
pub struct Shortcut {
    conv: Option<Conv>,
    deconv: Option<Deconv>,
    bn: Norm,
}

/// A residual block. Basic: `conv1` 3x3 (or `deconv`), `conv2` 3x3. Bottleneck: `conv1` 1x1, `conv2` 3x3
/// (or `deconv`), `conv3` 1x1. Each followed by its `bn`.
#[derive(Module, Debug)]
pub struct Block {
    conv1: Option<Conv>,
    deconv: Option<Deconv>,
    bn1: Norm,
    conv2: Option<Conv>,
    bn2: Norm,
    conv3: Option<Conv>,
    bn3: Option<Norm>,
    shortcut: Option<Shortcut>,
}

impl Block {
    /// A block of the given kind from `input` through `inner` (bottleneck only) to `output` channels.
    pub fn new(
        kind: BlockKind,
        [input, inner, output]: [usize; 3],
        scale: Scale,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let double = scale == Scale::Double;
        let stride = if scale == Scale::Halve { 2 } else { 1 };
        let bottleneck = kind == BlockKind::Bottleneck;
        let [first, middle] = if bottleneck { [inner, inner] } else { [output, input] };
        let conv1 = match kind {
            BlockKind::Bottleneck => Some(Conv::new([input, inner, 1], 1, rng, device)),
            BlockKind::Basic if double => None,
            BlockKind::Basic => Some(Conv::new([input, output, 3], stride, rng, device)),
        };
        let deconv = double.then(|| Deconv::new([middle, first], rng, device));
        let conv2 = match kind {
            BlockKind::Bottleneck if double => None,
            BlockKind::Bottleneck => Some(Conv::new([inner, inner, 3], stride, rng, device)),
            BlockKind::Basic => Some(Conv::new([output, output, 3], 1, rng, device)),
        };
        let conv3 = bottleneck.then(|| Conv::new([inner, output, 1], 1, rng, device));
        let shortcut = (scale != Scale::Keep || input != output).then(|| Shortcut {
            conv: (!double).then(|| Conv::new([input, output, 1], stride, rng, device)),
            deconv: double.then(|| Deconv::new([input, output], rng, device)),
            bn: Norm::new(output, device),
        });
        Self {
            conv1,
            deconv,
            bn1: Norm::new(first, device),
            conv2,
            bn2: Norm::new(first, device),
            conv3,
            bn3: bottleneck.then(|| Norm::new(output, device)),
            shortcut,
        }
    }

    /// `relu(body(x) + shortcut(x))`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = match &self.shortcut {
            Some(shortcut) => {
                let y = apply_deconv(&shortcut.deconv, apply(&shortcut.conv, x.clone()));
                shortcut.bn.forward(y)
            }
            None => x.clone(),
        };
        let y = match (&self.conv3, &self.bn3) {
            (Some(conv3), Some(bn3)) => {
                let y = relu(self.bn1.forward(apply(&self.conv1, x)));
                let y = apply_deconv(&self.deconv, apply(&self.conv2, y));
                bn3.forward(conv3.forward(relu(self.bn2.forward(y))))
            }
            _ => {
                let y = apply_deconv(&self.deconv, apply(&self.conv1, x));
                let y = relu(self.bn1.forward(y));
                self.bn2.forward(apply(&self.conv2, y))
            }
        };
        relu(y + shortcut)
    }
}

fn apply(conv: &Option<Conv>, x: Tensor<4>) -> Tensor<4> {
    match conv {
        Some(conv) => conv.forward(x),
        None => x,
    }
}

fn apply_deconv(deconv: &Option<Deconv>, x: Tensor<4>) -> Tensor<4> {
    match deconv {
        Some(deconv) => deconv.forward(x),
        None => x,
    }
}
