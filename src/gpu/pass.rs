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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::passes::{Places, of_plan};
    use crate::gpu::tile::{Tile, TileRule};
    use crate::inference::plan_tests::{Ones, info};
    use crate::inference::{Plan, View};
    use crate::teacher::Backbone;

    #[test]
    fn what_is_too_many_along_one_axis_goes_on_along_another() {
        for count in [0, 1, 65535, 65536, 200_000, 1 << 30] {
            let [x, y, z] = spread(count, 3);
            assert!(x <= MOST_GROUPS && z <= MOST_GROUPS && y == 3, "{count}: {x} x {z}");
            assert!(u64::from(x) * u64::from(z) >= u64::from(count), "{count}: {x} x {z}");
        }
    }

    /// Memory that is none.
    struct Nowhere;

    impl Places for Nowhere {
        type Memory = ();
        fn view(&self, _: View) {}
        fn values(&self, _: usize) {}
        fn bias(&self, _: usize) {}
        fn pixels(&self) {}
        fn transformed(&self) {}
        fn products(&self) {}
    }

    /// Its 64 channels at 512 x 512 positions are 65,536 workgroups: one too many along one axis.
    #[test]
    fn the_largest_pictures_fit_every_device() {
        let plan = Plan::new(&info(Backbone::Resnet18, 2048), &Ones).unwrap();
        let rules: [TileRule; 3] = [|_, _| Tile::Direct, |_, _| Tile::Small, |_, _| Tile::Large];
        let passes = rules.into_iter().flat_map(|rule| of_plan(&plan, &Nowhere, 1, rule));
        let mut deep = 0;
        for Pass { name, groups, .. } in passes {
            assert!(groups.iter().all(|&count| count <= MOST_GROUPS), "{name}: {groups:?}");
            deep += usize::from(groups[2] > 1);
        }
        assert!(deep > 0, "no pass is that large");
    }
}
