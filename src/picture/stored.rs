//! How a picture is stored, in words for `aand inspect`.

use std::io::Cursor;

use image::{ColorType, ExtendedColorType, ImageDecoder};
use tiff::decoder::Decoder;
use tiff::tags::Tag;

use super::jpeg::Frame;

/// Whether these are the first bytes of a TIFF with 64-bit offsets.
pub(super) fn is_big_tiff(bytes: &[u8]) -> bool {
    bytes.starts_with(b"II\x2b\0\x08\0\0\0") || bytes.starts_with(b"MM\0\x2b\0\x08\0\0")
}

/// Which variant of TIFF this is, where it is one that is not read.
///
/// With planes in tiles of which the last row ends below the picture, the decoder (tiff 0.11.3) takes that row of the
/// second plane for a whole one, and ends the program.
pub(super) fn unread_tiff(bytes: &[u8]) -> Option<&'static str> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).ok()?;
    let mut number = |tag| decoder.find_tag_unsigned::<u32>(tag).ok().flatten();
    let [planes, samples] = [Tag::PlanarConfiguration, Tag::SamplesPerPixel].map(&mut number);
    let [height, tile] = [Tag::ImageLength, Tag::TileLength].map(&mut number);
    let ends_below = height? % tile.filter(|&rows| rows > 0)? != 0;
    (planes == Some(2) && samples > Some(1) && ends_below)
        .then_some("planes in tiles that end below the picture")
}

/// Color mode and depth. A decoder reports the mode of its output; if that differs from the stored mode, the
/// file's own header is read.
pub(super) fn mode(
    bytes: &[u8],
    container: &str,
    frame: Option<Frame>,
    decoder: &impl ImageDecoder,
) -> String {
    let (decoded, stored) = (decoder.color_type(), decoder.original_color_type());
    let indexed = |bits: u64| format!("palette {bits} bit");
    match container {
        "JPEG" if frame.is_some_and(|frame| frame.components == 4) => return "CMYK 8 bit".into(),
        // The header chunk comes first: width, height, bit depth, color type.
        "PNG" => match bytes.get(24..26) {
            Some(&[bits, 3]) => return indexed(bits.into()),
            Some(&[bits, 0]) if bits < 8 => return format!("grey {bits} bit"),
            _ => {}
        },
        "BMP" => {
            if let Some(bits @ 1..=8) = bitmap_bits(bytes) {
                return indexed(bits.into());
            }
        }
        _ => {}
    }
    let name = match stored {
        ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16 => "CMYK",
        _ => match (decoded.has_color(), decoded.has_alpha()) {
            (false, false) => "grey",
            (false, true) => "grey + alpha",
            (true, false) => "RGB",
            (true, true) => "RGBA",
        },
    };
    let bits = match decoded {
        ColorType::Rgb32F | ColorType::Rgba32F => "float",
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => "16 bit",
        _ => match stored {
            ExtendedColorType::L1 | ExtendedColorType::Rgb1 => "1 bit",
            _ => "8 bit",
        },
    };
    format!("{name} {bits}")
}

/// Bits per pixel of a bitmap; its oldest header, of 12 bytes, has shorter fields.
fn bitmap_bits(bytes: &[u8]) -> Option<u16> {
    let at = if bytes.get(14)? == &12 { 24 } else { 28 };
    Some(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}
