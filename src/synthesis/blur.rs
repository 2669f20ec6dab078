//! The 8-bit Gaussian blur of the reference's foreground script (method.md 3.3).

use image::GrayImage;

const SIGMA: f64 = 8.0;
const RADIUS: usize = 32;

/// PIL's "L": 0.299 R + 0.587 G + 0.114 B in 16-bit fixed point, rounded.
pub fn grey(picture: &crate::picture::Picture) -> GrayImage {
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b] = picture.get_pixel(x, y).0.map(u32::from);
        image::Luma([((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) as u8])
    })
}

/// Gaussian blur with sigma 8, along the rows axis first, as scipy computes it on `uint8`: with reflected
/// borders, radius 32, and each of the two passes truncated to 8 bits.
pub fn blur(picture: &GrayImage) -> GrayImage {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let weights = weights();
    let source = picture.as_raw();
    let mut vertical = vec![0_u8; width * height];
    let mut sums = vec![0.0_f64; width];
    for y in 0..height {
        let row = |offset: isize| &source[reflect(y as isize + offset, height) * width..][..width];
        // In double precision and in scipy's order (center, then pairs from the outside in), because a sum
        // just below a whole number is truncated to the one before.
        for (sum, &v) in sums.iter_mut().zip(row(0)) {
            *sum = f64::from(v) * weights[0];
        }
        for (distance, &weight) in weights.iter().enumerate().skip(1).rev() {
            let (above, below) = (row(-(distance as isize)), row(distance as isize));
            for ((sum, &a), &b) in sums.iter_mut().zip(above).zip(below) {
                *sum += (f64::from(a) + f64::from(b)) * weight;
            }
        }
        for (out, &sum) in vertical[y * width..][..width].iter_mut().zip(&sums) {
            *out = sum as u8;
        }
    }
    let mut padded = vec![0.0_f64; width + 2 * RADIUS];
    let mut out = GrayImage::new(picture.width(), picture.height());
    let raw = out.as_mut();
    for y in 0..height {
        let row = &vertical[y * width..][..width];
        for (n, value) in padded.iter_mut().enumerate() {
            *value = f64::from(row[reflect(n as isize - RADIUS as isize, width)]);
        }
        for (sum, &v) in sums.iter_mut().zip(&padded[RADIUS..]) {
            *sum = v * weights[0];
        }
        for (distance, &weight) in weights.iter().enumerate().skip(1).rev() {
            let (before, after) = (&padded[RADIUS - distance..], &padded[RADIUS + distance..]);
            for ((sum, &a), &b) in sums.iter_mut().zip(before).zip(after) {
                *sum += (a + b) * weight;
            }
        }
        for (out, &sum) in raw[y * width..][..width].iter_mut().zip(&sums) {
            *out = sum as u8;
        }
    }
    out
}

/// The kernel from its center outwards; both sides together sum to one.
fn weights() -> [f64; RADIUS + 1] {
    let raw: [f64; RADIUS + 1] = std::array::from_fn(|x| (-0.5 / (SIGMA * SIGMA) * (x * x) as f64).exp());
    let sum: f64 = raw.iter().rev().chain(&raw[1..]).sum();
    raw.map(|w| w / sum)
}

/// Half-sample reflection (d c b a | a b c d | d c b a), repeated if needed.
fn reflect(index: isize, length: usize) -> usize {
    let length = length as isize;
    let folded = index.rem_euclid(2 * length);
    folded.min(2 * length - 1 - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reflection_repeats() {
        let picked: Vec<usize> = (-4..7).map(|n| reflect(n, 3)).collect();
        assert_eq!(picked, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
        assert_eq!(reflect(-40, 1), 0);
    }

    #[test]
    fn each_pass_is_truncated() {
        // A vertical edge: the rows pass keeps 0 and 200, the columns pass mixes them.
        let edge = GrayImage::from_fn(101, 7, |x, _| image::Luma([if x < 50 { 0 } else { 200 }]));
        let blurred = blur(&edge);
        let w = weights();
        let right: f64 = w[1..].iter().sum();
        assert_eq!(blurred.get_pixel(49, 3)[0], (200.0 * right) as u8);
        assert_eq!(blurred.get_pixel(10, 0)[0], 0);
        assert!(blurred.get_pixel(95, 6)[0] >= 199);
        // A point of 255 is below one after the first pass, so it is truncated to 0 instead of rounded up.
        let point =
            GrayImage::from_fn(81, 81, |x, y| image::Luma([if (x, y) == (40, 40) { 255 } else { 0 }]));
        assert_eq!((255.0 * w[0]) as u8, 12);
        assert_eq!(blur(&point).get_pixel(40, 40)[0], 0);
    }

    #[test]
    fn grey_is_pils() {
        let picture = crate::picture::Picture::from_pixel(1, 1, image::Rgb([255, 0, 0]));
        assert_eq!(grey(&picture).get_pixel(0, 0)[0], 76);
        let picture = crate::picture::Picture::from_pixel(1, 1, image::Rgb([10, 200, 30]));
        assert_eq!(grey(&picture).get_pixel(0, 0)[0], 124);
    }
}
