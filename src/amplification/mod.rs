//! Stage 1: residual anomaly amplification, RAA (method.md 2; the paper's Section III-B).
//!
//! One module per level turns the teacher's feature `F_T` into the advanced `F_A = F_T + w * Delta`: the gate
//! says *where* (`w` near 1 on anomalies), the generator *how* (`Delta` rescales each attribute). `F_A` is a
//! side branch; the teacher's next layer still receives `F_T`.

#[cfg(feature = "burn")]
mod amplifier;
#[cfg(feature = "burn")]
mod gate;
#[cfg(feature = "burn")]
mod generator;
#[cfg(feature = "burn")]
mod loss;
#[cfg(feature = "burn")]
mod mlp;
mod options;
mod position;

#[cfg(feature = "burn")]
pub use amplifier::{Advanced, Amplifier, Raa, from_rows, to_rows};
#[cfg(feature = "burn")]
pub use gate::{Gate, anomaly_share, unit};
#[cfg(feature = "burn")]
pub use generator::Generator;
#[cfg(feature = "burn")]
pub use loss::{PairSample, amplification, contrastive, focal, sample_pairs};
#[cfg(feature = "burn")]
pub use mlp::{Mlp, Pointwise};
pub use options::{RaaOptions, Residual, TEMPERATURE};
pub use position::position_encoding;
