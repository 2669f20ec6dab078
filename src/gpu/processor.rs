//! What computes: the CPU, or a GPU that is open.

use super::Gpu;
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
