//! The ten augmenters of a texture (method.md 3.1), on 8-bit pictures as in imgaug, PIL and OpenCV.

use super::color::ColorSpace;
use super::geometry::rotate;
use crate::picture::Picture;
use rand::RngExt;
use rand::seq::{IndexedRandom, SliceRandom};
use rand_chacha::ChaCha8Rng;

/// One way to change a texture; its parameters are drawn when it is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Augmenter {
    /// v -> 255 (v/255)^g, g in [0.5, 2] per channel.
    Gamma,
    /// Brightness times [0.8, 1.2] and plus -30..=30, in random order, in a random color space.
    Brightness,
    /// PIL sharpness with a factor in [0, 2).
    Sharpness,
    /// OpenCV hue and saturation plus -50..=50 each.
    HueSaturation,
    /// With probability 0.5, inverts values from a threshold in [32, 128) on.
    Solarize,
    /// Keeps the top 1..=8 bits.
    Posterize,
    /// 255 - v.
    Invert,
    /// PIL autocontrast with a cutoff of 0..=20 percent.
    Autocontrast,
    /// PIL histogram equalization per channel.
    Equalize,
    /// Rotates by [-45, 45] degrees, bilinear, zeros from outside.
    Rotate,
}

impl Augmenter {
    /// Every augmenter.
    pub const ALL: [Self; 10] = [
        Self::Gamma,
        Self::Brightness,
        Self::Sharpness,
        Self::HueSaturation,
        Self::Solarize,
        Self::Posterize,
        Self::Invert,
        Self::Autocontrast,
        Self::Equalize,
        Self::Rotate,
    ];

    /// Changes `picture` with freshly drawn parameters.
    pub fn apply(self, picture: &mut Picture, rng: &mut ChaCha8Rng) {
        match self {
            Self::Gamma => {
                let gammas: [f32; 3] = std::array::from_fn(|_| rng.random_range(0.5..=2.0));
                map_channels(picture, gammas.map(|g| table(|v| 255.0 * (f32::from(v) / 255.0).powf(g))));
            }
            Self::Brightness => change_brightness(picture, rng),
            Self::Sharpness => {
                let factor = rng.random_range(0.0..2.0);
                sharpen(picture, factor);
            }
            Self::HueSaturation => shift_hue_saturation(picture, rng),
            Self::Solarize => {
                if rng.random_bool(0.5) {
                    let threshold = rng.random_range(32.0..128.0_f32) as u8;
                    map_values(picture, |v| if v >= threshold { 255 - v } else { v });
                }
            }
            Self::Posterize => {
                let bits = rng.random_range(1..=8_u32);
                let kept = (0xff00_u16 >> bits) as u8;
                map_values(picture, |v| v & kept);
            }
            Self::Invert => map_values(picture, |v| 255 - v),
            Self::Autocontrast => {
                let cutoff = rng.random_range(0..=20_u32);
                let tables = histograms(picture).map(|h| autocontrast(h, cutoff));
                map_channels(picture, tables);
            }
            Self::Equalize => {
                let tables = histograms(picture).map(|h| equalize(&h));
                map_channels(picture, tables);
            }
            Self::Rotate => *picture = rotate(picture, rng.random_range(-45.0..=45.0)),
        }
    }
}

/// Applies three different augmenters in random order (method.md 3 step 2).
pub fn augment(picture: &mut Picture, rng: &mut ChaCha8Rng) {
    let mut augmenters = Augmenter::ALL;
    let (chosen, _) = augmenters.partial_shuffle(rng, 3);
    for augmenter in chosen {
        augmenter.apply(picture, rng);
    }
}

type Table = [u8; 256];

fn table(value: impl Fn(u8) -> f32) -> Table {
    // Truncates and saturates, like numpy's clip followed by astype(uint8).
    std::array::from_fn(|v| value(v as u8) as u8)
}

fn map_channels(picture: &mut Picture, tables: [Table; 3]) {
    for pixel in picture.pixels_mut() {
        for (value, table) in pixel.0.iter_mut().zip(&tables) {
            *value = table[usize::from(*value)];
        }
    }
}

fn map_values(picture: &mut Picture, value: impl Fn(u8) -> u8) {
    for v in picture.iter_mut() {
        *v = value(*v);
    }
}

