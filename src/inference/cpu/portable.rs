//! Sixteen numbers without instructions of any one processor.

use super::vector::Vector;

/// Four registers of four, or whatever the compiler makes of them: SSE2, NEON.
#[derive(Clone, Copy)]
pub(super) struct Portable([[f32; 4]; 4]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| std::array::from_fn(|j| f(self.0[i][j], other.0[i][j]))))
    }
}

impl Vector for Portable {
    const ROWS: usize = if cfg!(target_arch = "aarch64") { 6 } else { 3 };
    const COLUMNS: usize = 1;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([[value; 4]; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: sixteen numbers, as the caller promises.
        Self(unsafe { from.cast::<[[f32; 4]; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: sixteen numbers, as the caller promises.
        unsafe { to.cast::<[[f32; 4]; 4]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if b > a { b } else { a })
    }

    #[inline(always)]
    unsafe fn fma(self, a: Self, b: Self) -> Self {
        Self(std::array::from_fn(|i| std::array::from_fn(|j| self.0[i][j] + a.0[i][j] * b.0[i][j])))
    }
}
