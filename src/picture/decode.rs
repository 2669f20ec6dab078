//! From the bytes of a file to an upright 8-bit RGB picture.

use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, ExtendedColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
};

use super::Picture;
use crate::error::{Error, Result};

/// Largest width and height that is decoded, in pixels.
pub const MAX_SIDE: u32 = 20_000;

/// Largest number of pixels that is decoded.
pub const MAX_PIXELS: u64 = 300_000_000;

/// Largest working memory of one decoder, in bytes.
const MAX_BYTES: u64 = if cfg!(target_arch = "wasm32") { 512 << 20 } else { 2 << 30 };

const FORMATS: &str = "JPEG, PNG, BMP, TIFF or WebP";

/// How a picture was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Container: `JPEG`, `PNG`, `BMP`, `TIFF` or `WebP`, judged by content.
    pub format: &'static str,
    /// Colour mode and depth as stored, for example `RGB 8 bit`.
    pub mode: String,
    /// Whether the EXIF orientation turned or mirrored it.
    pub turned: bool,
}

/// Decodes a picture to 8-bit RGB. The format is judged by content; `name` is for error messages only.
///
/// Grey is repeated over the channels, a palette is looked up, alpha is dropped without blending (as
/// Pillow's `convert("RGB")` does), 16 bits are rounded to 8, float values are cut to 0..1. The EXIF
/// orientation is applied; colour profiles and gamma are ignored.
///
/// # Errors
/// [`Error::Picture`] when the bytes are empty, cut off, of another kind, damaged, or larger than
/// [`MAX_SIDE`] and [`MAX_PIXELS`] allow.
pub fn decode(bytes: &[u8], name: &Path) -> Result<Picture> {
    decode_detailed(bytes, name).map(|(picture, _)| picture)
}

/// [`decode`], and how the picture was stored.
///
/// # Errors
/// As [`decode`].
pub fn decode_detailed(bytes: &[u8], name: &Path) -> Result<(Picture, Details)> {
    let (image, details) = read(bytes, name)?;
    Ok((image.into_rgb8(), details))
}

/// Reads and decodes a picture file; see [`decode`].
///
/// # Errors
/// [`Error::Io`] when the file cannot be read, else as [`decode`].
#[cfg(not(target_arch = "wasm32"))]
pub fn open(path: impl AsRef<Path>) -> Result<Picture> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    decode(&bytes, path)
}

/// Decodes in the stored mode, upright.
pub(super) fn read(bytes: &[u8], name: &Path) -> Result<(DynamicImage, Details)> {
    if bytes.is_empty() {
        return Err(Error::picture(name, "the file is empty (0 bytes); copy or export it again"));
    }
    let format = image::guess_format(bytes).map_err(|_| Error::picture(name, stranger(bytes)))?;
    let Some(container) = container(format) else {
        let kind = format.extensions_str().first().copied().unwrap_or("unknown").to_uppercase();
        return Err(Error::picture(name, format!("it is a {kind} file; convert it to {FORMATS}")));
    };
    let failed = |error| Error::picture(name, explain(&error, container));

    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(failed)?;

    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(Error::picture(name, format!("it has {width} x {height} pixels; export it again")));
    }
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > MAX_SIDE || pixels > MAX_PIXELS || decoder.total_bytes() > MAX_BYTES {
        return Err(Error::picture(
            name,
            format!(
                "{width} x {height} pixels is beyond the limit of {MAX_SIDE} per side and {} megapixels; \
                 scale it down or cut it into parts",
                MAX_PIXELS / 1_000_000
            ),
        ));
    }
    // The JPEG decoder fills what is missing with grey instead of saying so.
    if format == ImageFormat::Jpeg && !jpeg_is_whole(bytes) {
        return Err(Error::picture(name, CUT_OFF));
    }
    let mode = mode(decoder.color_type(), decoder.original_color_type());
    // Unreadable metadata is no reason to refuse a readable picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    image.apply_orientation(orientation);
    let turned = orientation != Orientation::NoTransforms;
    Ok((image, Details { format: container, mode, turned }))
}

const CUT_OFF: &str = "the file is cut off (truncated); copy or export it again";

fn container(format: ImageFormat) -> Option<&'static str> {
    Some(match format {
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Png => "PNG",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::WebP => "WebP",
        _ => return None,
    })
}

/// Whether the stored values are only near what was drawn.
pub(super) fn is_lossy(bytes: &[u8]) -> bool {
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => true,
        Ok(ImageFormat::WebP) => bytes.windows(4).take(64).any(|tag| tag == b"VP8 "),
        _ => false,
    }
}

fn stranger(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(512)];
    let kind = if start.get(4..8) == Some(b"ftyp") {
        "it looks like HEIC, AVIF or video"
    } else if start.starts_with(b"%PDF") {
        "it is a PDF document"
    } else if start.iter().all(|&byte| byte == 0) {
        "it holds only zeros"
    } else if !start.iter().any(|&byte| byte < 9) {
        "it looks like text"
    } else {
        "its kind is unknown"
    };
    format!("{kind}; only {FORMATS} is read, whatever the file is called: convert it, or move it away")
}

fn explain(error: &ImageError, container: &str) -> String {
    use std::io::ErrorKind::UnexpectedEof;
    let said = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    match error {
        ImageError::IoError(source) if source.kind() == UnexpectedEof => CUT_OFF.into(),
        ImageError::Limits(_) => {
            format!("decoding needs more than {} MiB; scale it down or save it with 8 bits", MAX_BYTES >> 20)
        }
        ImageError::Unsupported(_) => {
            format!("this variant of {container} is not read ({said}); save it as 8-bit PNG")
        }
        // Decoders report a missing end in their own words.
        _ if said.to_lowercase().contains("unexpected end") => CUT_OFF.into(),
        _ => format!("damaged {container} data ({said}); copy or export it again"),
    }
}

fn mode(decoded: ColorType, stored: ExtendedColorType) -> String {
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

/// Whether an end-of-image marker follows the first scan. Within a scan 0xFF is always escaped, so the
/// marker cannot be data there; a thumbnail's own end lies before the scan.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xFF, marker]) = bytes.get(at..at + 2) {
        match marker {
            0xDA => return bytes[at + 2..].windows(2).any(|pair| pair == [0xFF, 0xD9]),
            0xFF => at += 1,
            0x01 | 0xD0..=0xD8 => at += 2,
            _ => match bytes.get(at + 2..at + 4) {
                Some(&[high, low]) => at += 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
        }
    }
    // Junk between segments: the decoder finds its way or reports it, so only look at the end.
    bytes.windows(2).any(|pair| pair == [0xFF, 0xD9])
}

#[cfg(test)]
mod tests;
