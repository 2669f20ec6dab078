//! What a compute pass is, as data: which kernel runs on which memory, with which numbers, in how many workgroups.

use super::kernels::Kernel;

/// One dispatch. `M` names a place in memory: an executor's own way to say which buffer.
#[derive(Clone, Debug)]
pub(crate) struct Pass<M> {
    /// The layer's name.
    pub name: String,
    pub kernel: Kernel,
    /// The kernel's uniform, field by field in its order.
    pub uniform: Vec<u32>,
    /// The storage buffers of bindings 1, 2, …
    pub bindings: Vec<M>,
    /// Workgroups.
    pub groups: [u32; 3],
}

/// A pass without its name: kernel, uniform, bindings and workgroups.
pub(crate) type Bound<M> = (Kernel, Vec<u32>, Vec<M>, [u32; 3]);

/// Most workgroups along one axis that every device allows.
const MOST_GROUPS: u32 = 65535;

/// `count` workgroups along x, and where that is too many along z too.
pub(crate) fn spread(count: u32, y: u32) -> [u32; 3] {
    let z = count.div_ceil(MOST_GROUPS).max(1);
    [count.div_ceil(z), y, z]
}