fn change_brightness(picture: &mut Picture, rng: &mut ChaCha8Rng) {
    let space = ColorSpace::ALL.choose(rng).copied().unwrap_or(ColorSpace::Yuv);
    let (factor, offset) = (rng.random_range(0.8..=1.2_f32), rng.random_range(-30..=30_i32) as f32);
    let (multiply, add) = (table(|v| f32::from(v) * factor), table(|v| f32::from(v) + offset));
    let changed: Table = if rng.random_bool(0.5) {
        multiply.map(|v| add[usize::from(v)])
    } else {
        add.map(|v| multiply[usize::from(v)])
    };
    for pixel in picture.pixels_mut() {
        let mut encoded = space.encode(pixel.0);
        let brightness = &mut encoded[space.brightness()];
        *brightness = changed[usize::from(*brightness)];
        pixel.0 = space.decode(encoded);
    }
}

fn shift_hue_saturation(picture: &mut Picture, rng: &mut ChaCha8Rng) {
    let mut shift = || rng.random_range(-50..=50_i32);
    let (hue, saturation) = (shift() * 180 / 255, shift());
    for pixel in picture.pixels_mut() {
        let [h, s, v] = ColorSpace::Hsv.encode(pixel.0);
        let h = (i32::from(h) + hue).rem_euclid(180) as u8;
        let s = (i32::from(s) + saturation).clamp(0, 255) as u8;
        pixel.0 = ColorSpace::Hsv.decode([h, s, v]);
    }
}

/// PIL `ImageEnhance.Sharpness`: 0 smooths, 1 keeps, 2 sharpens; the outermost pixels stay.
fn sharpen(picture: &mut Picture, factor: f32) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let source = picture.as_raw().clone();
    let pitch = 3 * width;
    for y in 1..height.saturating_sub(1) {
        for n in y * pitch + 3..(y + 1) * pitch - 3 {
            let at = |n: usize| u32::from(source[n]);
            let row = |n: usize| at(n - 3) + at(n) + at(n + 3);
            let sum = row(n - pitch) + row(n) + row(n + pitch) + 4 * at(n);
            let smooth = ((2 * sum + 13) / 26) as f32;
            // The cast truncates and saturates like PIL's blend.
            picture.as_mut()[n] = (smooth + factor * (f32::from(source[n]) - smooth)) as u8;
        }
    }
}

type Histogram = [u32; 256];

fn histograms(picture: &Picture) -> [Histogram; 3] {
    let mut counts = [[0; 256]; 3];
    for pixel in picture.pixels() {
        for (count, &value) in counts.iter_mut().zip(&pixel.0) {
            count[usize::from(value)] += 1;
        }
    }
    counts
}

/// PIL `ImageOps.autocontrast`: cuts `cutoff` percent from both ends, then stretches to 0..255.
fn autocontrast(mut histogram: Histogram, cutoff: u32) -> Table {
    let total: u64 = histogram.iter().map(|&n| u64::from(n)).sum();
    let cut = (total * u64::from(cutoff) / 100) as u32;
    let trim = |count: &mut u32, left: &mut u32| {
        let taken = (*count).min(*left);
        *count -= taken;
        *left -= taken;
    };
    let (mut low, mut high) = (cut, cut);
    histogram.iter_mut().for_each(|count| trim(count, &mut low));
    histogram.iter_mut().rev().for_each(|count| trim(count, &mut high));
    let first = histogram.iter().position(|&n| n > 0);
    let last = histogram.iter().rposition(|&n| n > 0);
    match (first, last) {
        (Some(first), Some(last)) if first < last => {
            let scale = 255.0 / (last - first) as f64;
            std::array::from_fn(|v| (v as f64 * scale - first as f64 * scale) as u8)
        }
        _ => std::array::from_fn(|v| v as u8),
    }
}

