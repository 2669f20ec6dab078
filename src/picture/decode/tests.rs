//! Every container, mode and kind of damage.

use image::{GrayAlphaImage, GrayImage, ImageBuffer, Luma, LumaA, Rgb, RgbaImage};

use super::*;
use crate::picture::Depth;

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
        // The name is wrong on purpose: content decides.
        let (picture, details) = decode_detailed(&encode(sample(), format), Path::new("part.jpg")).unwrap();
        assert_eq!(picture, sample(), "{name}");
        let expected = Details { format: name, mode: "RGB 8 bit".into(), turned: false, values: None };
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

/// A 2x1 bitmap with 8-bit indices into a palette of two colors, byte by byte.
fn palette_bitmap() -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    let put = |bytes: &mut Vec<u8>, words: &[u32]| {
        words.iter().for_each(|word| bytes.extend(word.to_le_bytes()));
    };
    put(&mut bytes, &[66, 0, 62, 40, 2, 1, 1 | 8 << 16, 0, 4, 0, 0, 2, 0]);
    bytes.extend([30, 20, 10, 0, 60, 50, 40, 0]);
    bytes.extend([1, 0, 0, 0]);
    bytes
}

#[test]
fn a_palette_is_looked_up() {
    let picture = decode(&palette_bitmap(), Path::new("palette.bmp")).unwrap();
    assert_eq!(picture.into_raw(), [40, 50, 60, 10, 20, 30]);
}

macro_rules! stored_sample {
    ($name:literal) => {
        include_bytes!(concat!("samples/", $name)).as_slice()
    };
}

/// One scan per component (or Y alone, then both colors), as `jpegtran -scans` writes it: the same picture as
/// before, because that tool is lossless.
#[test]
fn a_jpeg_in_several_scans_is_the_same_picture() {
    for (split, whole) in [
        (stored_sample!("split_420.jpg"), stored_sample!("whole_420.jpg")),
        (stored_sample!("split_440.jpg"), stored_sample!("whole_440.jpg")),
        (stored_sample!("split_410.jpg"), stored_sample!("whole_410.jpg")),
        (stored_sample!("split_two.jpg"), stored_sample!("whole_420.jpg")),
        (stored_sample!("split_cmyk.jpg"), stored_sample!("whole_cmyk.jpg")),
    ] {
        let [split, whole] =
            [split, whole].map(|bytes| decode_detailed(bytes, Path::new("part.jpg")).unwrap());
        assert_eq!(split.1, whole.1);
        let off = split.0.iter().zip(whole.0.iter()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off <= Some(4), "{off:?}");
    }
    // Cut off between two scans, but with an end marker.
    let bytes = stored_sample!("split_420.jpg");
    let last = bytes.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    assert!(refusal(&[&bytes[..last], &[0xFF, 0xD9]].concat(), "cut.jpg").contains("cut off"));
}

/// Where the header of the second scan is too short, the decoder went on: it made up the pixels, or it panicked where
/// the components also differ in size.
#[test]
fn a_jpeg_with_a_scan_that_has_no_header_is_refused() {
    let spoiled = |bytes: &[u8], sampling: u8| {
        let mut bytes = bytes.to_vec();
        let at = |marker: u8| bytes.windows(2).rposition(|pair| pair == [0xFF, marker]).unwrap();
        let (frame, scan) = (at(0xC0), at(0xDA));
        // The third component of the frame, and the length of the header.
        bytes[frame + 17] = sampling;
        bytes[scan + 2..scan + 4].fill(0);
        bytes
    };
    for (bytes, sampling) in
        [(stored_sample!("split_420.jpg"), 0x11), (stored_sample!("split_cmyk.jpg"), 0x23)]
    {
        let reason = refusal(&spoiled(bytes, sampling), "part.jpg");
        assert!(reason.starts_with("damaged JPEG data (the header of its frame or of a scan"), "{reason}");
    }
}

