//! Files that a command writes: whole or not at all, and readable for everyone who may read the folder.

use crate::files::{clear_leftovers, folder_of, temporary, write_whole};
use crate::picture::{Mask, Picture, ScoreMap};
use crate::{Error, Result, terminal};
use npyz::WriterBuilder;
use png::{BitDepth, ColorType, Compression, Filter};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Makes `folder` and makes sure that files can be written to it, before any work is done; removes leftovers of
/// killed runs.
///
/// # Errors
/// It cannot be made or written.
pub fn check_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    temporary(folder)?;
    clear_leftovers(folder);
    Ok(())
}

/// As [`check_folder`], for the folder that a file will lie in.
///
/// # Errors
/// As [`check_folder`], or a folder has the file's name.
pub fn check_file(file: &Path) -> Result<()> {
    if file.is_dir() {
        return Err(Error::Setting(format!("{}: is a folder; name a file", file.display())));
    }
    check_folder(folder_of(file))
}

/// Marks a picture that the program made, wherever it is copied to.
const SOFTWARE: (&str, &str) = ("Software", concat!("aand ", env!("CARGO_PKG_VERSION")));

/// Whether a file that begins with `head` is a PNG that this module wrote.
pub fn is_own_png(head: &[u8]) -> bool {
    let chunk = b"tEXtSoftware\0aand ";
    head.starts_with(b"\x89PNG") && head.windows(chunk.len()).any(|part| part == chunk)
}

/// A PNG's compressed rows are handed on in pieces of this many bytes.
const PIECE: usize = 1 << 16;

/// Keeps the first error of writing, of which the PNG encoder passes on no more than the words: a full disk and a lost
/// one are told apart by its kind.
struct Kept<'a> {
    writer: &'a mut dyn Write,
    error: Option<std::io::Error>,
}

impl Kept<'_> {
    fn keep<T>(&mut self, result: std::io::Result<T>) -> std::io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            // What is interrupted is tried again by the caller.
            if kind != ErrorKind::Interrupted {
                self.error.get_or_insert(error);
            }
            kind.into()
        })
    }
}

impl Write for Kept<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let result = self.writer.write(bytes);
        self.keep(result)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let result = self.writer.flush();
        self.keep(result)
    }
}

/// A PNG of raw samples, big-endian ones where they have 16 bits. Row by row: a large picture is not in memory a second
/// time, as filtered or compressed bytes.
fn encode(
    writer: &mut dyn Write,
    samples: &[u8],
    (width, height): (u32, u32),
    color: ColorType,
    depth: BitDepth,
) -> std::io::Result<()> {
    let mut to = Kept { writer, error: None };
    let encoded = (|| {
        let mut encoder = png::Encoder::new(&mut to, width, height);
        encoder.set_color(color);
        encoder.set_depth(depth);
        // Heat maps are smooth: the fast setting costs a few percent of size and saves most of the time.
        encoder.set_compression(Compression::Fast);
        encoder.set_filter(Filter::Adaptive);
        encoder.add_text_chunk(SOFTWARE.0.into(), SOFTWARE.1.into())?;
        let mut writer = encoder.write_header()?;
        let mut rows = writer.stream_writer_with_size(PIECE)?;
        rows.write_all(samples)?;
        rows.finish()?;
        writer.finish()
    })();
    to.error.map_or_else(|| encoded.map_err(std::io::Error::other), Err)
}

fn write_png(path: &Path, samples: &[u8], size: (u32, u32), color: ColorType, depth: BitDepth) -> Result<()> {
    write_whole(path, |writer| encode(writer, samples, size, color, depth))
}

/// Writes a picture as PNG.
///
/// # Errors
/// It cannot be written.
pub fn write_picture(path: &Path, picture: &Picture) -> Result<()> {
    write_png(path, picture.as_raw(), picture.dimensions(), ColorType::Rgb, BitDepth::Eight)
}

