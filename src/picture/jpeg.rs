//! Examines a JPEG before it is decoded: its variant, and the scans its components are in. Then decodes it, or says
//! what is missing.
//!
//! The decoder behind `image` (zune-jpeg 0.5.15) does not support all variants, and takes a sequential JPEG
//! with a scan per component for an interleaved one, so that with vertical subsampling it silently gives
//! garbage. Such files go through another decoder.
//!
//! Where the data ends before the picture does, as in a file whose middle was lost, both decoders silently continue with
//! zeros: the rest turns gray. So bits of ones, which no JPEG code consists of, are put behind the data: a decoder
//! that still needs data there fails ([`with_ends`]).

use std::io::Cursor;

use image::{DynamicImage, GrayImage};
use jpeg_decoder::{Decoder, PixelFormat};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::Picture;

/// The information in a JPEG's markers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The start-of-frame marker, `0xC0` for baseline.
    marker: u8,
    /// Bits per value.
    precision: u8,
    /// Components: 1 for grey, 3 for color, 4 for CMYK.
    pub(super) components: u8,
    /// Components in the first scan.
    first_scan: u8,
    /// Components that occur in any scan.
    scanned: u8,
    /// Whether an end-of-image marker follows the first scan.
    pub(super) whole: bool,
}

impl Frame {
    /// Reads the markers; `None` if there is no frame before the first scan, or the header of a frame or scan is too short.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut frame: Option<Self> = None;
        let mut seen = [false; 256];
        let mut at = 2;
        while let Some((marker, body)) = segment(bytes, &mut at) {
            match marker {
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF | 0xF7 if frame.is_none() => {
                    let [precision, _, _, _, _, components, ..] = *body else { return None };
                    frame =
                        Some(Self { marker, precision, components, first_scan: 0, scanned: 0, whole: false });
                }
                0xDA => {
                    let frame = frame.as_mut()?;
                    let (&count, parts) = body.split_first()?;
                    for part in parts.chunks_exact(2).take(count.into()) {
                        frame.scanned += u8::from(!std::mem::replace(&mut seen[usize::from(part[0])], true));
                    }
                    if frame.first_scan == 0 {
                        frame.first_scan = count;
                        // Within a scan 0xFF is always escaped, so this marker cannot be data; a thumbnail's
                        // own end marker comes before the scan.
                        frame.whole = bytes[at..].windows(2).any(|pair| pair == [0xFF, 0xD9]);
                    }
                }
                0xD9 => break,
                _ => {}
            }
        }
        frame
    }

    /// The variant's name if it is not supported.
    pub(super) fn unread(self) -> Option<String> {
        Some(match self.marker {
            0xC3 => "lossless".into(),
            0xC5..=0xC7 | 0xCD..=0xCF => "hierarchical".into(),
            0xC9..=0xCB => "arithmetic coding".into(),
            0xF7 => "JPEG-LS".into(),
            _ if self.precision != 8 => format!("{} bits per value", self.precision),
            _ => return None,
        })
    }

    /// Whether a component is in no scan at all.
    pub(super) fn lacks_scan(self) -> bool {
        self.scanned < self.components
    }

    /// Decodes the file that this frame was read from, of which nothing may be missing. The pixels are those that
    /// [`DynamicImage::from_decoder`] gives, bit for bit, except where it would take several scans for one.
    ///
    /// # Errors
    /// In the decoder's words.
    pub(super) fn decode(self, bytes: &[u8]) -> Result<DynamicImage, String> {
        let ended = with_ends(bytes)?;
        let is_sequential = matches!(self.marker, 0xC0 | 0xC1);
        match (is_sequential, self.first_scan < self.components) {
            (true, true) => split(&ended).map(DynamicImage::ImageRgb8),
            (true, false) => strict(&ended),
            // The decoder wants the first of all scans to end as it ends in the file: another one looks for what is
            // missing.
            (false, _) => {
                let image = strict(bytes)?;
                if lacks_data(&ended) { Err(MISSING.into()) } else { Ok(image) }
            }
        }
    }
}

/// The next marker and its body from `at` on; moves `at` past it and skips the data of a scan.
fn segment<'a>(bytes: &'a [u8], at: &mut usize) -> Option<(u8, &'a [u8])> {
    loop {
        let start = *at + bytes.get(*at..)?.iter().position(|&byte| byte == 0xFF)?;
        let marker = *bytes.get(start + 1)?;
        match marker {
            // Padding.
            0xFF => *at = start + 1,
            // An escaped 0xFF, a restart, or another marker without a body.
            0x00 | 0x01 | 0xD0..=0xD8 => *at = start + 2,
            0xD9 => {
                *at = start + 2;
                return Some((marker, &[]));
            }
            _ => {
                let length = u16::from_be_bytes([*bytes.get(start + 2)?, *bytes.get(start + 3)?]);
                let end = start + 2 + usize::from(length.max(2));
                *at = end;
                return Some((marker, bytes.get(start + 4..end)?));
            }
        }
    }
}