/// Where the data of each scan of a JPEG lies.
fn scans(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut scans = Vec::new();
    let mut at = 0;
    while let Some(marker) = bytes[at..].windows(2).position(|pair| pair == [0xFF, 0xDA]) {
        let start = at + marker + 4 + usize::from(bytes[at + marker + 3]) - 2;
        let is_end = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xD0..=0xD7);
        at = start + bytes[start..].windows(2).position(is_end).unwrap();
        scans.push(start..at);
    }
    scans
}

/// What a decoder would fill with gray.
#[test]
fn a_jpeg_that_has_lost_data_before_its_end_is_refused() {
    for (name, bytes) in [
        ("baseline", stored_sample!("whole_420.jpg")),
        ("several scans", stored_sample!("split_420.jpg")),
        ("restarts", stored_sample!("restarts.jpg")),
        ("progressive", stored_sample!("progressive.jpg")),
        ("both", stored_sample!("restarts_progressive.jpg")),
    ] {
        let scan = scans(bytes)[0].clone();
        for kept in 0..scan.len() / 2 {
            for zeros in [0, 1] {
                let lost = [&bytes[..scan.start + kept], &vec![0; zeros][..], &bytes[scan.end..]].concat();
                let reason = refusal(&lost, "part.jpg");
                assert!(reason.starts_with("damaged JPEG data"), "{name}, {kept}: {reason}");
            }
        }
    }
    // Fill bytes are looked at once, however many there are: the square of this many would take minutes.
    let bytes = stored_sample!("whole_420.jpg");
    let filled = [&bytes[..scans(bytes)[0].start], &vec![0xFF; 1 << 20], &[0, 0xFF, 0xD9]].concat();
    assert!(refusal(&filled, "part.jpg").contains("its data ends before the picture does"));
    // All of one restart interval.
    let bytes = stored_sample!("restarts.jpg");
    let [first, second] = [[0xFF, 0xD0], [0xFF, 0xD1]]
        .map(|restart| bytes.windows(2).position(|pair| pair == restart).unwrap());
    let reason = refusal(&[&bytes[..first], &bytes[second..]].concat(), "part.jpg");
    assert!(reason.contains("restart 1 follows where 0 belongs"), "{reason}");
}

#[test]
fn what_is_odd_about_a_whole_jpeg_changes_no_pixel() {
    let whole = stored_sample!("whole_420.jpg");
    let expected = decode(whole, Path::new("part.jpg")).unwrap();
    let data = scans(whole)[0].clone();
    let behind = [whole, &[0; 300], b"maker's notes \xFF\xDA\xFF\xD9"].concat();
    let second = [whole, whole].concat();
    let filled = [&whole[..data.end], &[0xFF; 3], &whole[data.end..]].concat();
    let padded = [&whole[..data.end], &[0; 5], &whole[data.end..]].concat();
    let last_restart = {
        let bytes = stored_sample!("restarts.jpg");
        let end = bytes.len() - 2;
        [&bytes[..end], &[0xFF, 0xD3], &bytes[end..]].concat()
    };
    for (name, bytes) in [
        ("behind the end", behind.as_slice()),
        ("a second picture", &second),
        ("fill bytes", &filled),
        ("padding", &padded),
        ("a restart behind the last data", &last_restart),
        ("restarts", stored_sample!("restarts.jpg")),
        ("progressive", stored_sample!("progressive.jpg")),
        ("progressive with restarts", stored_sample!("restarts_progressive.jpg")),
    ] {
        let picture = decode(bytes, Path::new("part.jpg")).unwrap();
        let off = picture.iter().zip(expected.iter()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off <= Some(4), "{name}: {off:?}");
    }
}

