//! Examines a JPEG before it is decoded: its variant, and the scans its components are in.
//!
//! The decoder behind `image` (zune-jpeg 0.5.15) does not support all variants, and takes a sequential JPEG
//! with a scan per component for an interleaved one, so that with vertical subsampling it silently gives
//! garbage. Such files go through another decoder.

use std::io::Cursor;

use jpeg_decoder::{Decoder, PixelFormat};

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
    /// Reads the markers; `None` if there is no frame before the first scan.
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

    /// Whether it is sequential with its components in several scans.
    pub(super) fn is_split(self) -> bool {
        matches!(self.marker, 0xC0 | 0xC1) && self.first_scan < self.components
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

/// Decodes a JPEG whose components are in several scans; an error has the decoder's words.
pub(super) fn decode_split(bytes: &[u8]) -> Result<Picture, String> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
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
