//! Every container, mode and kind of damage.

use image::{GrayAlphaImage, GrayImage, ImageBuffer, Luma, LumaA, Rgb, RgbaImage};

use super::*;

fn sample() -> Picture {
    Picture::from_fn(24, 16, |x, y| Rgb([(x * 10) as u8, (y * 15) as u8, (x + y) as u8]))
}

fn encode(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn refusal(bytes: &[u8], name: &str) -> String {
    match decode(bytes, Path::new(name)) {
        Err(Error::Picture { path, reason }) => {
            assert_eq!(path, Path::new(name));
            assert!(!reason.contains('\n'), "{reason}");
            reason
        }
        Err(error) => panic!("another error: {error}"),
        Ok(_) => panic!("{name} was decoded"),
    }
}

#[test]
fn lossless_containers_give_the_pixels_back() {
    use ImageFormat::{Bmp, Png, Tiff, WebP};
    for (format, name) in [(Png, "PNG"), (Bmp, "BMP"), (Tiff, "TIFF"), (WebP, "WebP")] {
        // The name lies on purpose: content decides.
        let (picture, details) = decode_detailed(&encode(sample(), format), Path::new("part.jpg")).unwrap();
        assert_eq!(picture, sample(), "{name}");
        let expected = Details { format: name, mode: "RGB 8 bit".into(), turned: false };
        assert_eq!(details, expected);
    }
}

#[test]
fn jpeg_called_png_is_read() {
    let picture = decode(&encode(sample(), ImageFormat::Jpeg), Path::new("part.png")).unwrap();
    assert_eq!(picture.dimensions(), (24, 16));
    let off = picture.iter().zip(sample().iter()).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(off < Some(40), "{off:?}");
}

#[test]
fn grey_alpha_and_depth_become_rgb() {
    let at = |image: DynamicImage, format| {
        let (picture, details) = decode_detailed(&encode(image, format), Path::new("x")).unwrap();
        (picture.get_pixel(0, 0).0, details.mode)
    };
    let grey = GrayImage::from_pixel(2, 2, Luma([77]));
    assert_eq!(at(grey.into(), ImageFormat::Png), ([77; 3], "grey 8 bit".into()));
    let grey = GrayAlphaImage::from_pixel(2, 2, LumaA([77, 3]));
    assert_eq!(at(grey.into(), ImageFormat::Png), ([77; 3], "grey + alpha 8 bit".into()));
    let clear = RgbaImage::from_pixel(2, 2, image::Rgba([9, 8, 7, 0]));
    assert_eq!(at(clear.into(), ImageFormat::Png), ([9, 8, 7], "RGBA 8 bit".into()));
    let deep = ImageBuffer::<Luma<u16>, _>::from_pixel(2, 2, Luma([0x8080]));
    assert_eq!(at(deep.clone().into(), ImageFormat::Png), ([0x80; 3], "grey 16 bit".into()));
    assert_eq!(at(deep.into(), ImageFormat::Tiff), ([0x80; 3], "grey 16 bit".into()));
    let deep = ImageBuffer::<Rgb<u16>, _>::from_pixel(2, 2, Rgb([0, 257, 65535]));
    assert_eq!(at(deep.into(), ImageFormat::Png), ([0, 1, 255], "RGB 16 bit".into()));
    let float = ImageBuffer::<Rgb<f32>, _>::from_pixel(2, 2, Rgb([-1.0, 0.4, 7.0]));
    assert_eq!(at(float.into(), ImageFormat::Tiff), ([0, 102, 255], "RGB float".into()));
}

/// A 2x1 bitmap with 8-bit indices into a palette of two colours, byte by byte.
#[test]
fn a_palette_is_looked_up() {
    let mut bytes = b"BM".to_vec();
    let put = |bytes: &mut Vec<u8>, words: &[u32]| {
        words.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
    };
    put(&mut bytes, &[66, 0, 62, 40, 2, 1, 1 | 8 << 16, 0, 4, 0, 0, 2, 0]);
    bytes.extend([30, 20, 10, 0, 60, 50, 40, 0]);
    bytes.extend([1, 0, 0, 0]);
    let picture = decode(&bytes, Path::new("palette.bmp")).unwrap();
    assert_eq!(picture.into_raw(), [40, 50, 60, 10, 20, 30]);
}

/// A JPEG with an EXIF segment that holds nothing but the orientation.
fn oriented(orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    let picture = Picture::from_fn(32, 16, |x, _| Rgb([if x < 16 { 0 } else { 250 }; 3]));
    let plain = encode(picture, ImageFormat::Jpeg);
    let mut bytes = plain[..2].to_vec();
    bytes.extend([0xFF, 0xE1]);
    bytes.extend((exif.len() as u16 + 2).to_be_bytes());
    bytes.extend(exif);
    bytes.extend(&plain[2..]);
    bytes
}

#[test]
fn the_exif_orientation_is_honoured() {
    let bright = |orientation, x, y| {
        let (picture, details) = decode_detailed(&oriented(orientation), Path::new("phone.jpg")).unwrap();
        assert_eq!(details.turned, orientation != 1);
        let size = if orientation > 4 { (16, 32) } else { (32, 16) };
        assert_eq!(picture.dimensions(), size);
        picture.get_pixel(x, y)[0] > 128
    };
    assert!(!bright(1, 2, 8) && bright(1, 30, 8));
    assert!(bright(3, 2, 8) && !bright(3, 30, 8));
    // 6: the stored left side is the top.
    assert!(!bright(6, 8, 2) && bright(6, 8, 30));
    assert!(bright(8, 8, 2) && !bright(8, 8, 30));
}

#[test]
fn files_that_are_no_pictures_are_named() {
    assert!(refusal(b"", "empty.png").contains("0 bytes"));
    assert!(refusal(b"once upon a time there was a part", "notes.png").contains("looks like text"));
    assert!(refusal(&[0; 64], "zeros.jpg").contains("only zeros"));
    assert!(refusal(b"GIF89a\x01\0\x01\0\0\0\0;", "part.png").contains("GIF file; convert it"));
    assert!(refusal(b"\0\0\0\x18ftypheic\0\0\0\0", "phone.jpg").contains("HEIC"));
}

#[test]
fn every_truncated_container_is_refused() {
    use ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
    for format in [Jpeg, Png, Bmp, Tiff, WebP] {
        let whole = encode(sample(), format);
        assert!(decode(&whole, Path::new("whole")).is_ok());
        for share in [1, 2, 3] {
            let reason = refusal(&whole[..whole.len() * share / 4], "cut");
            assert!(reason.contains("again") || reason.contains("convert"), "{format:?}: {reason}");
        }
    }
    let jpeg = encode(sample(), Jpeg);
    assert!(refusal(&jpeg[..jpeg.len() - 2], "cut.jpg").contains("cut off"));
}

#[test]
fn damaged_data_is_refused() {
    let mut bytes = encode(sample(), ImageFormat::Png);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xFF;
    assert!(refusal(&bytes, "damaged.png").contains("damaged PNG"));
}

/// A PNG that is only a header: 60 bytes that ask for gigabytes.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = encode(GrayImage::new(1, 1), ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & (sum & 1).wrapping_neg()))
    })
}

