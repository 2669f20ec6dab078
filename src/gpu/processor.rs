//! The device that computes: the CPU, or an open GPU.

use super::{Gpu, MatrixUnits};
use std::sync::Arc;

/// Where a detector or a training runs.
#[derive(Clone, Debug, Default)]
pub enum Processor {
    /// The CPU.
    #[default]
    Cpu,
    /// A GPU, with the shaders.
    Gpu(Arc<Gpu>),
}

impl Processor {
    /// The state of the GPU's matrix units; none for the CPU.
    pub fn matrix_units(&self) -> Option<&MatrixUnits> {
        match self {
            Self::Cpu => None,
            Self::Gpu(gpu) => Some(gpu.matrix_units()),
        }
    }
}
