//! The attribute-scaling residual generator (method.md 2.4; Eq. 5).

use super::{Residual, mlp::Mlp};
use burn::module::Module;
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

/// `phi_2`.
#[derive(Module, Debug)]
pub struct Generator {
    mlp: Mlp,
}

impl Generator {
    /// Freshly initialized for `channels`.
    pub fn new(channels: usize, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        Self { mlp: Mlp::new(channels, rng, device) }
    }

    /// The ungated residual of teacher rows `[M, C]`, without position encoding: `[M, C]`.
    pub fn forward(&self, rows: Tensor<2>, residual: Residual) -> Tensor<2> {
        let y = self.mlp.forward(rows.clone());
        match residual {
            Residual::Tanh => tanh(y) * rows,
            Residual::Sigmoid => sigmoid(y) * rows,
            Residual::Learnable => y,
        }
    }
}
