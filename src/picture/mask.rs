//! Masks: where a defect or the foreground is (method.md 2.5 and 6).

use std::path::Path;

use image::{DynamicImage, GrayImage, Luma};
use imageproc::region_labelling::{Connectivity, connected_components};

use super::decode::{MAX_PIXELS, is_lossy, read};
use crate::error::Result;

/// A patch counts as marked when more than this share of its pixels is (method.md 2.5).
pub const PATCH_SHARE: f64 = 0.3;

/// Which pixels belong to a defect or to the foreground, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` values, row-major.
    pub data: Vec<bool>,
}

impl Mask {
    /// A mask with the same value everywhere.
    pub fn filled(width: usize, height: usize, value: bool) -> Self {
        Self { width, height, data: vec![value; width * height] }
    }

    /// Number of marked pixels.
    pub fn count(&self) -> usize {
        self.data.iter().filter(|&&marked| marked).count()
    }

    /// The 8-connected components: for each pixel, row by row, 0 if unmarked, else 1 + the number of its
    /// component.
    pub(crate) fn components(&self) -> Vec<u32> {
        let marks = self.data.iter().map(|&marked| u8::from(marked)).collect();
        let picture = GrayImage::from_raw(self.width as u32, self.height as u32, marks);
        picture.map_or_else(Vec::new, |picture| {
            connected_components(&picture, Connectivity::Eight, Luma([0])).into_raw()
        })
    }

    /// `size` pixels, starting at `corner`; nothing is marked beyond the border.
    pub fn cut(&self, corner: [isize; 2], size: super::Size) -> Self {
        let inside = |from: isize, i: usize, length: usize| {
            usize::try_from(from + i as isize).ok().filter(|&at| at < length)
        };
        let mut cut = Self::filled(size.width, size.height, false);
        for (y, row) in cut.data.chunks_exact_mut(size.width.max(1)).enumerate() {
            let Some(line) = inside(corner[1], y, self.height) else { continue };
            for (x, marked) in row.iter_mut().enumerate() {
                let column = inside(corner[0], x, self.width);
                *marked = column.is_some_and(|column| self.data[line * self.width + column]);
            }
        }
        cut
    }

    /// The pixels that are also marked in another mask of the same size.
    pub fn and(mut self, other: &Self) -> Self {
        self.data.iter_mut().zip(&other.data).for_each(|(marked, &too)| *marked &= too);
        self
    }

    /// Shrinks to `size`: a pixel is marked if any pixel that it covers is.
    pub fn any(&self, size: super::Size) -> Self {
        let mut any = Self::filled(size.width, size.height, false);
        for (y, row) in self.data.chunks_exact(self.width.max(1)).enumerate() {
            let line = y * size.height / self.height.max(1) * size.width;
            for (x, _) in row.iter().enumerate().filter(|(_, marked)| **marked) {
                any.data[line + x * size.width / self.width.max(1)] = true;
            }
        }
        any
    }

    /// Scales to `width` x `height` by Pillow's nearest rule, source index `floor((i + 0.5) * in / out)`:
    /// the rule for ground truth (method.md 6).
    pub fn resize_pil_nearest(&self, width: usize, height: usize) -> Self {
        self.gather(width, height, |index, from, to| (2 * index + 1) * from / (2 * to))
    }

    /// Scales to `width` x `height` by PyTorch's nearest rule, source index `floor(i * in / out)`:
    /// the rule for foreground masks (method.md 3.3).
    pub fn resize_torch_nearest(&self, width: usize, height: usize) -> Self {
        self.gather(width, height, |index, from, to| index * from / to)
    }

    fn gather(&self, width: usize, height: usize, rule: fn(usize, usize, usize) -> usize) -> Self {
        if self.data.is_empty() {
            return Self::filled(width, height, false);
        }
        let columns: Vec<usize> = (0..width).map(|x| rule(x, self.width, width)).collect();
        let mut data = Vec::with_capacity(width * height);
        for y in 0..height {
            let row = &self.data[rule(y, self.height, height) * self.width..][..self.width];
            data.extend(columns.iter().map(|&x| row[x]));
        }
        Self { width, height, data }
    }

