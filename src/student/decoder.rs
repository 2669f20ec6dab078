//! The decoder: a ResNet in reverse, with transposed convolutions instead of strides (method.md 4.2).

use super::block::{Block, Scale};
use crate::teacher::Backbone;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

/// Three layers; `layer1` is the deepest and gives level 3.
#[derive(Module, Debug)]
pub struct Decoder {
    layer1: Vec<Block>,
    layer2: Vec<Block>,
    layer3: Vec<Block>,
}

impl Decoder {
    /// Mirrors the backbone: its first layer has as many blocks as the teacher's first layer.
    pub fn new(backbone: Backbone, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let ([c1, c2, c3], inner, counts) = (backbone.channels(), backbone.inner(), backbone.blocks());
        let mut layer = |input: usize, output: usize, inner: usize, count: usize| -> Vec<Block> {
            let blocks = (0..count).map(|i| {
                let (input, scale) = if i == 0 { (input, Scale::Double) } else { (output, Scale::Keep) };
                Block::new(backbone.block(), [input, inner, output], scale, rng, device)
            });
            blocks.collect()
        };
        Self {
            layer1: layer(2 * c3, c3, inner[2], counts[0]),
            layer2: layer(c3, c2, inner[1], counts[1]),
            layer3: layer(c2, c1, inner[0], counts[2]),
        }
    }

    /// The embedding to `F_S` at levels 1, 2 and 3.
    pub fn forward(&self, embedding: Tensor<4>) -> [Tensor<4>; 3] {
        let run = |blocks: &[Block], x: Tensor<4>| blocks.iter().fold(x, |x, block| block.forward(x));
        let level3 = run(&self.layer1, embedding);
        let level2 = run(&self.layer2, level3.clone());
        let level1 = run(&self.layer3, level2.clone());
        [level1, level2, level3]
    }
}
