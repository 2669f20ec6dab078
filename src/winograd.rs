//! Winograd's minimal filtering F(4x4, 3x3): a 3x3 convolution of stride 1 with 36 products for 16 output positions where the
//! plain sum takes 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015).
//!
//! Per tile: `Y = Aᵀ [(G W Gᵀ) ⊙ (Bᵀ D B)] A`, where the products over channels are 36 matrix products; the gradient of the
//! kernel is `dW = Gᵀ [Σ (A dY Aᵀ) ⊙ (Bᵀ D B)] G`. Here are the transforms in one dimension; in two they are applied to the
//! columns, then to the rows.
//!
//! The interpolation points are 0, ±1/√2, ±√2 and infinity. With the usual 0, ±1, ±2 the rounding error would be five times
//! as large; with these it is a few times that of the plain sum.

use std::f32::consts::{FRAC_1_SQRT_2 as A, SQRT_2 as B};

/// Products per tile and channel.
pub(crate) const POINTS: usize = 36;

/// Output rows and columns of a tile.
pub(crate) const TILE: usize = 4;

/// What is transformed: one number, or several at once, each on its own. Every product and sum is rounded, unless the numbers
/// say otherwise.
pub(crate) trait Numbers: Copy {
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn scale(self, factor: f32) -> Self;

    /// `self + factor x`
    #[inline(always)]
    fn plus(self, factor: f32, x: Self) -> Self {
        self.add(x.scale(factor))
    }

    /// `self + a x + b y`
    #[inline(always)]
    fn plus_both(self, a: f32, x: Self, b: f32, y: Self) -> Self {
        self.add(x.scale(a).plus(b, y))
    }
}

impl Numbers for f32 {
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self - other
    }

    #[inline(always)]
    fn scale(self, factor: f32) -> Self {
        factor * self
    }
}

/// `Bᵀ d`.
#[inline(always)]
pub(crate) fn input<N: Numbers>(d: [N; 6]) -> [N; 6] {
    let even1 = d[4].plus(-2.0, d[2]);
    let odd1 = d[3].scale(A).plus(-B, d[1]);
    let even2 = d[4].plus(-0.5, d[2]);
    let odd2 = d[3].scale(B).plus(-A, d[1]);
    [
        d[0].add(d[4]).plus(-2.5, d[2]),
        even1.add(odd1),
        even1.sub(odd1),
        even2.add(odd2),
        even2.sub(odd2),
        d[1].add(d[5]).plus(-2.5, d[3]),
    ]
}

/// `Aᵀ m`.
#[inline(always)]
pub(crate) fn output<N: Numbers>(m: [N; 6]) -> [N; 4] {
    let (sum1, gap1) = (m[1].add(m[2]), m[1].sub(m[2]));
    let (sum2, gap2) = (m[3].add(m[4]), m[3].sub(m[4]));
    [
        m[0].add(sum1.add(sum2)),
        gap1.scale(A).plus(B, gap2),
        sum1.scale(0.5).plus(2.0, sum2),
        m[5].plus_both(0.5 * A, gap1, 2.0 * B, gap2),
    ]
}

/// `G w`.
#[inline(always)]
pub(crate) fn kernel<N: Numbers>(w: [N; 3]) -> [N; 6] {
    let even1 = w[0].scale(-2.0 / 3.0).add(w[2].scale(-1.0 / 3.0));
    let odd1 = w[1].scale(-2.0 / 3.0 * A);
    let even2 = w[0].scale(1.0 / 6.0).add(w[2].scale(1.0 / 3.0));
    let odd2 = w[1].scale(B / 6.0);
    [w[0], even1.add(odd1), even1.sub(odd1), even2.add(odd2), even2.sub(odd2), w[2]]
}

/// `A y`: the transpose of [`output`].
#[cfg(any(feature = "burn", test))]
#[inline(always)]
pub(crate) fn output_transposed<N: Numbers>(y: [N; 4]) -> [N; 6] {
    let even1 = y[0].plus(0.5, y[2]);
    let odd1 = y[1].scale(A).plus(0.5 * A, y[3]);
    let even2 = y[0].plus(2.0, y[2]);
    let odd2 = y[1].scale(B).plus(2.0 * B, y[3]);
    [y[0], even1.add(odd1), even1.sub(odd1), even2.add(odd2), even2.sub(odd2), y[3]]
}

/// `Gᵀ m`: the transpose of [`kernel`].
#[cfg(any(feature = "burn", test))]
#[inline(always)]
pub(crate) fn kernel_transposed<N: Numbers>(m: [N; 6]) -> [N; 3] {
    let (sum1, gap1) = (m[1].add(m[2]), m[1].sub(m[2]));
    let (sum2, gap2) = (m[3].add(m[4]), m[3].sub(m[4]));
    [
        m[0].plus_both(-2.0 / 3.0, sum1, 1.0 / 6.0, sum2),
        gap1.scale(-2.0 / 3.0 * A).plus(B / 6.0, gap2),
        m[5].plus_both(-1.0 / 3.0, sum1, 1.0 / 3.0, sum2),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Aᵀ [(G w) ⊙ (Bᵀ d)]` is the plain sum, in one dimension.
    #[test]
    fn one_dimension_is_the_plain_sum() {
        let d: [f32; 6] = std::array::from_fn(|i| (i as f32 * 1.7).sin());
        let w: [f32; 3] = std::array::from_fn(|i| (i as f32 + 0.4).cos());
        let (u, v) = (kernel(w), input(d));
        let y = output(std::array::from_fn(|i| u[i] * v[i]));
        for (i, y) in y.iter().enumerate() {
            let plain: f32 = (0..3).map(|k| d[i + k] * w[k]).sum();
            assert!((y - plain).abs() < 1e-6, "{i}: {y} {plain}");
        }
    }

    /// The transposed functions compute with the transposed matrices.
    #[test]
    fn transposed_transforms_are_transposed() {
        let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let m: [f32; 6] = std::array::from_fn(|i| (i as f32 * 0.9).sin());
        let y: [f32; 4] = std::array::from_fn(|i| (i as f32 * 0.7).cos());
        let w: [f32; 3] = std::array::from_fn(|i| (i as f32 + 0.4).cos());
        assert!((dot(&output(m), &y) - dot(&m, &output_transposed(y))).abs() < 1e-5);
        assert!((dot(&kernel_transposed(m), &w) - dot(&m, &kernel(w))).abs() < 1e-5);
    }
}
