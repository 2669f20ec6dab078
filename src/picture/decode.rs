//! Decodes the bytes of a file to an upright 8-bit RGB picture.

use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::guard::guarded;
use super::jpeg::Frame;
use super::range::{Range, Values};
use super::{Picture, pages, stored};
use crate::error::{Error, Result};

/// Largest width and height that is decoded, in pixels.
pub const MAX_SIDE: u32 = 20_000;

/// Largest number of pixels that is decoded.
pub const MAX_PIXELS: u64 = 300_000_000;

/// Largest working memory of one decoder, in bytes.
const MAX_BYTES: u64 = if cfg!(target_arch = "wasm32") { 512 << 20 } else { 2 << 30 };

const FORMATS: &str = "JPEG, PNG, BMP, TIFF or WebP";

/// How a picture was stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    /// Container: `JPEG`, `PNG`, `BMP`, `TIFF` or `WebP`, judged by content.
    pub format: &'static str,
    /// Color mode and depth as stored, for example `RGB 8 bit`.
    pub mode: String,
    /// Whether the EXIF orientation turned or mirrored it.
    pub turned: bool,
    /// The stored values, if they have more than 8 bits.
    pub values: Option<Values>,
}

/// Decodes a picture to 8-bit RGB. The format is judged by content; `name` is for error messages only.
///
/// Grey is repeated over the channels, a palette is looked up, alpha is dropped without blending (as
/// Pillow's `convert("RGB")` does), 16 bits are rounded to 8, and floats are clamped to 0..1 (for other
/// ranges see [`decode_ranged`]). The EXIF orientation is applied; color profiles and gamma are ignored.
///
/// # Errors
/// [`Error::Picture`] when the bytes are empty, cut off, not a picture or damaged, or the picture is larger
/// than [`MAX_SIDE`] and [`MAX_PIXELS`] allow.
pub fn decode(bytes: &[u8], name: &Path) -> Result<Picture> {
    decode_detailed(bytes, name).map(|(picture, _)| picture)
}

/// As [`decode`]; also returns how the picture was stored.
///
/// # Errors
/// As [`decode`].
pub fn decode_detailed(bytes: &[u8], name: &Path) -> Result<(Picture, Details)> {
    decode_ranged(bytes, name, None)
}

/// As [`decode_detailed`], with values of more than 8 bits read from the range's black to its white.
///
/// # Errors
/// As [`decode`].
pub fn decode_ranged(bytes: &[u8], name: &Path, range: Option<Range>) -> Result<(Picture, Details)> {
    decode_within(MAX_PIXELS, bytes, name, range)
}

/// As [`decode_ranged`], but refuses a picture of more than `most` pixels before any of them is decoded.
///
/// # Errors
/// As [`decode`].
pub fn decode_within(
    most: u64,
    bytes: &[u8],
    name: &Path,
    range: Option<Range>,
) -> Result<(Picture, Details)> {
    let (image, details) = read(bytes, name, most)?;
    let picture = match range {
        Some(range) => range.apply(image),
        None => image.into_rgb8(),
    };
    Ok((picture, details))
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

/// The upright size of a picture in a file; only its header is read.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read, [`Error::Picture`] when it is not a picture.
#[cfg(not(target_arch = "wasm32"))]
pub fn open_size(path: impl AsRef<Path>) -> Result<super::Size> {
    let path = path.as_ref();
    let failed = |e: &dyn std::fmt::Display| Error::picture(path, format!("its size cannot be read: {e}"));
    let reader = ImageReader::open(path).map_err(|source| Error::io(path, source))?;
    let reader = reader.with_guessed_format().map_err(|source| Error::io(path, source))?;
    let header = || {
        let mut decoder = reader.into_decoder().map_err(|e| failed(&e))?;
        let turned = decoder.orientation().is_ok_and(|orientation| orientation.to_exif() > 4);
        Ok((decoder.dimensions(), turned))
    };
    let ((width, height), turned) = guarded(header).unwrap_or_else(|said| Err(broke_down(path, &said)))?;
    let [width, height] = if turned { [height, width] } else { [width, height] };
    Ok(super::Size::new(width as usize, height as usize))
}

/// Reads and decodes a picture file; see [`decode_ranged`].
///
/// # Errors
/// As [`open`].
#[cfg(not(target_arch = "wasm32"))]
pub fn open_ranged(path: impl AsRef<Path>, range: Option<Range>) -> Result<(Picture, Details)> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
    decode_ranged(&bytes, path, range)
}

/// Decodes in the stored mode, upright; at most `most` pixels.
pub(super) fn read(bytes: &[u8], name: &Path, most: u64) -> Result<(DynamicImage, Details)> {
    guarded(|| read_unguarded(bytes, name, most)).unwrap_or_else(|said| Err(broke_down(name, &said)))
}

/// What is said where a decoder panics.
pub const BROKE_DOWN: &str = "the decoder broke down on it";

fn broke_down(name: &Path, said: &str) -> Error {
    let said = one_line(said);
    Error::picture(name, format!("{BROKE_DOWN} ({said}); open it and export it again, or move it away"))
}

