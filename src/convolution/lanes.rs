//! Short vectors that hold neighboring tiles, computed with the widest instructions the processor has.

/// A few numbers on which the same steps are computed at once.
pub(super) type Lanes<const L: usize> = [f32; L];

#[inline(always)]
pub(super) fn load<const L: usize>(from: &[f32]) -> Lanes<L> {
    let mut lanes = [0.0; L];
    lanes.copy_from_slice(&from[..L]);
    lanes
}

#[inline(always)]
pub(super) fn add<const L: usize>(a: Lanes<L>, b: Lanes<L>) -> Lanes<L> {
    std::array::from_fn(|i| a[i] + b[i])
}

#[inline(always)]
pub(super) fn sub<const L: usize>(a: Lanes<L>, b: Lanes<L>) -> Lanes<L> {
    std::array::from_fn(|i| a[i] - b[i])
}

#[inline(always)]
pub(super) fn scale<const L: usize>(factor: f32, a: Lanes<L>) -> Lanes<L> {
    a.map(|v| factor * v)
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
