//! The one-class bottleneck: multi-scale block fusion (MBF) and one-class embedding (OCE), method.md 4.1.

use super::block::{Block, Conv, Scale};
use super::norm::Norm;
use crate::teacher::Backbone;
use burn::module::Module;
use burn::tensor::{Device, Tensor, activation::relu};
use rand_chacha::ChaCha8Rng;

/// Reduces level 1 to the size and width of level 3: two 3x3 convolutions of stride 2.
#[derive(Module, Debug)]
pub struct FuseLevel1 {
    conv1: Conv,
    bn1: Norm,
    conv2: Conv,
    bn2: Norm,
}

/// Reduces level 2 to the size and width of level 3: one 3x3 convolution of stride 2.
#[derive(Module, Debug)]
pub struct FuseLevel2 {
    conv1: Conv,
    bn1: Norm,
}

/// Multi-scale block fusion: `3 C_3` channels at the size of level 3.
#[derive(Module, Debug)]
pub struct Mbf {
    level1: FuseLevel1,
    level2: FuseLevel2,
}

impl Mbf {
    /// For the channels of the backbone's levels.
    pub fn new(backbone: Backbone, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let [c1, c2, c3] = backbone.channels();
        Self {
            level1: FuseLevel1 {
                conv1: Conv::new([c1, c2, 3], 2, rng, device),
                bn1: Norm::new(c2, device),
                conv2: Conv::new([c2, c3, 3], 2, rng, device),
                bn2: Norm::new(c3, device),
            },
            level2: FuseLevel2 { conv1: Conv::new([c2, c3, 3], 2, rng, device), bn1: Norm::new(c3, device) },
        }
    }

    /// Levels 1 to 3 to `[B, 3 C_3, H_3, W_3]`.
    pub fn forward(&self, [f1, f2, f3]: [Tensor<4>; 3]) -> Tensor<4> {
        let (a, b) = (&self.level1, &self.level2);
        let x1 = relu(a.bn1.forward(a.conv1.forward(f1)));
        let x1 = relu(a.bn2.forward(a.conv2.forward(x1)));
        let x2 = relu(b.bn1.forward(b.conv1.forward(f2)));
        Tensor::cat(vec![x1, x2, f3], 1)
    }
}

/// One-class embedding: residual blocks down to `[B, 2 C_3, H_3 / 2, W_3 / 2]`.
#[derive(Module, Debug)]
pub struct Oce {
    blocks: Vec<Block>,
}

impl Oce {
    /// As many blocks as the backbone's layer 4.
    pub fn new(backbone: Backbone, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let (c3, inner) = (backbone.channels()[2], backbone.inner()[3]);
        let blocks = (0..backbone.blocks()[3]).map(|i| {
            let (input, scale) = if i == 0 { (3 * c3, Scale::Halve) } else { (2 * c3, Scale::Keep) };
            Block::new(backbone.block(), [input, inner, 2 * c3], scale, rng, device)
        });
        Self { blocks: blocks.collect() }
    }

    /// The fused levels to the embedding.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.blocks.iter().fold(x, |x, block| block.forward(x))
    }
}
