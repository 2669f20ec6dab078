//! Files that a command writes: whole or not there, and readable for everyone who may read the folder.

use crate::picture::{Mask, Picture, ScoreMap};
use crate::{Error, Result};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use npyz::WriterBuilder;
use std::io::{BufWriter, Write};
use std::path::Path;
use tempfile::{Builder, NamedTempFile};

/// Makes `folder` and proves that files can be written to it, before any work is done.
///
/// # Errors
/// It cannot be made or written.
pub fn check_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    temporary(folder).map(drop)
}

/// As [`check_folder`], for the folder that a file will lie in.
///
/// # Errors
/// As [`check_folder`], or there is a folder of the file's name.
pub fn check_file(file: &Path) -> Result<()> {
    if file.is_dir() {
        return Err(Error::Setting(format!("{}: is a folder; name a file", file.display())));
    }
    check_folder(folder_of(file))
}

/// The folder a file lies in.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A temporary file in `folder` with the permissions of any new file there.
///
/// # Errors
/// It cannot be made.
pub fn temporary(folder: &Path) -> Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".aand-").suffix(".tmp");
    // Temporary files are private by default; results are for whoever may read new files here.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|e| Error::io(folder, e))
}

/// Writes a file through `fill`, then renames it to `path`.
fn write_whole(path: &Path, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let mut file = temporary(folder_of(path))?;
    let mut writer = BufWriter::new(file.as_file_mut());
    fill(&mut writer).and_then(|()| writer.flush()).map_err(|e| Error::io(path, e))?;
    drop(writer);
    file.persist(path).map(drop).map_err(|e| Error::io(path, e.error))
}

/// Writes a PNG of raw samples.
fn write_png(path: &Path, bytes: &[u8], size: (u32, u32), colour: ExtendedColorType) -> Result<()> {
    // Heat maps are smooth: the fast setting costs a few percent of size and saves most of the time. Through
    // memory, because the encoder's own errors no longer tell a full disk from others.
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive)
        .write_image(bytes, size.0, size.1, colour)
        .map_err(|e| Error::picture(path, format!("cannot be encoded as PNG: {e}")))?;
    write_whole(path, |writer| writer.write_all(&png))
}

/// Writes a picture as PNG.
///
/// # Errors
/// It cannot be written.
pub fn write_picture(path: &Path, picture: &Picture) -> Result<()> {
    write_png(path, picture.as_raw(), picture.dimensions(), ExtendedColorType::Rgb8)
}

/// Writes a mask as PNG, white where it is marked.
///
/// # Errors
/// It cannot be written.
pub fn write_mask(path: &Path, mask: &Mask) -> Result<()> {
    let bytes: Vec<u8> = mask.data.iter().map(|&marked| if marked { 255 } else { 0 }).collect();
    write_png(path, &bytes, (mask.width as u32, mask.height as u32), ExtendedColorType::L8)
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
    let bytes: Vec<u8> = map.data.iter().map(sample).flat_map(u16::to_ne_bytes).collect();
    write_png(path, &bytes, (map.width as u32, map.height as u32), ExtendedColorType::L16)
}

/// A line of a result on standard output.
///
/// # Errors
/// Nobody reads it any more, for example `| head`.
pub fn print_line(line: impl std::fmt::Display) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|e| Error::io("standard output", e))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
