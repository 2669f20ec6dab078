//! Files with several pictures in them, of which one is read.

use std::io::Cursor;

use image::ImageFormat;
use tiff::decoder::Decoder;
use tiff::tags::Tag;

/// So many pages are counted at most.
const MOST: usize = 10_000;

/// How many pages or frames a file has, and a copy of it that begins with the one to read, where the file itself
/// does not: before the picture a TIFF may have a small copy of it.
pub(super) fn of(format: ImageFormat, bytes: &[u8]) -> (usize, Option<Vec<u8>>) {
    match format {
        ImageFormat::Tiff => tiff_pages(bytes).unwrap_or((1, None)),
        ImageFormat::Png => (png_frames(bytes).unwrap_or(1).max(1), None),
        ImageFormat::WebP => (webp_frames(bytes).max(1), None),
        _ => (1, None),
    }
}

fn tiff_pages(bytes: &[u8]) -> Option<(usize, Option<Vec<u8>>)> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).ok()?;
    let (mut count, mut full) = (0, None);
    loop {
        // Bit 0: a reduced copy of another page.
        let kind = decoder.find_tag_unsigned::<u32>(Tag::NewSubfileType).ok().flatten().unwrap_or(0);
        if full.is_none() && kind & 1 == 0 {
            full = decoder.ifd_pointer().map(|pointer| (count, pointer.0));
        }
        count += 1;
        if count == MOST || !decoder.more_images() || decoder.next_image().is_err() {
            break;
        }
    }
    let copy = match full {
        Some((index, offset)) if index > 0 => beginning_at(bytes, offset),
        _ => None,
    };
    Some((count, copy))
}

/// The file with another page first: its header says where that is.
fn beginning_at(bytes: &[u8], offset: u64) -> Option<Vec<u8>> {
    let little = bytes.starts_with(b"II");
    let (place, mut digits) = if bytes.get(2) == Some(&43) || bytes.get(3) == Some(&43) {
        (8, offset.to_le_bytes().to_vec())
    } else {
        (4, u32::try_from(offset).ok()?.to_le_bytes().to_vec())
    };
    if !little {
        digits.reverse();
    }
    let mut copy = bytes.to_vec();
    copy.get_mut(place..place + digits.len())?.copy_from_slice(&digits);
    Some(copy)
}

/// What an animation's control chunk says; it comes before the first picture.
fn png_frames(bytes: &[u8]) -> Option<usize> {
    let mut at = 8;
    loop {
        let length = u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?) as usize;
        match bytes.get(at + 4..at + 8)? {
            b"acTL" => {
                let frames = u32::from_be_bytes(*bytes.get(at + 8..)?.first_chunk()?);
                return Some((frames as usize).min(MOST));
            }
            b"IDAT" => return None,
            _ => at = at.checked_add(12)?.checked_add(length)?,
        }
    }
}

/// The chunks of frames.
fn webp_frames(bytes: &[u8]) -> usize {
    let (mut at, mut frames) = (12_usize, 0);
    while let Some([a, b, c, d, length @ ..]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        frames += usize::from([*a, *b, *c, *d] == *b"ANMF");
        // Chunks are of even length.
        let length = (u32::from_le_bytes(*length) as usize).next_multiple_of(2);
        match at.checked_add(8).and_then(|at| at.checked_add(length)) {
            Some(next) => at = next,
            None => break,
        }
    }
    frames.min(MOST)
}