/// Bits of ones behind the data of a scan: six bytes, stuffed as data is. A code that was cut off, its value
/// (15 + 15 bits at most) and one more code (16) end within; and the decoder of several scans, which looks 64 bits
/// ahead for a restart, still finds it.
const END: [u8; 12] = [0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0xFF, 0];

/// The file with [`END`] behind all data of its scans, restart by restart; an error where a restart is missing.
///
/// # Errors
/// In words for people.
fn with_ends(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut ended = Vec::with_capacity(bytes.len() + bytes.len() / 64);
    let (mut at, mut copied) = (2, 0);
    while let Some((marker, _)) = segment(bytes, &mut at) {
        match marker {
            // What follows, a second picture or a maker's notes, is nobody's scan.
            0xD9 => break,
            0xDA => {}
            _ => continue,
        }
        let mut restart = 0xD0;
        while let Some((start, code)) = end_of_data(bytes, at) {
            ended.extend(&bytes[copied..start]);
            ended.extend(END);
            (copied, at) = (start, start);
            if !matches!(code, 0xD0..=0xD7) {
                break;
            }
            if code != restart {
                return Err(format!("restart {} follows where {} belongs", code & 7, restart & 7));
            }
            restart = 0xD0 | (restart + 1) & 7;
            // Behind the marker, and what fills the room before it.
            at += bytes[start..].iter().take_while(|&&byte| byte == 0xFF).count() + 1;
        }
    }
    ended.extend(&bytes[copied..]);
    Ok(ended)
}

/// Where the data of a scan ends, from `at`, and the marker there.
fn end_of_data(bytes: &[u8], mut at: usize) -> Option<(usize, u8)> {
    loop {
        let start = at + bytes.get(at..)?.iter().position(|&byte| byte == 0xFF)?;
        let behind = start + bytes[start..].iter().position(|&byte| byte != 0xFF)?;
        match bytes[behind] {
            0 => at = behind + 1,
            code => return Some((start, code)),
        }
    }
}

/// Whether the other decoder stops in what [`with_ends`] made of a file. Variants that it does not know count as whole.
fn lacks_data(ended: &[u8]) -> bool {
    let mut decoder = Decoder::new(Cursor::new(ended));
    // An eighth of the size: the codes are what is wanted.
    let decoded = decoder.read_info().and_then(|()| decoder.scale(1, 1)).and_then(|_| decoder.decode());
    matches!(decoded, Err(jpeg_decoder::Error::Format(_) | jpeg_decoder::Error::Io(_)))
}

/// What to say where the ones of [`with_ends`] were met.
const MISSING: &str = "its data ends before the picture does";

/// Decodes with what `image` decodes with, but where data is missing or damaged there is an error instead of gray.
fn strict(ended: &[u8]) -> Result<DynamicImage, String> {
    let options = DecoderOptions::default().set_max_width(usize::MAX).set_max_height(usize::MAX);
    // Whatever else the headers hold is no reason to refuse a picture.
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(ended), options.set_strict_mode(false));
    decoder.decode_headers().map_err(|error| error.to_string())?;
    let (width, height) = decoder.info().map(|info| (info.width, info.height)).ok_or("no header")?;
    let gray = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let colors = if gray { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.set_strict_mode(true).jpeg_set_out_colorspace(colors));
    let pixels = decoder.decode().map_err(|error| match error.to_string() {
        ones if ones.contains("0xFFFF") => MISSING.into(),
        other => other.trim_matches('"').to_owned(),
    })?;
    let [width, height] = [width, height].map(u32::from);
    let image = if gray {
        GrayImage::from_raw(width, height, pixels).map(DynamicImage::ImageLuma8)
    } else {
        Picture::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
    };
    image.ok_or_else(|| "not as many pixels as its header says".into())
}

/// Decodes a JPEG whose components are in several scans; an error has the decoder's words.
fn split(ended: &[u8]) -> Result<Picture, String> {
    let mut decoder = Decoder::new(Cursor::new(ended));
    let pixels = decoder.decode().map_err(|error| error.to_string())?;
    let info = decoder.info().ok_or("no header")?;
    let pixels = match info.pixel_format {
        PixelFormat::RGB24 => pixels,
        // Ink: the share of the light that each color lets pass, times the share that black lets pass.
        PixelFormat::CMYK32 => {
            let light = |ink: u8| 255 - u32::from(ink);
            let colors = |pixel: &[u8]| [0, 1, 2].map(|c| (light(pixel[c]) * light(pixel[3]) / 255) as u8);
            pixels.chunks_exact(4).flat_map(colors).collect()
        }
        other => return Err(format!("unsupported pixels {other:?}")),
    };
    Picture::from_raw(info.width.into(), info.height.into(), pixels)
        .ok_or_else(|| "not as many pixels as its header says".into())
}
