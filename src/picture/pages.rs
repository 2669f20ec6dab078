//! Chooses the page to read from a TIFF with several.

use std::io::Cursor;

use tiff::decoder::Decoder;
use tiff::tags::Tag;

/// The most pages that are examined.
const MOST: usize = 100;

/// A copy of a TIFF that begins with its first full page, if the file itself does not: a small copy of the picture
/// may come before it.
pub(super) fn full_first(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(Cursor::new(bytes)).ok()?;
    for index in 0..MOST {
        // Bit 0: a reduced copy of another page.
        let kind = decoder.find_tag_unsigned::<u32>(Tag::NewSubfileType).ok().flatten().unwrap_or(0);
        if kind & 1 == 0 {
            let offset = decoder.ifd_pointer()?.0;
            return if index > 0 { beginning_at(bytes, offset) } else { None };
        }
        if !decoder.more_images() {
            return None;
        }
        decoder.next_image().ok()?;
    }
    None
}

/// The file with another page first: the header holds the offset of the first page.
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