    /// Labels of `height` x `width` patches, row-major: adaptive average pooling (PyTorch's windows, from
    /// `floor(i * in / out)` to `ceil((i + 1) * in / out)`), then the share strictly above [`PATCH_SHARE`]
    /// (method.md 2.5).
    pub fn patch_labels(&self, height: usize, width: usize) -> Vec<bool> {
        if self.data.is_empty() {
            return vec![false; height * width];
        }
        let window =
            |index: usize, from: usize, to: usize| (index * from / to)..((index + 1) * from).div_ceil(to);
        let mut labels = Vec::with_capacity(height * width);
        for y in 0..height {
            let rows = window(y, self.height, height);
            for x in 0..width {
                let columns = window(x, self.width, width);
                let area = rows.len() * columns.len();
                let marked: usize = rows
                    .clone()
                    .map(|row| &self.data[row * self.width..][columns.clone()])
                    .map(|run| run.iter().filter(|&&marked| marked).count())
                    .sum();
                // 0.3 in integers, so that 3 of 10 is not above it through rounding.
                labels.push(10 * marked > 3 * area);
            }
        }
        labels
    }
}

/// Reads a ground-truth mask from the bytes of a picture; `name` is for error messages only.
///
/// At native size, any pixel with a channel above 0 is marked, because VisA stores small integers instead of
/// 255 (method.md 6). Lossy files (JPEG, lossy WebP) have noise around 0, so there only values in the upper
/// half of the range count.
///
/// # Errors
/// As [`decode`](super::decode()).
pub fn decode_mask(bytes: &[u8], name: &Path) -> Result<Mask> {
    let (image, _) = read(bytes, name, MAX_PIXELS)?;
    let floor: u8 = if is_lossy(bytes) { 127 } else { 0 };
    let data = match &image {
        DynamicImage::ImageLuma8(grey) => grey.as_raw().iter().map(|&value| value > floor).collect(),
        DynamicImage::ImageLumaA8(_) | DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => {
            image.to_rgb8().pixels().map(|pixel| pixel.0.iter().any(|&value| value > floor)).collect()
        }
        _ => image.to_rgb16().pixels().map(|pixel| pixel.0.iter().any(|&value| value > 0)).collect(),
    };
    Ok(Mask { width: image.width() as usize, height: image.height() as usize, data })
}

/// Reads a ground-truth mask from a file; see [`decode_mask`].
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) when the file cannot be read, else as [`decode`](super::decode()).
#[cfg(not(target_arch = "wasm32"))]
pub fn open_mask(path: impl AsRef<Path>) -> Result<Mask> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| crate::Error::io(path, source))?;
    decode_mask(&bytes, path)
}

