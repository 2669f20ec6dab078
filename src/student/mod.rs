//! Stage 2: the student, a one-class bottleneck and a decoder that mirrors the teacher, learns to reproduce
//! the advanced teacher's features of normal pictures (method.md 4; the paper's Section III-C).

mod block;
mod bottleneck;
mod decoder;
mod loss;
mod norm;

pub use block::{Block, Conv, Deconv, Scale, Shortcut};
pub use bottleneck::{Mbf, Oce};
pub use decoder::Decoder;
pub use loss::{DistillationLoss, cosine_distance, distillation, hard_distillation, knowledge_distillation};
pub use norm::Norm;

use crate::teacher::Backbone;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

/// Bottleneck and decoder.
#[derive(Module, Debug)]
pub struct Student {
    mbf: Mbf,
    oce: Oce,
    decoder: Decoder,
}

impl Student {
    /// A freshly initialized student for the teacher `backbone`.
    pub fn new(backbone: Backbone, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        Self {
            mbf: Mbf::new(backbone, rng, device),
            oce: Oce::new(backbone, rng, device),
            decoder: Decoder::new(backbone, rng, device),
        }
    }

    /// `F_A` to `F_S`, level by level of the same shapes `[B, C_k, H_k, W_k]`.
    pub fn forward(&self, features: [Tensor<4>; 3]) -> [Tensor<4>; 3] {
        self.decode(self.embed(features))
    }

    /// `F_A` to the one-class embedding `[B, 2 C_3, H_3 / 2, W_3 / 2]`.
    pub fn embed(&self, features: [Tensor<4>; 3]) -> Tensor<4> {
        self.oce.forward(self.mbf.forward(features))
    }

    /// The one-class embedding to `F_S`.
    pub fn decode(&self, embedding: Tensor<4>) -> [Tensor<4>; 3] {
        self.decoder.forward(embedding)
    }
}
