//! A compute pass as data: which kernel runs on which memory, with which uniform, in how many workgroups.

use super::shaders::Shader;

/// One dispatch. `M` names a buffer, in the executor's own way.
#[derive(Clone, Debug)]
pub(crate) struct Pass<M> {
    /// The layer's name.
    pub name: String,
    pub kernel: Shader,
    /// The kernel's uniform, its fields in order.
    pub uniform: Vec<u32>,
    /// The storage buffers of bindings 1, 2, …
    pub bindings: Vec<M>,
    /// Workgroups.
    pub groups: [u32; 3],
}

/// A pass without its name: kernel, uniform, bindings and workgroups.
pub(crate) type Bound<M> = (Shader, Vec<u32>, Vec<M>, [u32; 3]);

/// Threads of a workgroup in all kernels but a few.
pub(crate) const THREADS: u32 = 64;

/// Threads that share a row when its channels are summed (`shaders/shared_rows.wgsl`).
pub(crate) const SHARERS: u32 = 8;

/// Quads of channels that a workgroup sums over positions (`shaders/position_sums.wgsl`).
pub(crate) const CHANNELS: u32 = 16;

/// The most workgroups along one axis that every device allows.
const MOST_GROUPS: u32 = 65535;

/// `count` workgroups along x; along z too if that is too many for x.
pub(crate) fn spread(count: u32, y: u32) -> [u32; 3] {
    let z = count.div_ceil(MOST_GROUPS).max(1);
    [count.div_ceil(z), y, z]
}

/// Workgroups for `count` threads.
pub(crate) fn each(count: u32) -> [u32; 3] {
    spread(count.div_ceil(THREADS), 1)
}

/// Workgroups for [`SHARERS`] threads per row.
pub(crate) fn each_row(rows: u32) -> [u32; 3] {
    spread(rows.div_ceil(THREADS / SHARERS), 1)
}