#[test]
fn decompression_bombs_are_refused_before_they_are_unpacked() {
    for (width, height) in [(20_001, 1), (1, 4_000_000_000), (19_000, 19_000)] {
        let reason = refusal(&bomb(width, height), "bomb.png");
        assert!(reason.contains(&format!("{width} x {height} pixels")), "{reason}");
        assert!(reason.contains("20000 per side and 300 megapixels"), "{reason}");
    }
    // The same header with an honest size fails for its data, not for its size.
    assert!(!refusal(&bomb(64, 64), "short.png").contains("limit"));
}

/// Bytes changed at random: an error or a picture, never a panic.
#[test]
fn mutated_files_never_panic() {
    use rand::RngExt;
    use rand_chacha::rand_core::SeedableRng;
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let (mut refused, mut read) = (0, 0);
    for format in
        [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP]
    {
        let whole = encode(sample(), format);
        for _ in 0..150 {
            let mut bytes = whole.clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
            match decode(&bytes, Path::new("mutated")) {
                Ok(picture) => read += usize::from(!picture.is_empty()),
                Err(Error::Picture { .. }) => refused += 1,
                Err(error) => panic!("another error: {error}"),
            }
        }
    }
    assert_eq!(refused + read, 750);
    assert!(refused > 100 && read > 100, "{refused} refused, {read} read");
}