fn read_unguarded(bytes: &[u8], name: &Path, most: u64) -> Result<(DynamicImage, Details)> {
    if bytes.is_empty() {
        return Err(Error::picture(name, "the file is empty (0 bytes); copy or export it again"));
    }
    let format = match image::guess_format(bytes) {
        Ok(format) => format,
        Err(_) if stored::is_big_tiff(bytes) => ImageFormat::Tiff,
        Err(_) => return Err(Error::picture(name, stranger(bytes))),
    };
    let Some(container) = container(format) else {
        let kind = format.extensions_str().first().copied().unwrap_or("unknown").to_uppercase();
        return Err(Error::picture(
            name,
            format!("it is {} {kind} file; convert it to {FORMATS}", article(&kind)),
        ));
    };
    let reordered = if format == ImageFormat::Tiff { pages::full_first(bytes) } else { None };
    let bytes = reordered.as_deref().unwrap_or(bytes);
    let failed = |error| Error::picture(name, explain(&error, container));
    let frame = if format == ImageFormat::Jpeg { Frame::read(bytes) } else { None };
    let variant = match format {
        ImageFormat::Tiff => stored::unread_tiff(bytes).map(str::to_owned),
        _ => frame.and_then(Frame::unread),
    };
    if let Some(variant) = variant {
        return Err(Error::picture(name, not_read(container, &variant)));
    }

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
    let most = most.min(MAX_PIXELS);
    if width.max(height) > MAX_SIDE || pixels > most || decoder.total_bytes() > MAX_BYTES {
        return Err(Error::picture(
            name,
            format!(
                "{width} x {height} pixels is beyond the limit of {MAX_SIDE} per side and {} megapixels; \
                 scale it down or cut it into parts",
                most as f64 / 1e6
            ),
        ));
    }
    // The JPEG decoder goes on behind a header that says nothing sensible, and makes up pixels or panics.
    if format == ImageFormat::Jpeg && frame.is_none() {
        return Err(Error::picture(
            name,
            damaged(container, "the header of its frame or of a scan makes no sense"),
        ));
    }
    // It also silently fills missing data with grey.
    if frame.is_some_and(|frame| !frame.whole || frame.lacks_scan()) {
        return Err(Error::picture(name, CUT_OFF));
    }
    let mode = stored::mode(bytes, container, frame, &decoder);
    // Unreadable metadata is no reason to refuse a readable picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = match frame {
        Some(frame) => frame.decode(bytes).map_err(|said| Error::picture(name, damaged(container, &said)))?,
        None => DynamicImage::from_decoder(decoder).map_err(failed)?,
    };
    image.apply_orientation(orientation);
    let turned = orientation != Orientation::NoTransforms;
    let values = Values::of(&image);
    if values.is_some_and(|values| !values.are_finite()) {
        let reason = "it holds values that are not numbers or infinite; replace them and export it again";
        return Err(Error::picture(name, reason));
    }
    Ok((image, Details { format: container, mode, turned, values }))
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

/// Before letters whose names, or the words of these letters, begin with a vowel: an AVIF, an HDR, a GIF file.
fn article(letters: &str) -> &'static str {
    if letters.starts_with(['A', 'E', 'F', 'H', 'I', 'L', 'M', 'N', 'O', 'R', 'S', 'X']) { "an" } else { "a" }
}

/// Whether the stored values are only close to the original ones.
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
    } else if let Some(&(_, kind)) = STRANGERS.iter().find(|(magic, _)| start.starts_with(magic)) {
        kind
    } else if start.get(128..132) == Some(b"DICM") {
        "it is a DICOM file"
    } else if start.iter().all(|&byte| byte == 0) {
        "it holds only zeros"
    } else if !start.iter().any(|&byte| byte < 9) {
        "it looks like text"
    } else {
        "its kind is unknown"
    };
    format!("{kind}; only {FORMATS} is read, whatever the file is called: convert it, or move it away")
}

/// Other formats in which people have pictures, by how their files begin.
const STRANGERS: [(&[u8], &str); 9] = [
    (b"%PDF", "it is a PDF document"),
    (b"\0\0\0\x0cjP  ", "it is JPEG 2000"),
    (b"\xff\x4f\xff\x51", "it is JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "it is JPEG XL"),
    (b"\xff\x0a", "it is JPEG XL"),
    (b"8BPS", "it is a Photoshop file"),
    (b"\x93NUMPY", "it is a NumPy array"),
    (b"\x89HDF", "it is an HDF5 file"),
    (b"SIMPLE  =", "it is a FITS file"),
];

fn explain(error: &ImageError, container: &str) -> String {
    use std::io::ErrorKind::UnexpectedEof;
    let said = error.to_string();
    match error {
        ImageError::IoError(source) if source.kind() == UnexpectedEof => CUT_OFF.into(),
        ImageError::Limits(_) => {
            format!("decoding needs more than {} MiB; scale it down or save it with 8 bits", MAX_BYTES >> 20)
        }
        ImageError::Unsupported(_) => not_read(container, &said),
        _ => damaged(container, &said),
    }
}

/// The message about an undamaged file of an unsupported variant.
fn not_read(container: &str, variant: &str) -> String {
    format!("this variant of {container} is not read ({}); save it as 8-bit PNG", one_line(variant))
}

/// The message about data that a decoder could not read, from the decoder's words.
fn damaged(container: &str, said: &str) -> String {
    let said = one_line(said);
    let lower = said.to_lowercase();
    // Each decoder has its own words for a missing end and for unsupported features.
    if lower.contains("unexpected end") {
        CUT_OFF.into()
    } else if ["unsupported", "not supported", "cannot yet"].iter().any(|words| lower.contains(words)) {
        not_read(container, &said)
    } else {
        format!("damaged {container} data ({said}); copy or export it again")
    }
}

fn one_line(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
