//! The compact trunk in training: ResNet-18 from the stem to layer 3 with half the features, and one 1x1 projection per
//! level to the width of the network it learns from.
//!
//! There is no batch normalization: the large network has its own folded in, the first weights are fitted to that
//! network (`prune`), and a network that normalizes with the statistics of a few pictures cannot reproduce the features
//! of one that does not.
//!
//! All weights are in one flat vector, so that an optimizer step, an average or a checkpoint takes a few operations
//! instead of a dozen for each of some forty tensors, whose launches on a GPU would cost more than the arithmetic.

use super::prune::Pruned;
use super::standardize::numbers;
use crate::Result;
use crate::convolution::{conv2d, max_pool3x3};
use crate::teacher::{Backbone, FoldedConv, Teacher};
use burn::tensor::{Gradients, Tensor, activation::relu};

/// A convolution with bias.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Torchvision's name of the convolution; projections are `projection1` to `projection3`.
    pub name: String,
    /// Channels in.
    pub input: usize,
    /// Channels out.
    pub output: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step in pixels.
    pub stride: usize,
    /// The level whose residual stream it reads, if any.
    pub reads: Option<usize>,
    /// The level whose residual stream it writes, if any.
    pub writes: Option<usize>,
    /// Where its weight starts in the flat vector; the bias follows.
    pub start: usize,
}

impl Unit {
    /// How many numbers the weight has.
    pub fn weight_len(&self) -> usize {
        self.output * self.input * self.kernel * self.kernel
    }
}

/// The layout of the flat vector.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Stem; then for each block the first, the second and (if the shape changes) the shortcut convolution;
    /// then three projections, used only in training.
    pub units: Vec<Unit>,
    /// Length of the flat weights.
    pub weights: usize,
}

impl Layout {
    /// The compact trunk, learning from levels of `target` channels.
    pub fn new(target: [usize; 3]) -> Self {
        let compact = Backbone::Compact;
        let mut layout = Self { units: Vec::new(), weights: 0 };
        layout.add("conv1".into(), [3, compact.stem()], 7, 2, [None, Some(0)]);
        let (mut input, mut from) = (compact.stem(), 0);
        for (level, output) in compact.channels().into_iter().enumerate() {
            let inner = compact.inner()[level];
            for block in 0..compact.blocks()[level] {
                let stride = if block == 0 && level > 0 { 2 } else { 1 };
                let prefix = format!("layer{}.{block}", level + 1);
                layout.add(format!("{prefix}.conv1"), [input, inner], 3, stride, [Some(from), None]);
                layout.add(format!("{prefix}.conv2"), [inner, output], 3, 1, [None, Some(level)]);
                if stride != 1 || input != output {
                    let streams = [Some(from), Some(level)];
                    layout.add(format!("{prefix}.downsample.0"), [input, output], 1, stride, streams);
                }
                (input, from) = (output, level);
            }
        }
        for (level, (input, output)) in compact.channels().into_iter().zip(target).enumerate() {
            layout.add(format!("projection{}", level + 1), [input, output], 1, 1, [Some(level), None]);
        }
        layout
    }

    fn add(
        &mut self,
        name: String,
        [input, output]: [usize; 2],
        kernel: usize,
        stride: usize,
        [reads, writes]: [Option<usize>; 2],
    ) {
        let unit = Unit { name, input, output, kernel, stride, reads, writes, start: self.weights };
        self.weights += unit.weight_len() + output;
        self.units.push(unit);
    }

    /// The units that are part of the trunk.
    pub fn trunk(&self) -> &[Unit] {
        &self.units[..self.units.len() - 3]
    }

    /// The flat weights of a pruned network of these shapes, with projections that give features standardized
    /// by `standard` (mean and deviation of every channel, level by level).
    ///
    /// # Errors
    /// The device fails.
    pub fn first_weights(&self, pruned: Pruned, standard: &[(Vec<f32>, Vec<f32>); 3]) -> Result<Vec<f32>> {
        let mut flat = Vec::with_capacity(self.weights);
        let compact =
            Teacher { backbone: Backbone::Compact, trunk: pruned.trunk, fingerprint: String::new() };
        let mut push = |weight: &Tensor<4>, bias: &Tensor<1>| -> Result<()> {
            flat.extend(numbers(&weight.clone().reshape([weight.shape().num_elements()]))?);
            flat.extend(numbers(bias)?);
            Ok(())
        };
        for (_, weight, bias) in compact.weights() {
            push(&weight, &bias)?;
        }
        for (FoldedConv { weight, bias, .. }, (mean, deviation)) in pruned.expansions.iter().zip(standard) {
            let device = bias.device();
            let deviation = Tensor::<1>::from_floats(deviation.as_slice(), &device);
            let mean = Tensor::<1>::from_floats(mean.as_slice(), &device);
            let bias = (bias.clone() - mean) / deviation.clone();
            push(&(weight.clone() / deviation.reshape([-1, 1, 1, 1])), &bias)?;
        }
        assert_eq!(flat.len(), self.weights, "the pruned network has the shapes of the layout");
        Ok(flat)
    }
}

/// The flat weights split into tensors.
pub struct CompactTrunk<'a> {
    layout: &'a Layout,
    units: Vec<(Tensor<4>, Tensor<1>)>,
}

impl<'a> CompactTrunk<'a> {
    /// Splits the flat `weights` (plain device); with `learn`, the pieces are leaves of the gradient graph.
    pub fn new(layout: &'a Layout, weights: &Tensor<1>, learn: bool) -> Self {
        fn leaf<const D: usize>(tensor: Tensor<D>, learn: bool) -> Tensor<D> {
            if learn { tensor.autodiff().require_grad() } else { tensor }
        }
        let cut = |start: usize, length: usize| weights.clone().narrow(0, start, length);
        let units = layout.units.iter().map(|unit| {
            let weight = cut(unit.start, unit.weight_len());
            let weight = weight.reshape([unit.output, unit.input, unit.kernel, unit.kernel]);
            (leaf(weight, learn), leaf(cut(unit.start + unit.weight_len(), unit.output), learn))
        });
        Self { layout, units: units.collect() }
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
        let parts =
            self.units.iter().flat_map(|(weight, bias)| [flat(weight, gradients), flat(bias, gradients)]);
        Tensor::cat(parts.collect(), 0)
    }

    fn unit(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let (unit, (weight, bias)) = (&self.layout.units[index], &self.units[index]);
        conv2d(x, weight.clone(), Some(bias.clone()), unit.stride, unit.kernel / 2)
    }

    /// `[B, 3, H, W]`, ImageNet-normalized, to the three levels `[B, 32 | 64 | 128, H / 2^(k+1), W / 2^(k+1)]`.
    pub fn features(&self, x: Tensor<4>) -> [Tensor<4>; 3] {
        let mut x = max_pool3x3(relu(self.unit(0, x)));
        let mut next = 1;
        [0, 1, 2].map(|level| {
            for _ in 0..Backbone::Compact.blocks()[level] {
                let (first, second) = (next, next + 1);
                next += 2;
                let shortcut = self.layout.units[next].name.ends_with("downsample.0");
                let y = relu(self.unit(first, x.clone()));
                let y = self.unit(second, y);
                if shortcut {
                    x = self.unit(next, x.clone());
                    next += 1;
                }
                x = relu(y + x.clone());
            }
            x.clone()
        })
    }

    /// Features of level `level` (0 to 2) at the width of the network it learns from.
    pub fn project(&self, level: usize, x: Tensor<4>) -> Tensor<4> {
        self.unit(self.layout.units.len() - 3 + level, x)
    }
}
