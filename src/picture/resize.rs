//! Pillow's antialiased bicubic resize, byte for byte (method.md 1.3, step 2).
//!
//! Two separable passes, horizontal first, with 8-bit results in between. When shrinking, the kernel is
//! stretched by the scale; when enlarging, it keeps its own support of two pixels.

use super::Picture;

/// Fractional bits of a coefficient: 8 bits for the pixel and 2 for overshoot leave 22 of 32.
const PRECISION: u32 = 32 - 8 - 2;
/// Half a unit, added so that the final shift rounds.
const HALF: i32 = 1 << (PRECISION - 1);
/// Reach of the cubic kernel in pixels of the coarser grid.
const SUPPORT: f64 = 2.0;

/// Scales `picture` to `width` x `height` pixels, ignoring the aspect ratio, as Pillow up to 12 does with
/// `resize((width, height), BICUBIC)`. A size of zero gives an empty picture.
pub fn resize(picture: &Picture, width: u32, height: u32) -> Picture {
    if picture.is_empty() || width == 0 || height == 0 {
        return Picture::new(width, height);
    }
    let (from_width, from_height) = picture.dimensions();
    let narrowed = if width == from_width {
        None
    } else {
        let mut out = Picture::new(width, from_height);
        horizontal(picture, &mut out, &Taps::new(from_width, width));
        Some(out)
    };
    let narrowed = narrowed.as_ref().unwrap_or(picture);
    if height == from_height {
        return narrowed.clone();
    }
    let mut out = Picture::new(width, height);
    vertical(narrowed, &mut out, &Taps::new(from_height, height));
    out
}

/// The source pixels of each output pixel, and their fixed-point coefficients.
struct Taps {
    /// First source pixel and number of coefficients, per output pixel.
    spans: Vec<(usize, usize)>,
    /// `stride` coefficients per output pixel.
    coefficients: Vec<i32>,
    stride: usize,
}

impl Taps {
    fn new(from: u32, to: u32) -> Self {
        let scale = f64::from(from) / f64::from(to);
        let stretch = scale.max(1.0);
        let support = SUPPORT * stretch;
        let stride = support.ceil() as usize * 2 + 1;
        let mut spans = Vec::with_capacity(to as usize);
        let mut coefficients = vec![0; stride * to as usize];
        let mut weights = Vec::with_capacity(stride);
        for (index, slots) in coefficients.chunks_exact_mut(stride).enumerate() {
            let center = (index as f64 + 0.5) * scale;
            // Truncated toward zero and then clamped to the picture, as in C.
            let first = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(from as usize);
            // Pillow multiplies by the reciprocal; a division differs in the last bit.
            let shrink = 1.0 / stretch;
            weights.clear();
            weights.extend((first..end).map(|tap| cubic((tap as f64 - center + 0.5) * shrink)));
            let sum: f64 = weights.iter().sum();
            for (slot, weight) in slots.iter_mut().zip(&weights) {
                // `round` rounds half away from zero, the same as adding +-0.5 and truncating.
                *slot = (weight / sum * f64::from(1 << PRECISION)).round() as i32;
            }
            spans.push((first, end - first));
        }
        Self { spans, coefficients, stride }
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let slots = self.coefficients.chunks_exact(self.stride);
        self.spans.iter().zip(slots).map(|(&(first, count), slots)| (first, &slots[..count]))
    }
}

/// The cubic convolution kernel with a = -0.5 (Keys 1981), zero beyond two pixels.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

fn horizontal(from: &Picture, to: &mut Picture, taps: &Taps) {
    let (from_row, to_row) = (3 * from.width() as usize, 3 * to.width() as usize);
    let rows = from.as_raw().chunks_exact(from_row).zip(to.chunks_exact_mut(to_row));
    for (source, target) in rows {
        for (pixel, (first, coefficients)) in target.chunks_exact_mut(3).zip(taps.iter()) {
            let window = &source[3 * first..3 * (first + coefficients.len())];
            let mut sums = [HALF; 3];
            for (tap, &coefficient) in window.chunks_exact(3).zip(coefficients) {
                sums[0] += i32::from(tap[0]) * coefficient;
                sums[1] += i32::from(tap[1]) * coefficient;
                sums[2] += i32::from(tap[2]) * coefficient;
            }
            pixel.copy_from_slice(&sums.map(to_byte));
        }
    }
}