/// PIL `ImageOps.equalize`.
fn equalize(histogram: &Histogram) -> Table {
    let identity = std::array::from_fn(|v| v as u8);
    let total: u32 = histogram.iter().sum();
    let last = histogram.iter().rev().find(|&&n| n > 0).copied().unwrap_or(0);
    let step = (total - last) / 255;
    if step == 0 {
        return identity;
    }
    let mut sum = step / 2;
    histogram.map(|count| {
        let value = (sum / step).min(255) as u8;
        sum += count;
        value
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;
    use rand_chacha::rand_core::SeedableRng;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(11)
    }

    fn gradient() -> Picture {
        Picture::from_fn(48, 40, |x, y| Rgb([(x * 5) as u8, (y * 6) as u8, (x * x % 97 + y) as u8 + 60]))
    }

    #[test]
    fn every_augmenter_changes_a_picture_reproducibly() {
        for augmenter in Augmenter::ALL {
            let run = |seed| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let mut picture = gradient();
                augmenter.apply(&mut picture, &mut rng);
                picture
            };
            assert_eq!(run(1), run(1), "{augmenter:?}");
            assert_eq!(run(1).dimensions(), (48, 40));
            // Some draws are the identity (8 bits kept, no solarization), but not all of them.
            assert!((0..12).any(|seed| run(seed) != gradient()), "{augmenter:?} changes nothing");
        }
    }

    #[test]
    fn invert_and_posterize() {
        let mut picture = gradient();
        Augmenter::Invert.apply(&mut picture, &mut rng());
        assert_eq!(picture.get_pixel(10, 4).0, [255 - 50, 255 - 24, 255 - 67]);
        let mut levels = std::collections::BTreeSet::new();
        for seed in 0..40 {
            let mut picture = Picture::from_fn(256, 1, |x, _| Rgb([x as u8; 3]));
            Augmenter::Posterize.apply(&mut picture, &mut ChaCha8Rng::seed_from_u64(seed));
            let distinct: std::collections::BTreeSet<u8> = picture.iter().copied().collect();
            assert!(picture.pixels().enumerate().all(|(v, p)| usize::from(p[0]) <= v));
            levels.insert(distinct.len());
        }
        assert_eq!(levels, (1..=8).map(|bits| 1 << bits).collect());
    }

    #[test]
    fn autocontrast_as_pil() {
        // Ten each of 50, 100 and 200: no cutoff stretches 50..200 to 0..255.
        let mut histogram = [0; 256];
        for v in [50, 100, 200] {
            histogram[v] = 10;
        }
        let stretched = autocontrast(histogram, 0);
        assert_eq!((stretched[50], stretched[100], stretched[200], stretched[255]), (0, 85, 255, 255));
        // 20 % of 30 is 6: no bin empties, nothing else changes.
        assert_eq!(autocontrast(histogram, 20), stretched);
        histogram[50] = 2;
        // 20 % of 22 is 4: the two at 50 go, and 100..200 is stretched.
        // The top ends at 254 in PIL too: 200 * 2.55 is a hair below 510.
        let cut = autocontrast(histogram, 20);
        assert_eq!((cut[50], cut[100], cut[150], cut[200]), (0, 0, 127, 254));
        let mut flat = [0; 256];
        flat[9] = 4;
        assert_eq!(autocontrast(flat, 5)[9], 9);
    }

    #[test]
    fn equalize_as_pil() {
        // 255 values of 10, 510 of 20, 100 of 30: step 3, starting at 1.
        let mut histogram = [0; 256];
        (histogram[10], histogram[20], histogram[30]) = (255, 510, 100);
        let table = equalize(&histogram);
        assert_eq!((table[10], table[20], table[30]), (0, 85, 255));
        let mut single = [0; 256];
        single[7] = 1000;
        assert_eq!(equalize(&single)[7], 7);
    }

    #[test]
    fn sharpness_as_pil() {
        let mut picture = Picture::new(5, 5);
        picture.put_pixel(2, 2, Rgb([130, 130, 130]));
        let mut smooth = picture.clone();
        sharpen(&mut smooth, 0.0);
        assert_eq!((smooth.get_pixel(2, 2)[0], smooth.get_pixel(1, 1)[0]), (50, 10));
        assert_eq!(smooth.get_pixel(0, 0)[0], 0);
        let mut same = picture.clone();
        sharpen(&mut same, 1.0);
        assert_eq!(same, picture);
        sharpen(&mut picture, 1.5);
        assert_eq!((picture.get_pixel(2, 2)[0], picture.get_pixel(1, 1)[0]), (170, 0));
    }

    #[test]
    fn three_distinct_augmenters_in_random_order() {
        let mut rng = rng();
        let mut first = [0; 10];
        for _ in 0..400 {
            let mut augmenters = Augmenter::ALL;
            let (chosen, _) = augmenters.partial_shuffle(&mut rng, 3);
            assert!(chosen[0] != chosen[1] && chosen[1] != chosen[2] && chosen[0] != chosen[2]);
            first[chosen[0] as usize] += 1;
        }
        assert!(first.iter().all(|&n| (15..80).contains(&n)), "{first:?}");
    }
}
