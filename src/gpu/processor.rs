//! What computes: the CPU, or a GPU that is open.

use super::{Gpu, MatrixUnits};
use std::sync::Arc;

/// Where a detector or a training runs.
#[derive(Clone, Debug, Default)]
pub enum Processor {
    /// The CPU.
    #[default]
    Cpu,
    /// A GPU, by the shaders.
    Gpu(Arc<Gpu>),
}

impl Processor {
    /// The matrix units that f16 is computed with, or why not; none of the CPU.
    pub fn matrix_units(&self) -> Option<&MatrixUnits> {
        match self {
            Self::Cpu => None,
            Self::Gpu(gpu) => Some(gpu.matrix_units()),
        }
    }
}
