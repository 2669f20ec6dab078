//! The attribute-scaling residual generator (method.md 2.4; Eq. 5).

use super::mlp::Mlp;
use burn::module::Module;
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// How the residual is made from `phi_2(F_T)`: the rows of the paper's Table VII, and the adapter of
/// Table VI (a).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(not(target_arch = "wasm32"), derive(clap::ValueEnum))]
pub enum Residual {
    /// `tanh(phi_2(F_T)) F_T`: each attribute is scaled by a factor in (0, 2). The method.
    #[default]
    Tanh,
    /// `sigmoid(phi_2(F_T)) F_T`: attributes can only grow, by a factor in (1, 2).
    Sigmoid,
    /// `phi_2(F_T)`: an unconstrained, learnable residual.
    Learnable,
}

/// `phi_2`.
#[derive(Module, Debug)]
pub struct Generator {
    mlp: Mlp,
}

impl Generator {
    /// Freshly initialised for `channels`.
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