#[test]
fn sound_variants_that_are_not_read_are_not_called_damaged() {
    for (bytes, variant) in [
        (stored_sample!("arithmetic.jpg"), "arithmetic coding"),
        (stored_sample!("twelve.jpg"), "12 bits per value"),
        (stored_sample!("lossless.jpg"), "lossless"),
        (stored_sample!("jpegls.jpg"), "JPEG-LS"),
    ] {
        let reason = refusal(bytes, "camera.jpg");
        assert_eq!(reason, format!("this variant of JPEG is not read ({variant}); save it as 8-bit PNG"));
    }
    assert!(refusal(b"\0\0\0\x0cjP  \r\n\x87\n", "part.jp2").contains("JPEG 2000"));
}

#[test]
fn a_tiff_with_long_offsets_is_read() {
    let (picture, details) = decode_detailed(stored_sample!("big.tif"), Path::new("big.tif")).unwrap();
    assert_eq!((picture.dimensions(), details.format), ((4, 5), "TIFF"));
    assert_eq!(picture.as_raw()[..6], [60, 230, 40, 68, 230, 44]);
}

#[test]
fn a_tiff_is_read_however_its_pixels_lie() {
    let plain = decode(stored_sample!("big.tif"), Path::new("plain.tif")).unwrap();
    for (name, bytes) in [
        ("planes in strips", stored_sample!("planar.tif")),
        ("Deflate tiles", stored_sample!("tiled.tif")),
        ("big-endian, LZW with differences", stored_sample!("big_endian.tif")),
        ("PackBits", stored_sample!("packbits.tif")),
    ] {
        assert_eq!(decode(bytes, Path::new("part.tif")).unwrap(), plain, "{name}");
    }
    let gray = decode(stored_sample!("white_is_zero.tif"), Path::new("part.tif")).unwrap();
    assert!(gray.pixels().zip(plain.pixels()).all(|(gray, plain)| gray.0 == [plain[0]; 3]));
    // Those that are sound but not read say so, and what helps.
    for (bytes, variant) in [
        (stored_sample!("zstd.tif"), "ZSTD"),
        (stored_sample!("planar_tiled.tif"), "(planes in tiles that end below the picture)"),
    ] {
        let reason = refusal(bytes, "part.tif");
        assert!(reason.starts_with("this variant of TIFF is not read"), "{reason}");
        assert!(reason.contains(variant) && reason.contains("8-bit PNG"), "{reason}");
    }
}

/// A file of three pages, and one with a small copy before the picture, as slide scanners write it.
#[test]
fn of_several_pages_the_first_full_one_is_read() {
    for bytes in
        [stored_sample!("pages.tif"), stored_sample!("copy_first.tif"), stored_sample!("copy_first_big.tif")]
    {
        let picture = decode(bytes, Path::new("scan.tif")).unwrap();
        assert_eq!(picture.dimensions(), (4, 5));
        assert_eq!(picture.as_raw()[..6], [60, 230, 40, 68, 230, 44]);
    }
}

#[test]
fn the_mode_is_the_stored_one() {
    let mode = |bytes: &[u8]| decode_detailed(bytes, Path::new("x")).unwrap().1.mode;
    assert_eq!(mode(stored_sample!("whole_cmyk.jpg")), "CMYK 8 bit");
    assert_eq!(mode(&small_png(1, 0, &[0x80])), "grey 1 bit");
    assert_eq!(mode(&small_png(2, 3, &[0x40])), "palette 2 bit");
    assert_eq!(mode(&palette_bitmap()), "palette 8 bit");
}

/// A PNG of 2 x 1 pixels of less than 8 bits, all in one byte; with a palette of two colors if it needs one.
fn small_png(bits: u8, color: u8, row: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8], data: &[u8]| {
        bytes.extend((data.len() as u32).to_be_bytes());
        let all = [kind, data].concat();
        bytes.extend(&all);
        bytes.extend(crc(&all).to_be_bytes());
    };
    chunk(b"IHDR", &[0, 0, 0, 2, 0, 0, 0, 1, bits, color, 0, 0, 0]);
    if color == 3 {
        chunk(b"PLTE", &[1, 2, 3, 9, 8, 7]);
    }
    let raw = [&[0], row].concat();
    let length = (raw.len() as u16).to_le_bytes();
    let inverse = (!(raw.len() as u16)).to_le_bytes();
    let (mut low, mut high) = (1u32, 0u32);
    for &byte in &raw {
        low += u32::from(byte);
        high += low;
    }
    let sum = (high << 16 | low).to_be_bytes();
    chunk(b"IDAT", &[&[0x78, 1, 1][..], &length, &inverse, &raw, &sum].concat());
    chunk(b"IEND", &[]);
    bytes
}

