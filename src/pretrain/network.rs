//! The compact trunk while it learns: ResNet-18 from the stem to layer 3 at half width, with batch
//! normalisation, and one 1x1 projection per level to the width of the network it learns from.
//!
//! All weights lie in one flat vector, so that an optimiser step, an average or a checkpoint is a handful of
//! operations instead of a dozen for each of some sixty tensors: on a GPU the launches would cost more than
//! the arithmetic.

use crate::teacher::{Backbone, normal};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Gradients, Tensor, activation::relu, module};
use rand_chacha::ChaCha8Rng;

/// Batch normalisation's epsilon, as torchvision's.
pub const EPSILON: f64 = 1e-5;

/// A convolution without bias, and the batch normalisation after it.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Torchvision's name of the convolution.
    pub name: String,
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step in pixels.
    pub stride: usize,
    /// Where its weight starts in the flat vector; gamma and beta follow.
    pub start: usize,
    /// Where its running mean starts in the flat statistics; the variance follows.
    pub statistics: usize,
}

impl Unit {
    /// How many numbers the weight has.
    pub fn weight_len(&self) -> usize {
        self.output * self.input * self.kernel * self.kernel
    }
}

/// A 1x1 convolution with bias, used in training only.
#[derive(Clone, Copy, Debug)]
pub struct Projection {
    /// Channels of the compact trunk.
    pub input: usize,
    /// Channels of the network it learns from.
    pub output: usize,
    /// Where its weight starts in the flat vector; the bias follows.
    pub start: usize,
}

/// Which number of the flat vectors belongs to what.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Stem, then per block: first, second and (where the shape changes) shortcut convolution.
    pub units: Vec<Unit>,
    /// One per level.
    pub projections: [Projection; 3],
    /// Length of the flat weights.
    pub weights: usize,
    /// Length of the flat running statistics.
    pub statistics: usize,
}

impl Layout {
    /// The compact trunk, learning from a network with `target` channels at its three levels.
    pub fn new(target: [usize; 3]) -> Self {
        let compact = Backbone::Compact;
        let mut layout = Self {
            units: Vec::new(),
            projections: [Projection { input: 0, output: 0, start: 0 }; 3],
            weights: 0,
            statistics: 0,
        };
        layout.add("conv1".into(), compact.stem(), 3, 7, 2);
        let mut input = compact.stem();
        for (level, output) in compact.channels().into_iter().enumerate() {
            for block in 0..compact.blocks()[level] {
                let stride = if block == 0 && level > 0 { 2 } else { 1 };
                let prefix = format!("layer{}.{block}", level + 1);
                layout.add(format!("{prefix}.conv1"), output, input, 3, stride);
                layout.add(format!("{prefix}.conv2"), output, output, 3, 1);
                if stride != 1 || input != output {
                    layout.add(format!("{prefix}.downsample.0"), output, input, 1, stride);
                }
                input = output;
            }
        }
        for ((slot, input), output) in layout.projections.iter_mut().zip(compact.channels()).zip(target) {
            *slot = Projection { input, output, start: layout.weights };
            layout.weights += (input + 1) * output;
        }
        layout
    }

    fn add(&mut self, name: String, output: usize, input: usize, kernel: usize, stride: usize) {
        let unit =
            Unit { name, input, output, kernel, stride, start: self.weights, statistics: self.statistics };
        self.weights += unit.weight_len() + 2 * output;
        self.statistics += 2 * output;
        self.units.push(unit);
    }

    /// He-initialised convolutions (fan-out), gamma 1, beta 0; projections small, so that
    /// the first guess is the mean.
    pub fn initial_weights(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let mut weights = vec![0.0; self.weights];
        for unit in &self.units {
            let std = (2.0 / (unit.output * unit.kernel * unit.kernel) as f64).sqrt();
            let (filter, rest) = weights[unit.start..].split_at_mut(unit.weight_len());
            filter.iter_mut().for_each(|w| *w = (normal(rng) * std) as f32);
            rest[..unit.output].fill(1.0);
        }
        for projection in &self.projections {
            let std = 0.1 / (projection.input as f64).sqrt();
            weights[projection.start..][..projection.input * projection.output]
                .iter_mut()
                .for_each(|w| *w = (normal(rng) * std) as f32);
        }
        weights
    }

    /// Running mean 0 and variance 1.
    pub fn initial_statistics(&self) -> Vec<f32> {
        let mut statistics = vec![0.0; self.statistics];
        for unit in &self.units {
            statistics[unit.statistics + unit.output..][..unit.output].fill(1.0);
        }
        statistics
    }
}

