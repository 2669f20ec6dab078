//! Writing a rendered line as a data set in MVTec layout.

use super::{Line, Rendered, grain, render};
use crate::{Error, Result};
use rayon::prelude::*;
use std::path::Path;

/// How many pictures to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Good parts to learn from.
    pub train: usize,
    /// Good parts in the test set.
    pub test_good: usize,
    /// Defective parts in the test set, for each kind of defect.
    pub test_per_defect: usize,
}

impl Default for Counts {
    fn default() -> Self {
        Self { train: 48, test_good: 20, test_per_defect: 10 }
    }
}

const NOTE: &str = "\
These pictures are rendered, not photographed: they were drawn by the program aand (aand render).
No real product is shown. Layout as in MVTec AD: train/good, test/KIND, ground_truth/KIND.
A mask is white (255) where the picture differs from the same part rendered without the defect.
";

/// Whether [`write`] made this folder.
pub fn is_rendered(dir: &Path) -> bool {
    std::fs::read_to_string(dir.join("README.txt")).is_ok_and(|text| text == NOTE)
}

/// Writes `dir` (MVTec layout, 8-bit PNG, masks 0 or 255, and a README.txt). The folder appears whole or
/// not at all. An earlier folder that this function wrote is replaced; anything else is left alone.
///
/// # Errors
/// [`Error::Dataset`] when `dir` is there and is not a rendered line; [`Error::Io`] when it cannot be
/// written.
pub fn write(line: Line, dir: &Path, counts: Counts, seed: u64) -> Result<()> {
    if dir.exists() && !is_rendered(dir) {
        let reason = "is there already and was not rendered by aand; choose another folder";
        return Err(Error::dataset(dir, reason));
    }
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).map_err(|e| Error::io(parent, e))?;
    let draft = tempfile::Builder::new()
        .prefix(".rendering-")
        .tempdir_in(parent)
        .map_err(|e| Error::io(parent, e))?;

    let mut jobs = Vec::new();
    let mut add = |split: &'static str, defect: Option<&'static str>, count: usize| {
        jobs.extend((0..count).map(move |index| (split, defect, index)));
    };
    add("train", None, counts.train);
    add("test", None, counts.test_good);
    for &defect in line.defects() {
        add("test", Some(defect), counts.test_per_defect);
    }
    for &(split, defect, _) in &jobs {
        let kind = defect.unwrap_or("good");
        make(&draft.path().join(split).join(kind))?;
        if defect.is_some() {
            make(&draft.path().join("ground_truth").join(kind))?;
        }
    }
    // Every picture has a seed of its own, so the order of the threads does not matter.
    jobs.par_iter().enumerate().try_for_each(|(part, &(split, defect, index))| -> Result<()> {
        let rendered = render(line, grain::mix(seed ^ grain::mix(part as u64)), defect)?;
        save(draft.path(), split, defect, index, &rendered)
    })?;
    let note = draft.path().join("README.txt");
    std::fs::write(&note, NOTE).map_err(|e| Error::io(&note, e))?;

    if dir.exists() {
        std::fs::remove_dir_all(dir).map_err(|e| Error::io(dir, e))?;
    }
    let draft = draft.keep();
    open_to_all(&draft)?;
    std::fs::rename(&draft, dir).map_err(|e| {
        // Nothing half-made stays behind; the first error is the one to tell.
        let _ = std::fs::remove_dir_all(&draft);
        Error::io(dir, e)
    })
}

fn make(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, e))
}

fn save(root: &Path, split: &str, defect: Option<&str>, index: usize, rendered: &Rendered) -> Result<()> {
    let store = |path: &Path, saved: image::ImageResult<()>| {
        saved.map_err(|e| match e {
            image::ImageError::IoError(source) => Error::io(path, source),
            other => Error::picture(path, format!("could not be written: {other}")),
        })
    };
    let path = root.join(split).join(defect.unwrap_or("good")).join(format!("{index:03}.png"));
    store(&path, rendered.picture.save(&path))?;
    if let Some(kind) = defect {
        let mask = &rendered.mask;
        let grey = image::GrayImage::from_fn(mask.width as u32, mask.height as u32, |x, y| {
            image::Luma([if mask.data[y as usize * mask.width + x as usize] { 255 } else { 0 }])
        });
        let path = root.join("ground_truth").join(kind).join(format!("{index:03}_mask.png"));
        store(&path, grey.save(&path))?;
    }
    Ok(())
}

/// Temporary folders are private; a data set is not.
#[cfg(unix)]
fn open_to_all(dir: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).map_err(|e| Error::io(dir, e))
}

#[cfg(not(unix))]
fn open_to_all(_: &Path) -> Result<()> {
    Ok(())
}