/// Whether a mask's colors are the same everywhere while its alpha channel, which is not read, is not.
#[cfg(not(target_arch = "wasm32"))]
pub fn is_drawn_in_alpha(path: impl AsRef<Path>) -> bool {
    let path = path.as_ref();
    let Some((image, _)) = std::fs::read(path).ok().and_then(|bytes| read(&bytes, path, MAX_PIXELS).ok())
    else {
        return false;
    };
    let pixels = image.has_alpha().then(|| image.into_rgba8());
    pixels.is_some_and(|pixels| {
        let varies = |values: std::ops::Range<usize>| {
            let first = pixels.pixels().next().map(|pixel| &pixel.0[values.clone()]);
            pixels.pixels().any(|pixel| Some(&pixel.0[values.clone()]) != first)
        };
        !varies(0..3) && varies(3..4)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, ImageFormat, Luma};
    use std::io::Cursor;

    fn ramp(width: usize) -> Vec<Mask> {
        // One mask per source column: the mask that is marked in the result tells which column was picked.
        (0..width)
            .map(|lit| Mask { width, height: 1, data: (0..width).map(|x| x == lit).collect() })
            .collect()
    }

    fn picked(resize: impl Fn(&Mask) -> Mask, from: usize, to: usize) -> Vec<usize> {
        let resized: Vec<Mask> = ramp(from).iter().map(resize).collect();
        (0..to).map(|x| resized.iter().position(|mask| mask.data[x]).unwrap()).collect()
    }

    /// Golden values of method.md 12.
    #[test]
    fn the_two_nearest_rules_differ() {
        assert_eq!(picked(|mask| mask.resize_pil_nearest(4, 1), 10, 4), [1, 3, 6, 8]);
        assert_eq!(picked(|mask| mask.resize_torch_nearest(4, 1), 10, 4), [0, 2, 5, 7]);
        assert_eq!(picked(|mask| mask.resize_pil_nearest(5, 1), 2, 5), [0, 0, 1, 1, 1]);
    }

    /// Golden values of method.md 12: 4 of 16 is not enough, 5 of 16 is.
    #[test]
    fn a_patch_needs_more_than_three_tenths() {
        let mut mask = Mask::filled(8, 4, false);
        for index in [0, 1, 8, 9] {
            mask.data[index] = true;
        }
        for index in [4, 5, 12, 13, 31] {
            mask.data[index] = true;
        }
        assert_eq!(mask.patch_labels(1, 2), [false, true]);
        assert_eq!(mask.count(), 9);
        let tenth = Mask { width: 10, height: 1, data: (0..10).map(|x| x < 3).collect() };
        assert_eq!(tenth.patch_labels(1, 1), [false]);
    }

    #[test]
    fn patches_of_other_sizes_overlap_as_adaptive_pooling_does() {
        // 5 -> 2: windows 0..3 and 2..5.
        let mask = Mask { width: 5, height: 1, data: vec![false, false, true, false, false] };
        assert_eq!(mask.patch_labels(1, 2), [true, true]);
        assert_eq!(Mask::filled(0, 0, true).patch_labels(2, 2), [false; 4]);
    }

    fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn small_integers_are_marked() {
        let grey = GrayImage::from_fn(3, 2, |x, y| Luma([u8::from(x == 2) * (y as u8 + 1)]));
        let mask = decode_mask(&encode(&grey.into(), ImageFormat::Png), Path::new("m.png")).unwrap();
        assert_eq!((mask.width, mask.height), (3, 2));
        assert_eq!(mask.data, [false, false, true, false, false, true]);
    }

    #[test]
    fn sixteen_bits_and_color_are_marked_too() {
        let deep = image::ImageBuffer::<Luma<u16>, _>::from_fn(2, 1, |x, _| Luma([x as u16]));
        let mask = decode_mask(&encode(&deep.into(), ImageFormat::Png), Path::new("m.png")).unwrap();
        assert_eq!(mask.data, [false, true]);
        let blue = super::super::Picture::from_fn(2, 1, |x, _| image::Rgb([0, 0, 9 * x as u8]));
        let mask = decode_mask(&encode(&blue.into(), ImageFormat::Bmp), Path::new("m.bmp")).unwrap();
        assert_eq!(mask.data, [false, true]);
    }

    #[test]
    fn a_jpeg_mask_does_not_ring() {
        let grey = GrayImage::from_fn(32, 32, |x, y| Luma([255 * u8::from((11..21).contains(&x) && y > 12)]));
        let mask = decode_mask(&encode(&grey.clone().into(), ImageFormat::Jpeg), Path::new("m.jpg")).unwrap();
        let truth: Vec<bool> = grey.pixels().map(|pixel| pixel[0] > 0).collect();
        let wrong = mask.data.iter().zip(&truth).filter(|(a, b)| a != b).count();
        assert!(wrong <= 4, "{wrong} of {} pixels differ", truth.len());
    }
}