#[test]
fn values_of_a_camera_of_12_bits_are_noticed_and_read_in_their_range() {
    let raw = vec![0, 2048, 4080, 4095];
    let deep = ImageBuffer::<Luma<u16>, _>::from_raw(4, 1, raw).unwrap();
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let bytes = encode(deep.clone(), format);
        let (picture, details) = decode_detailed(&bytes, Path::new("x")).unwrap();
        assert_eq!(picture.as_raw()[9..], [16; 3]);
        let values = details.values.unwrap();
        assert_eq!((values.depth, values.lowest, values.highest), (Depth::Sixteen, 0.0, 4095.0));
        let range = Range::of(&[values]);
        let (picture, details) = decode_ranged(&bytes, Path::new("x"), range).unwrap();
        assert_eq!(picture.pixels().map(|pixel| pixel[0]).collect::<Vec<_>>(), [0, 128, 254, 255]);
        assert_eq!(details.values, Some(values));
    }
    // 8-bit values stay the same.
    let bytes = encode(sample(), ImageFormat::Png);
    assert_eq!(decode_ranged(&bytes, Path::new("x"), Range::new(0.0, 4095.0)).unwrap().0, sample());
}

#[test]
fn floats_are_read_in_their_range_and_refused_where_they_are_no_numbers() {
    let float = |value| {
        let image = ImageBuffer::<Rgb<f32>, _>::from_pixel(2, 2, Rgb([0.0, 51.0, value]));
        encode(image, ImageFormat::Tiff)
    };
    let (picture, details) = decode_ranged(&float(255.0), Path::new("x"), Range::new(0.0, 255.0)).unwrap();
    assert_eq!(picture.get_pixel(1, 1).0, [0, 51, 255]);
    assert_eq!(details.values.unwrap().highest, 255.0);
    for value in [f32::NAN, f32::INFINITY] {
        assert!(refusal(&float(value), "float.tif").contains("not numbers"));
    }
}

/// A JPEG with an EXIF segment that contains only the orientation.
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

    // In other containers.
    let plain = decode(stored_sample!("big.tif"), Path::new("plain.tif")).unwrap();
    let turned = image::imageops::rotate90(&plain);
    assert_eq!(decode(stored_sample!("turned.tif"), Path::new("part.tif")).unwrap(), turned);
    let mut png = encode(plain, ImageFormat::Png);
    let exif = b"eXIfII*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let chunk = [&(exif.len() as u32 - 4).to_be_bytes(), &exif[..], &crc(exif).to_be_bytes()].concat();
    // Behind the header's chunk.
    png.splice(33..33, chunk);
    assert_eq!(decode(&png, Path::new("part.png")).unwrap(), turned);
}

#[test]
fn files_that_are_no_pictures_are_named() {
    assert!(refusal(b"", "empty.png").contains("0 bytes"));
    assert!(refusal(b"once upon a time there was a part", "notes.png").contains("looks like text"));
    assert!(refusal(&[0; 64], "zeros.jpg").contains("only zeros"));
    assert!(refusal(b"GIF89a\x01\0\x01\0\0\0\0;", "part.png").contains("GIF file; convert it"));
    assert!(refusal(b"\0\0\0\x18ftypavif\0\0\0\0", "phone.png").contains("it is an AVIF file"));
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
    // The end that says that this was all.
    let png = encode(sample(), Png);
    assert!(refusal(&png[..png.len() - 12], "cut.png").contains("cut off"));
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
    // The same header with a reasonable size fails for its data, not for its size.
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
