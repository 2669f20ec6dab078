//! Detection without an automatic-differentiation framework: the whole detector as a fixed [`Plan`] of fused
//! layers, and its executors.
//!
//! Burn runs the training and is the reference, but it executes each layer by itself. Here batch
//! normalization is folded into the weights; bias, residual sum and ReLU are part of the convolution; and the
//! memory of all intermediate features is planned once.

mod cpu;
mod intermediate;
mod network;
mod plan;
#[cfg(test)]
pub(crate) mod plan_tests;
mod principal;
#[cfg(test)]
pub(crate) mod reference;
mod slots;
mod weights;

pub use cpu::{Engine, instructions};
pub use intermediate::{Compared, GateFeatures, LevelFeatures, LevelMaps, LevelViews, Patch, PatchGate};
pub use plan::{Buffer, BufferId, Convolution, Kernel, Operation, Plan, Step, View, sigma};
pub use principal::Axes;
pub use slots::Slots;
