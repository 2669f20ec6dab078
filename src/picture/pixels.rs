//! Pictures already in memory: a camera's frame, an array of another program.

use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageBuffer, RgbImage, RgbaImage};

use super::range::{Range, Values};
use super::{MAX_PIXELS, MAX_SIDE, Picture, Size};
use crate::{Error, Result};

/// Pixels row by row, with interleaved channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pixels<'a> {
    /// 8 bits.
    U8(&'a [u8]),
    /// 16 bits.
    U16(&'a [u16]),
    /// Floating-point numbers.
    F32(&'a [f32]),
}

impl Pixels<'_> {
    fn count(self) -> usize {
        match self {
            Self::U8(pixels) => pixels.len(),
            Self::U16(pixels) => pixels.len(),
            Self::F32(pixels) => pixels.len(),
        }
    }
}

/// A picture of `size` from pixels `[H, W, channels]`: 1 grey, 2 grey and alpha, 3 red, green, blue, 4 with alpha. The
/// result is the same as from a file with these values: grey is repeated, alpha is dropped, and values of more than 8
/// bits are read from the range's black to its white, or without a range at full scale (floats: 0 to 1).
///
/// # Errors
/// The number of pixels is wrong, zero or too large, the number of channels is not supported, or a value is not a
/// finite number.
pub fn from_pixels(pixels: Pixels<'_>, size: Size, channels: usize, range: Option<Range>) -> Result<Picture> {
    let wrong = |reason: String| Err(Error::Setting(reason));
    let Size { width, height } = size;
    if !(1..=4).contains(&channels) {
        return wrong(format!("a picture of {channels} channels: must be 1, 2, 3 (red, green, blue) or 4"));
    }
    if width == 0 || height == 0 {
        return wrong(format!("a picture of {width} x {height} pixels: it has none"));
    }
    if size.longer() > MAX_SIDE as usize || size.area() as u64 > MAX_PIXELS {
        let most = MAX_PIXELS / 1_000_000;
        return wrong(format!(
            "a picture of {width} x {height} pixels is beyond the limit of {MAX_SIDE} per side and {most} megapixels; \
             scale it down or cut it into parts"
        ));
    }
    let count = pixels.count();
    if count != size.area() * channels {
        return wrong(format!("{count} values for {width} x {height} pixels of {channels} channels"));
    }
    let (w, h) = size.pixels();
    let image = match (pixels, channels) {
        // The most frequent case is a mere copy.
        (Pixels::U8(raw), 3) => RgbImage::from_raw(w, h, raw.to_vec()).map(DynamicImage::ImageRgb8),
        (Pixels::U8(raw), 1) => GrayImage::from_raw(w, h, raw.to_vec()).map(DynamicImage::ImageLuma8),
        (Pixels::U8(raw), 2) => GrayAlphaImage::from_raw(w, h, raw.to_vec()).map(DynamicImage::ImageLumaA8),
        (Pixels::U8(raw), _) => RgbaImage::from_raw(w, h, raw.to_vec()).map(DynamicImage::ImageRgba8),
        (Pixels::U16(raw), 1) => ImageBuffer::from_raw(w, h, raw.to_vec()).map(DynamicImage::ImageLuma16),
        (Pixels::U16(raw), 2) => ImageBuffer::from_raw(w, h, raw.to_vec()).map(DynamicImage::ImageLumaA16),
        (Pixels::U16(raw), 3) => ImageBuffer::from_raw(w, h, raw.to_vec()).map(DynamicImage::ImageRgb16),
        (Pixels::U16(raw), _) => ImageBuffer::from_raw(w, h, raw.to_vec()).map(DynamicImage::ImageRgba16),
        // `image` has no type for grey floats.
        (Pixels::F32(raw), 1 | 2) => {
            let grey = raw.chunks_exact(channels).flat_map(|pixel| [pixel[0]; 3]).collect();
            ImageBuffer::from_raw(w, h, grey).map(DynamicImage::ImageRgb32F)
        }
        (Pixels::F32(raw), 3) => ImageBuffer::from_raw(w, h, raw.to_vec()).map(DynamicImage::ImageRgb32F),
        (Pixels::F32(raw), _) => ImageBuffer::from_raw(w, h, raw.to_vec()).map(DynamicImage::ImageRgba32F),
    };
    let Some(image) = image else {
        return wrong(format!("{count} values for {width} x {height} pixels of {channels} channels"));
    };
    if Values::of(&image).is_some_and(|values| !values.are_finite()) {
        return wrong("a picture with values that are not numbers or infinite; replace them".into());
    }
    Ok(match range {
        Some(range) => range.apply(image),
        None => image.into_rgb8(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::decode_ranged;
    use image::{ImageFormat, Luma, Rgb};
    use std::io::Cursor;
    use std::path::Path;

    fn file(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    const SIZE: Size = Size::new(3, 2);

    /// Pixels in memory give the same picture as a file with the same values.
    #[test]
    fn the_same_as_from_a_file() {
        let name = Path::new("a file");
        for range in [None, Range::new(0.0, 4095.0)] {
            let deep: Vec<u16> = (0..18).map(|i| i * 241).collect();
            let stored: ImageBuffer<Rgb<u16>, _> = ImageBuffer::from_raw(3, 2, deep.clone()).unwrap();
            let file_of = decode_ranged(&file(stored, ImageFormat::Png), name, range).unwrap().0;
            assert_eq!(from_pixels(Pixels::U16(&deep), SIZE, 3, range).unwrap(), file_of);

            let stored: ImageBuffer<Luma<u16>, _> = ImageBuffer::from_raw(3, 2, deep[..6].to_vec()).unwrap();
            let file_of = decode_ranged(&file(stored, ImageFormat::Png), name, range).unwrap().0;
            assert_eq!(from_pixels(Pixels::U16(&deep[..6]), SIZE, 1, range).unwrap(), file_of);
        }
        let float: Vec<f32> = (0..18).map(|i| i as f32 / 15.0 - 0.1).collect();
        let stored: ImageBuffer<Rgb<f32>, _> = ImageBuffer::from_raw(3, 2, float.clone()).unwrap();
        for range in [None, Range::new(-0.1, 1.1)] {
            let file_of = decode_ranged(&file(stored.clone(), ImageFormat::Tiff), name, range).unwrap().0;
            assert_eq!(from_pixels(Pixels::F32(&float), SIZE, 3, range).unwrap(), file_of);
        }
    }

    #[test]
    fn grey_is_repeated_and_alpha_dropped() {
        let bytes: Vec<u8> = (0..24).collect();
        let of = |channels: usize| {
            let picture = from_pixels(Pixels::U8(&bytes[..6 * channels]), SIZE, channels, None).unwrap();
            picture.get_pixel(1, 1).0
        };
        assert_eq!([of(1), of(2), of(3), of(4)], [[4; 3], [8; 3], [12, 13, 14], [16, 17, 18]]);
        let float: Vec<f32> = (0..6).map(|i| i as f32 / 5.0).collect();
        let grey = from_pixels(Pixels::F32(&float), SIZE, 1, None).unwrap();
        assert_eq!([grey.get_pixel(0, 0).0, grey.get_pixel(2, 1).0], [[0; 3], [255; 3]]);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let refused =
            |pixels, size, channels| from_pixels(pixels, size, channels, None).unwrap_err().to_string();
        let bytes = [0; 18];
        assert!(refused(Pixels::U8(&bytes), SIZE, 5).contains("5 channels"));
        assert!(refused(Pixels::U8(&bytes), SIZE, 4).contains("18 values"));
        assert!(refused(Pixels::U8(&[]), Size::new(0, 2), 3).contains("has none"));
        assert!(refused(Pixels::U8(&bytes), Size::new(30_000, 1), 3).contains("beyond the limit"));
        assert!(refused(Pixels::F32(&[f32::NAN; 18]), SIZE, 3).contains("not numbers"));
    }
}
