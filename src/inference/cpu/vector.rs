//! Sixteen neighboring channels at once, in the widest registers the processor has.

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
use super::portable::Portable as Narrowest;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use super::simd128::Simd128 as Narrowest;

/// Channels of a block: the innermost axis of every feature map.
pub(super) const BLOCK: usize = 16;

/// Sixteen numbers in registers.
///
/// # Safety
/// All functions need the instructions of the implementation; [`run`] sees to that. Pointers are to sixteen
/// numbers, of any alignment.
pub(super) trait Vector: Copy {
    /// Positions of a micro-tile, so that its sums and their factors fill the registers.
    const ROWS: usize;
    /// Blocks of output channels of a micro-tile.
    const COLUMNS: usize;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// The larger; `self` where either is not a number.
    unsafe fn max(self, other: Self) -> Self;
    /// `self + a b`
    unsafe fn fma(self, a: Self, b: Self) -> Self;
}

/// What to run with [`Vector`]s; `run` must be `#[inline(always)]`, down to its innermost loop.
pub(super) trait Work {
    /// Does it.
    ///
    /// # Safety
    /// The processor has the instructions of `V`, and whatever else the implementation asks for.
    unsafe fn run<V: Vector>(self);
}

/// The vector instructions that this machine has.
pub fn instructions() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    match widest() {
        Widest::Avx512 => return "AVX-512",
        Widest::Avx2 => return "AVX2",
        Widest::Portable => {}
    }
    match () {
        () if cfg!(target_arch = "aarch64") => "NEON",
        () if cfg!(target_feature = "simd128") => "simd128",
        () => "portable",
    }
}

/// Lets tests run the narrower kernels: 1 AVX2, 2 portable.
#[cfg(test)]
pub(super) static NARROWED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

#[cfg(target_arch = "x86_64")]
enum Widest {
    Avx512,
    Avx2,
    Portable,
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn widest() -> Widest {
    use std::arch::is_x86_feature_detected as has;
    #[cfg(test)]
    match NARROWED.load(std::sync::atomic::Ordering::Relaxed) {
        1 if has!("avx2") && has!("fma") => return Widest::Avx2,
        2 => return Widest::Portable,
        _ => {}
    }
    if !has!("avx2") || !has!("fma") {
        return Widest::Portable;
    }
    let avx512 = has!("avx512f") && has!("avx512vl") && has!("avx512dq") && has!("avx512bw");
    if avx512 { Widest::Avx512 } else { Widest::Avx2 }
}

/// Runs `work` with the widest vectors there are.
///
/// # Safety
/// What the work asks for.
pub(super) unsafe fn run<W: Work>(work: W) {
    #[cfg(target_arch = "x86_64")]
    {
        use x86::{Avx2, Avx512};
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
        unsafe fn avx512<W: Work>(work: W) {
            // SAFETY: the caller has checked the features.
            unsafe { work.run::<Avx512>() }
        }
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2<W: Work>(work: W) {
            // SAFETY: the caller has checked the features.
            unsafe { work.run::<Avx2>() }
        }
        match widest() {
            // SAFETY: the features are there.
            Widest::Avx512 => return unsafe { avx512(work) },
            // SAFETY: as above.
            Widest::Avx2 => return unsafe { avx2(work) },
            Widest::Portable => {}
        }
    }
    // SAFETY: plain Rust, or instructions that the whole program is compiled with.
    unsafe { work.run::<Narrowest>() }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Vector;
    use std::arch::x86_64::*;

    /// One register of sixteen.
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512);

    impl Vector for Avx512 {
        const ROWS: usize = 8;
        const COLUMNS: usize = 2;

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: the features are there, as the trait asks.
            unsafe { Self(_mm512_set1_ps(value)) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the features are there and the pointer is good, as the trait asks.
            unsafe { Self(_mm512_loadu_ps(from)) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the features are there and the pointer is good, as the trait asks.
            unsafe { _mm512_storeu_ps(to, self.0) }
        }

        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            // SAFETY: the features are there, as the trait asks.
            unsafe { Self(_mm512_add_ps(self.0, other.0)) }
        }

        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            // SAFETY: the features are there, as the trait asks.
            unsafe { Self(_mm512_sub_ps(self.0, other.0)) }
        }

        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            // SAFETY: the features are there, as the trait asks.
            unsafe { Self(_mm512_mul_ps(self.0, other.0)) }
        }

        #[inline(always)]
        unsafe fn max(self, other: Self) -> Self {
            // SAFETY: the features are there, as the trait asks.
            unsafe { Self(_mm512_max_ps(other.0, self.0)) }
        }

        #[inline(always)]
        unsafe fn fma(self, a: Self, b: Self) -> Self {
            // SAFETY: the features are there, as the trait asks.
            unsafe { Self(_mm512_fmadd_ps(a.0, b.0, self.0)) }
        }
    }

    /// Two registers of eight.
    #[derive(Clone, Copy)]
    pub struct Avx2([__m256; 2]);

    impl Vector for Avx2 {
        const ROWS: usize = 6;
        const COLUMNS: usize = 1;

        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            // SAFETY: the features are there, as the trait asks.
            unsafe { Self([_mm256_set1_ps(value); 2]) }
        }

        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            // SAFETY: the features are there and the pointer is good, as the trait asks.
            unsafe { Self([_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))]) }
        }

        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            // SAFETY: the features are there and the pointer is good, as the trait asks.
            unsafe {
                _mm256_storeu_ps(to, self.0[0]);
                _mm256_storeu_ps(to.add(8), self.0[1]);
            }
        }

        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            // SAFETY: the features are there, as the trait asks.
            unsafe { Self([_mm256_add_ps(self.0[0], other.0[0]), _mm256_add_ps(self.0[1], other.0[1])]) }
        }

        #[inline(always)]
        unsafe fn sub(self, other: Self) -> Self {
            // SAFETY: the features are there, as the trait asks.
            unsafe { Self([_mm256_sub_ps(self.0[0], other.0[0]), _mm256_sub_ps(self.0[1], other.0[1])]) }
        }

        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            // SAFETY: the features are there, as the trait asks.
            unsafe { Self([_mm256_mul_ps(self.0[0], other.0[0]), _mm256_mul_ps(self.0[1], other.0[1])]) }
        }

        #[inline(always)]
        unsafe fn max(self, other: Self) -> Self {
            // SAFETY: the features are there, as the trait asks.
            unsafe { Self([_mm256_max_ps(other.0[0], self.0[0]), _mm256_max_ps(other.0[1], self.0[1])]) }
        }

        #[inline(always)]
        unsafe fn fma(self, a: Self, b: Self) -> Self {
            // SAFETY: the features are there, as the trait asks.
            unsafe {
                let low = _mm256_fmadd_ps(a.0[0], b.0[0], self.0[0]);
                Self([low, _mm256_fmadd_ps(a.0[1], b.0[1], self.0[1])])
            }
        }
    }
}
