//! Pictures that are never trained on: painted ones from another seed, and photographs from a folder.

use super::procedural::{Painter, twins};
use super::stream::Batch;
use crate::listing::below_except;
use crate::picture::open;
use crate::{Error, Result};
use image::imageops::{FilterType, resize};
use std::path::Path;

/// How many held-out pictures are painted.
pub const PAINTED: usize = 256;
/// The most photographs of a folder that are used.
const PHOTOGRAPHS: usize = 128;

/// Painted pictures, in whole batches.
pub fn painted(seed: u64, count: usize, size: usize) -> Vec<Batch> {
    // Any other seed works: the streams of two seeds have nothing in common.
    let painter = Painter::new(seed ^ 0x9e37_79b9_7f4a_7c15);
    let batches = PAINTED.div_ceil(count);
    (0..batches).map(|i| painter.batch((i * count) as u64, count, size)).collect()
}

/// Photographs of a folder, evenly spaced over its files, in whole batches (some come twice if needed).
///
/// # Errors
/// The folder cannot be read, holds no picture, or one of the pictures is damaged.
pub fn photographs(folder: &Path, count: usize, size: usize) -> Result<Vec<Batch>> {
    // Masks do not look like anything one would inspect.
    let found = below_except(folder, |inner| inner.file_name().is_some_and(|name| name == "ground_truth"))?;
    // One that cannot be opened is an error, not left out.
    let found = found.with_unreadable();
    let mut files = found.pictures;
    files.sort();
    if files.is_empty() {
        let told = found.left_out.in_brackets();
        let reason = format!("no pictures (png, jpg, bmp, tiff, webp){told} for --probe");
        return Err(Error::dataset(folder, reason));
    }
    let painter = Painter::new(7);
    let wanted = files.len().min(PHOTOGRAPHS).next_multiple_of(count);
    let twins = twins(count);
    let mut planes: Vec<u8> = Vec::with_capacity(wanted * 3 * size * size);
    for i in 0..wanted {
        let length = 3 * size * size;
        if i % count >= count - twins {
            let one = planes.len() - twins * length;
            planes.extend(painter.spoilt(&planes[one..one + length], i as u64, size));
            continue;
        }
        let file = &files[i * files.len() / wanted];
        let photograph = resize(&open(file)?, size as u32, size as u32, FilterType::Triangle);
        for channel in 0..3 {
            planes.extend(photograph.pixels().map(|p| p[channel]));
        }
    }
    Ok(planes.chunks_exact(count * 3 * size * size).map(|p| Batch::pack(p, count, size)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photographs_are_read_like_every_other_picture() {
        let place = tempfile::tempdir().unwrap();
        let (folder, count, size) = (place.path(), 4, 16);
        let missing = photographs(folder, count, size).err().unwrap().to_string();
        assert!(missing.contains("no pictures"), "{missing}");
        std::fs::create_dir_all(folder.join("deep/ground_truth")).unwrap();
        let gray = image::RgbImage::from_pixel(40, 30, image::Rgb([90; 3]));
        gray.save(folder.join("deep/a.png")).unwrap();
        std::fs::write(folder.join("deep/ground_truth/a.png"), "never opened").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder, folder.join("deep/again")).unwrap();
        assert_eq!(photographs(folder, count, size).unwrap().len(), 1);
        std::fs::write(folder.join("deep/b.jpg"), "no picture").unwrap();
        let damaged = photographs(folder, count, size).err().unwrap().to_string();
        assert!(damaged.contains("b.jpg"), "{damaged}");
    }
}