/// Writes a mask as PNG, white where it is marked.
///
/// # Errors
/// It cannot be written.
pub fn write_mask(path: &Path, mask: &Mask) -> Result<()> {
    let bytes: Vec<u8> = mask.data.iter().map(|&marked| if marked { 255 } else { 0 }).collect();
    let size = (mask.width as u32, mask.height as u32);
    write_png(path, &bytes, size, ColorType::Grayscale, BitDepth::Eight)
}

/// Writes a map as NumPy array of `height x width` f32.
///
/// # Errors
/// It cannot be written.
pub fn write_npy(path: &Path, map: &ScoreMap) -> Result<()> {
    write_whole(path, |writer| {
        let mut array = npyz::WriteOptions::new()
            .default_dtype()
            .shape(&[map.height as u64, map.width as u64])
            .writer(writer)
            .begin_nd()?;
        array.extend(map.data.iter().copied())?;
        array.finish()
    })
}

/// Writes a map as 16-bit grey PNG: 65535 is twice the threshold, as at the bright end of the heat maps.
///
/// # Errors
/// It cannot be written.
pub fn write_png16(path: &Path, map: &ScoreMap, threshold: f64) -> Result<()> {
    let sample = |&value: &f32| (crate::detection::scale_position(value, threshold) * 65535.0).round() as u16;
    let bytes: Vec<u8> = map.data.iter().map(sample).flat_map(u16::to_be_bytes).collect();
    let size = (map.width as u32, map.height as u32);
    write_png(path, &bytes, size, ColorType::Grayscale, BitDepth::Sixteen)
}

/// Prints a line of a result on standard output; [`terminal::failure`] reports at the end if that failed.
///
/// # Errors
/// None: the program goes on even if nobody reads its output any more.
pub fn print_line(line: impl std::fmt::Display) -> Result<()> {
    terminal::print(line);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many bytes; notes the largest piece that it is given.
    struct Disk {
        room: usize,
        largest: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.largest = self.largest.max(bytes.len());
            self.room = self.room.checked_sub(bytes.len()).ok_or(ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_picture_is_encoded_piece_by_piece_and_a_full_disk_is_told() {
        // Noise, so that it does not shrink.
        let samples: Vec<u8> =
            (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let written = |room| {
            let mut disk = Disk { room, largest: 0 };
            let result = encode(&mut disk, &samples, (1000, 1000), ColorType::Rgb, BitDepth::Eight);
            (result.map_err(|error| error.kind()), disk)
        };
        let (result, disk) = written(usize::MAX);
        assert_eq!(result, Ok(()));
        assert!(usize::MAX - disk.room > 1_000_000 && disk.largest <= PIECE, "{} bytes", disk.largest);
        for room in [0, 20, 2 * PIECE] {
            assert_eq!(written(room).0, Err(ErrorKind::StorageFull), "{room} bytes free");
        }
    }

    #[test]
    fn maps_survive_the_way_to_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let map = ScoreMap { width: 3, height: 2, data: vec![0.0, 0.25, 0.5, 0.75, 1.0, 9.0] };
        let [npy, png] = ["m.npy", "m.png"].map(|name| folder.path().join(name));
        write_npy(&npy, &map).unwrap();
        write_png16(&png, &map, 0.5).unwrap();
        let bytes = std::fs::read(npy).unwrap();
        let array = npyz::NpyFile::new(&bytes[..]).unwrap();
        assert_eq!(array.shape(), [2, 3]);
        assert_eq!(array.into_vec::<f32>().unwrap(), map.data);
        let grey = image::open(png).unwrap().into_luma16();
        assert_eq!(grey.dimensions(), (3, 2));
        assert_eq!(grey.into_raw(), [0, 16384, 32768, 49151, 65535, 65535]);
        let own = |name: &str| is_own_png(&std::fs::read(folder.path().join(name)).unwrap());
        assert!(own("m.png") && !own("m.npy"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
