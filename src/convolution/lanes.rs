//! Short vectors that hold neighboring tiles, computed with the widest instructions the processor has.

use crate::winograd::Numbers;

/// A few numbers on which the same steps are computed at once.
pub(super) type Lanes<const L: usize> = [f32; L];

#[inline(always)]
pub(super) fn load<const L: usize>(from: &[f32]) -> Lanes<L> {
    let mut lanes = [0.0; L];
    lanes.copy_from_slice(&from[..L]);
    lanes
}

impl<const L: usize> Numbers for Lanes<L> {
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] + other[i])
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] - other[i])
    }

    #[inline(always)]
    fn scale(self, factor: f32) -> Self {
        self.map(|v| factor * v)
    }
}

/// Runs `work`, compiled for AVX2 if the processor has it. The result is the same either way: every product
/// and sum is rounded separately.
#[inline(always)]
pub(super) fn widest<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn run<R>(work: impl FnOnce() -> R) -> R {
            work()
        }
        // SAFETY: the processor has AVX2.
        return unsafe { run(work) };
    }
    work()
}
