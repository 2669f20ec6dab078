//! The options of the RAA, and its one constant.

use serde::{Deserialize, Serialize};

/// The gate's softmax temperature: in the official code, not in the paper.
pub const TEMPERATURE: f32 = 0.2;

/// Which parts of the RAA are in use: the rows of the paper's Tables V, VI and VII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaaOptions {
    /// Off: the residual is applied everywhere, `w = 1` (Table V (b)).
    pub gate: bool,
    /// Off: `F_A = F_T`, and the gate itself is the anomaly map (Table V (a)).
    pub generator: bool,
    /// The form of the residual.
    pub residual: Residual,
    /// `L`, memory items per memory.
    pub memory_items: usize,
}

impl Default for RaaOptions {
    fn default() -> Self {
        Self { gate: true, generator: true, residual: Residual::Tanh, memory_items: 50 }
    }
}

/// How the residual is computed from `phi_2(F_T)`: the rows of the paper's Table VII, and the adapter of
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