/// Which statistics batch normalisation uses.
pub enum Normalisation<'a> {
    /// Those of the batch, which are noted down: mean and variance of every unit in turn.
    Batch(&'a mut Vec<Tensor<1>>),
    /// The running ones, flat.
    Running(&'a Tensor<1>),
}

/// The flat weights cut into tensors.
pub struct Network<'a> {
    layout: &'a Layout,
    units: Vec<(Tensor<4>, Tensor<1>, Tensor<1>)>,
    projections: Vec<(Tensor<4>, Tensor<1>)>,
}

impl<'a> Network<'a> {
    /// Cuts the flat `weights` (plain device); with `learn`, the pieces are leaves of the gradient graph.
    pub fn new(layout: &'a Layout, weights: &Tensor<1>, learn: bool) -> Self {
        fn leaf<const D: usize>(tensor: Tensor<D>, learn: bool) -> Tensor<D> {
            if learn { tensor.autodiff().require_grad() } else { tensor }
        }
        let cut = |start: usize, length: usize| weights.clone().narrow(0, start, length);
        let units = layout.units.iter().map(|unit| {
            let gamma = unit.start + unit.weight_len();
            let weight = cut(unit.start, unit.weight_len());
            let weight = weight.reshape([unit.output, unit.input, unit.kernel, unit.kernel]);
            (
                leaf(weight, learn),
                leaf(cut(gamma, unit.output), learn),
                leaf(cut(gamma + unit.output, unit.output), learn),
            )
        });
        let projections = layout.projections.iter().map(|p| {
            let weight = cut(p.start, p.input * p.output).reshape([p.output, p.input, 1, 1]);
            (leaf(weight, learn), leaf(cut(p.start + p.input * p.output, p.output), learn))
        });
        Self { layout, units: units.collect(), projections: projections.collect() }
    }

    /// The gradients of all leaves, flat, in the order of the weights.
    pub fn gradient(&self, gradients: &Gradients) -> Tensor<1> {
        fn flat<const D: usize>(leaf: &Tensor<D>, gradients: &Gradients) -> Tensor<1> {
            let count = leaf.shape().num_elements();
            match leaf.grad(gradients) {
                Some(gradient) => gradient.reshape([count]),
                None => Tensor::zeros([count], &leaf.device().without_autodiff()),
            }
        }
        let mut parts = Vec::with_capacity(3 * self.units.len() + 2 * self.projections.len());
        for (weight, gamma, beta) in &self.units {
            parts.extend([flat(weight, gradients), flat(gamma, gradients), flat(beta, gradients)]);
        }
        for (weight, bias) in &self.projections {
            parts.extend([flat(weight, gradients), flat(bias, gradients)]);
        }
        Tensor::cat(parts, 0)
    }

    fn unit(&self, index: usize, x: Tensor<4>, norm: &mut Normalisation<'_>) -> Tensor<4> {
        let (unit, (weight, gamma, beta)) = (&self.layout.units[index], &self.units[index]);
        let (stride, padding) = ([unit.stride; 2], [unit.kernel / 2; 2]);
        let y = module::conv2d(x, weight.clone(), None, ConvOptions::new(stride, padding, [1, 1], 1));
        match norm {
            Normalisation::Batch(noted) => {
                let result = module::batch_norm_train(y, gamma.clone(), beta.clone(), EPSILON);
                noted.extend([result.mean.inner(), result.variance.inner()]);
                result.output
            }
            Normalisation::Running(flat) => {
                let cut = |start: usize| flat.clone().narrow(0, start, unit.output);
                let (mean, variance) = (cut(unit.statistics), cut(unit.statistics + unit.output));
                module::batch_norm(y, gamma.clone(), beta.clone(), mean, variance, EPSILON)
            }
        }
    }

    /// `[B, 3, H, W]`, ImageNet-normalised, to the three levels `[B, 32 | 64 | 128, H / 2^(k+1), W / 2^(k+1)]`.
    pub fn features(&self, x: Tensor<4>, norm: &mut Normalisation<'_>) -> [Tensor<4>; 3] {
        let pool = MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]);
        let mut x = module::max_pool2d(relu(self.unit(0, x, norm)), pool);
        let mut next = 1;
        [0, 1, 2].map(|level| {
            for _ in 0..Backbone::Compact.blocks()[level] {
                let (first, second) = (next, next + 1);
                next += 2;
                let units = &self.layout.units;
                let shortcut = units.get(next).is_some_and(|unit| unit.name.ends_with("downsample.0"));
                let y = relu(self.unit(first, x.clone(), norm));
                let y = self.unit(second, y, norm);
                if shortcut {
                    x = self.unit(next, x.clone(), norm);
                    next += 1;
                }
                x = relu(y + x.clone());
            }
            x.clone()
        })
    }

    /// Features of level `level` (0 to 2) at the width of the network it learns from.
    pub fn project(&self, level: usize, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = &self.projections[level];
        let options = ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
        module::conv2d(x, weight.clone(), Some(bias.clone()), options)
    }
}