fn vertical(from: &Picture, to: &mut Picture, taps: &Taps) {
    let row = 3 * from.width() as usize;
    let source = from.as_raw();
    let mut sums = vec![HALF; row];
    for (target, (first, coefficients)) in to.chunks_exact_mut(row).zip(taps.iter()) {
        sums.fill(HALF);
        for (line, &coefficient) in source[first * row..].chunks_exact(row).zip(coefficients) {
            for (sum, &value) in sums.iter_mut().zip(line) {
                *sum += i32::from(value) * coefficient;
            }
        }
        for (out, &sum) in target.iter_mut().zip(&sums) {
            *out = to_byte(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32, values: &[u8]) -> Picture {
        let raw = values.iter().flat_map(|&value| [value; 3]).collect();
        Picture::from_raw(width, height, raw).unwrap()
    }

    fn red(picture: &Picture) -> Vec<u8> {
        picture.pixels().map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        let flat = Picture::from_pixel(37, 23, image::Rgb([7, 128, 255]));
        for (width, height) in [(16, 16), (64, 48), (37, 5), (1, 1)] {
            let out = resize(&flat, width, height);
            assert_eq!(out.dimensions(), (width, height));
            assert!(out.pixels().all(|pixel| pixel.0 == [7, 128, 255]));
        }
    }

    #[test]
    fn the_same_size_is_the_same_picture() {
        let picture = grey(3, 2, &[0, 10, 20, 200, 220, 255]);
        assert_eq!(resize(&picture, 3, 2), picture);
    }

    /// By hand: with scale 1/2 the taps of an impulse sit at distances 0.25, 0.75, 1.25 and 1.75, where
    /// the kernel is 0.8671875, 0.2265625, -0.0703125 and -0.0234375.
    #[test]
    fn enlarging_keeps_the_support_of_two_pixels() {
        let out = red(&resize(&grey(9, 1, &[0, 0, 0, 0, 128, 0, 0, 0, 0]), 18, 1));
        assert_eq!(out, [0, 0, 0, 0, 0, 0, 0, 29, 111, 111, 29, 0, 0, 0, 0, 0, 0, 0]);
        let out = red(&resize(&grey(9, 1, &[128; 9]), 18, 1));
        assert_eq!(out, [128; 18]);
    }

    /// By hand: scale 2 stretches the kernel to four pixels; the weights of an edge 0|255 sum up to
    /// 255 * (1 - share) with the same kernel values, halved.
    #[test]
    fn shrinking_stretches_the_kernel_and_clips_the_overshoot() {
        let mut edge = [0; 16];
        edge[8..].fill(200);
        let out = red(&resize(&grey(16, 1, &edge), 8, 1));
        // Output 3 (center 7): taps 8, 9, 10 at distances 0.75, 1.25, 1.75 of the stretched kernel:
        // (0.2265625 - 0.0703125 - 0.0234375) / 2 = 0.06640625; x 200 = 13.28.
        // Output 2 (center 5): tap 8 at 1.75: -0.0234375 / 2 x 200 = -2.3, clipped to 0.
        assert_eq!(out, [0, 0, 0, 13, 187, 202, 200, 200]);
    }

    #[test]
    fn both_axes_are_independent() {
        let column = grey(1, 4, &[0, 100, 200, 50]);
        let row = grey(4, 1, &[0, 100, 200, 50]);
        assert_eq!(red(&resize(&column, 1, 3)), red(&resize(&row, 3, 1)));
    }

    #[test]
    fn sizes_of_zero_do_not_panic() {
        assert_eq!(resize(&Picture::new(0, 0), 4, 4).dimensions(), (4, 4));
        assert_eq!(resize(&Picture::new(5, 5), 0, 3).dimensions(), (0, 3));
    }
}
