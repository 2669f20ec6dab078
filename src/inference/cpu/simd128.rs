//! Sixteen numbers in the browser's registers of 128 bits.

use super::vector::Vector;
use std::arch::wasm32::*;

/// Four registers of four. Written out: left to itself the compiler works on most of the numbers one by one,
/// which takes more than twice as long.
#[derive(Clone, Copy)]
pub(super) struct Simd128([v128; 4]);

impl Simd128 {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(v128, v128) -> v128) -> Self {
        let ([a, b, c, d], [e, g, h, i]) = (self.0, other.0);
        Self([f(a, e), f(b, g), f(c, h), f(d, i)])
    }
}

impl Vector for Simd128 {
    const ROWS: usize = 3;
    const COLUMNS: usize = 1;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([f32x4_splat(value); 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        let from = from.cast::<v128>();
        // SAFETY: sixteen numbers, as the caller promises.
        unsafe {
            Self([v128_load(from), v128_load(from.add(1)), v128_load(from.add(2)), v128_load(from.add(3))])
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        let to = to.cast::<v128>();
        let [a, b, c, d] = self.0;
        // SAFETY: sixteen numbers, as the caller promises.
        unsafe {
            v128_store(to, a);
            v128_store(to.add(1), b);
            v128_store(to.add(2), c);
            v128_store(to.add(3), d);
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| f32x4_add(a, b))
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| f32x4_sub(a, b))
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| f32x4_mul(a, b))
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| f32x4_pmax(a, b))
    }

    #[inline(always)]
    unsafe fn fma(self, a: Self, b: Self) -> Self {
        self.zip(a.zip(b, |a, b| f32x4_mul(a, b)), |sum, product| f32x4_add(sum, product))
    }
}
