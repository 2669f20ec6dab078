//! Pictures and masks.

use super::said;
use aand::picture::{BROKE_DOWN, Range, decode, decode_mask, decode_ranged};
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage};
use std::fs;
use std::io::Cursor;
use std::path::Path;

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A small picture of each kind.
fn seeds() -> Vec<Vec<u8>> {
    let plain = RgbImage::from_fn(20, 12, |x, y| Rgb([(x * 12) as u8, (y * 20) as u8, (x + y) as u8]));
    let mut seeds: Vec<Vec<u8>> =
        [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP]
            .map(|format| encoded(plain.clone(), format))
            .into();
    let deep = ImageBuffer::<Luma<u16>, _>::from_fn(9, 7, |x, y| Luma([(x * 400 + y) as u16]));
    seeds.extend([ImageFormat::Png, ImageFormat::Tiff].map(|format| encoded(deep.clone(), format)));
    let float = ImageBuffer::<Rgb<f32>, _>::from_fn(6, 5, |x, y| Rgb([x as f32, y as f32 / 5.0, 0.5]));
    seeds.push(encoded(float, ImageFormat::Tiff));
    // Every variant that the decoder is tested on.
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/picture/decode/samples");
    let mut files: Vec<_> = fs::read_dir(samples).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let files = files.iter().map(|file| fs::read(file).unwrap());
    seeds.extend(files.filter(|bytes| decode(bytes, Path::new("sample")).is_ok()));
    assert!(seeds.len() > 25, "{} seeds", seeds.len());
    seeds
}

/// A sound refusal: a decoder that panicked costs the user one picture only, but is a finding here.
fn refused(error: &aand::Error) {
    said(error);
    assert!(!error.to_string().contains(BROKE_DOWN), "{error}");
}

#[test]
fn fuzz_picture() {
    let seeds = seeds();
    let range = Range::new(0.0, 4095.0);
    seeds.iter().for_each(|seed| drop(decode_ranged(seed, Path::new("seed"), range).unwrap()));
    fuzz!(&seeds, |bytes: &[u8]| match decode_ranged(bytes, Path::new("fuzzed"), range) {
        Ok((picture, details)) => {
            assert!(picture.width() > 0 && picture.height() > 0);
            assert!(details.values.is_none_or(|values| values.lowest <= values.highest));
        }
        Err(error) => refused(&error),
    });
}

#[test]
fn fuzz_mask() {
    let seeds = seeds();
    seeds.iter().for_each(|seed| drop(decode_mask(seed, Path::new("seed")).unwrap()));
    fuzz!(&seeds, |bytes: &[u8]| match decode_mask(bytes, Path::new("fuzzed")) {
        Ok(mask) => assert_eq!(mask.data.len(), mask.width * mask.height),
        Err(error) => refused(&error),
    });
}
