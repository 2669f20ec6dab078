//! Pictures that are never trained on: painted ones from another seed, and photographs from a folder.

use super::procedural::{Painter, twins};
use super::stream::Batch;
use crate::{Error, Result};
use image::imageops::FilterType;
use std::path::{Path, PathBuf};

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
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err(Error::dataset(folder, "no pictures (png, jpg, bmp, tiff, webp) for --probe"));
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
        let photograph = image::open(file).map_err(|e| Error::picture(file, e.to_string()))?;
        let photograph = photograph.resize_exact(size as u32, size as u32, FilterType::Triangle).to_rgb8();
        for channel in 0..3 {
            planes.extend(photograph.pixels().map(|p| p[channel]));
        }
    }
    Ok(planes.chunks_exact(count * 3 * size * size).map(|p| Batch::pack(p, count, size)).collect())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))? {
        let path = entry.map_err(|e| Error::io(folder, e))?.path();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("").to_ascii_lowercase();
        // Masks do not look like anything one would inspect.
        let masks = path.file_name().is_some_and(|name| name == "ground_truth");
        if path.is_dir() && !masks {
            collect(&path, files)?;
        } else if ["png", "jpg", "jpeg", "bmp", "tif", "tiff", "webp"].contains(&extension.as_str()) {
            files.push(path);
        }
    }
    Ok(())
}
