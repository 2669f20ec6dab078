//! How many pages or frames a file has; only one is read.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use tiff::decoder::Decoder;

use super::own::chunks;

/// The count stops here.
const MOST: usize = 10_000;

/// Pages of a TIFF, frames of an animated PNG or WebP; 1 for everything else, and for damaged files.
pub(super) fn count(file: &mut File, head: &[u8]) -> usize {
    let found = match head {
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => tiff(file),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => webp(file),
        _ => chunks(head)
            .find(|(kind, _)| kind == b"acTL")
            .and_then(|(_, data)| Some(u32::from_be_bytes(*data.first_chunk()?) as usize)),
    };
    found.unwrap_or(1).max(1)
}

fn tiff(file: &mut File) -> Option<usize> {
    file.rewind().ok()?;
    let mut decoder = Decoder::new(BufReader::new(file)).ok()?;
    let mut next = decoder.ifd_pointer();
    let mut seen = HashSet::new();
    while let Some(page) = next {
        if seen.len() == MOST || !seen.insert(page.0) {
            break;
        }
        next = decoder.read_directory(page).ok().and_then(|directory| directory.next());
    }
    Some(seen.len())
}

/// Counts the frame chunks without reading their content.
fn webp(file: &mut File) -> Option<usize> {
    let mut frames = 0;
    file.seek(SeekFrom::Start(12)).ok()?;
    let mut chunk = [0; 8];
    while frames < MOST && file.read_exact(&mut chunk).is_ok() {
        frames += usize::from(chunk.starts_with(b"ANMF"));
        let length = i64::from(u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]));
        file.seek(SeekFrom::Current(length + length % 2)).ok()?;
    }
    Some(frames)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write};

    fn counted(bytes: &[u8]) -> usize {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        count(&mut file, &bytes[..bytes.len().min(4096)])
    }

    fn tiff_of(pages: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
        for side in 1..=pages {
            let pixels = vec![7; (side * side) as usize];
            encoder.write_image::<tiff::encoder::colortype::Gray8>(side, side, &pixels).unwrap();
        }
        bytes.into_inner()
    }

    #[test]
    fn pages_and_frames_are_counted() {
        assert_eq!((counted(&tiff_of(1)), counted(&tiff_of(3))), (1, 3));
        let chunk =
            |kind: &[u8], data: &[u8]| [&(data.len() as u32).to_be_bytes(), kind, data, &[0; 4]].concat();
        let start = [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &[0; 13])].concat();
        let animated =
            [&start[..], &chunk(b"acTL", &[0, 0, 0, 5, 0, 0, 0, 0]), &chunk(b"IDAT", &[])].concat();
        assert_eq!((counted(&start), counted(&animated)), (1, 5));
        let frame = b"ANMF\x03\0\0\0abc\0";
        let moving = [&b"RIFF\0\0\0\0WEBPVP8X\x02\0\0\0xx"[..], frame, frame].concat();
        assert_eq!(counted(&moving), 2);
        assert_eq!(
            (counted(b"RIFF\0\0\0\0WEBPVP8 \x02\0\0\0xx"), counted(b""), counted(b"II*\0")),
            (1, 1, 1)
        );
    }

    #[test]
    fn a_loop_of_pages_ends() {
        let mut bytes = tiff_of(1);
        // The pointer after the only page's entries now points back to that page.
        let first = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
        let entries = usize::from(u16::from_le_bytes(bytes[first..first + 2].try_into().unwrap()));
        let pointer = first + 2 + 12 * entries;
        bytes.copy_within(4..8, pointer);
        assert_eq!(counted(&bytes), 1);
    }
}
