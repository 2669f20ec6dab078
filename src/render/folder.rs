//! Writes a rendered line as a data set in MVTec layout.

use super::{ProductLine, Rendered, grain, render};
use crate::files::{DRAFT, Lock, clear_leftovers, draft_prefix};
use crate::perturbation::Perturbation;
use crate::{Error, Result};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
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

/// Whether [`write()`] made this folder.
pub fn is_rendered(dir: &Path) -> bool {
    std::fs::read_to_string(dir.join("README.txt")).is_ok_and(|text| text == NOTE)
}

/// Makes sure that [`write()`] may write `dir`: it does not exist, or contains only what an earlier call wrote.
///
/// # Errors
/// [`Error::Dataset`] when it contains anything else.
pub fn check_rendered(dir: &Path) -> Result<()> {
    if std::fs::symlink_metadata(dir).is_err() {
        return Ok(());
    }
    let refuse =
        |path: &Path, reason: &str| Err(Error::dataset(path, format!("{reason}; choose another folder")));
    if !is_rendered(dir) {
        return refuse(dir, "is there already and was not rendered by aand");
    }
    match foreign(dir, 0)? {
        Some(path) => refuse(&path, "was not rendered by aand, and would go with the folder around it"),
        None => Ok(()),
    }
}

/// The first file below `dir` whose name no rendering gives. Files of the system do not count.
fn foreign(dir: &Path, depth: usize) -> Result<Option<std::path::PathBuf>> {
    let mut entries =
        std::fs::read_dir(dir).map_err(|e| Error::io(dir, e))?.collect::<std::io::Result<Vec<_>>>();
    let entries = entries.as_mut().map_err(|e| Error::io(dir, std::io::Error::from(e.kind())))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let kind = entry.file_type().map_err(|e| Error::io(&path, e))?;
        let number = name.strip_suffix(".png").map(|stem| stem.strip_suffix("_mask").unwrap_or(stem));
        let is_number = number.is_some_and(|n| n.len() >= 3 && n.bytes().all(|byte| byte.is_ascii_digit()));
        let known = match depth {
            _ if [".DS_Store", "Thumbs.db", "desktop.ini"].contains(&name.as_str()) => kind.is_file(),
            0 if kind.is_dir() => ["train", "test", "ground_truth"].contains(&name.as_str()),
            0 => name == "README.txt" && kind.is_file(),
            1 => kind.is_dir(),
            _ => is_number && kind.is_file(),
        };
        if !known {
            return Ok(Some(path));
        }
        if kind.is_dir()
            && let Some(path) = foreign(&path, depth + 1)?
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Writes `dir` (MVTec layout, 8-bit PNG, masks 0 or 255, and a README.txt). The folder appears whole or
/// not at all. An earlier folder that this function wrote is replaced; anything else is left alone.
///
/// # Errors
/// [`Error::Dataset`] when `dir` exists and is not a rendered line; [`Error::Io`] when it cannot be written.
pub fn write(line: ProductLine, dir: &Path, counts: Counts, seed: u64) -> Result<()> {
    write_in_light(line, dir, counts, seed, 0.0)
}

/// As [`write()`], under other light: all values times `1 + light`.
///
/// # Errors
/// As [`write()`].
pub fn write_in_light(line: ProductLine, dir: &Path, counts: Counts, seed: u64, light: f64) -> Result<()> {
    check_rendered(dir)?;
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(parent).map_err(|e| Error::io(parent, e))?;
    clear_leftovers(parent);
    let draft = tempfile::Builder::new()
        .prefix(&draft_prefix(DRAFT))
        .tempdir_in(parent)
        .map_err(|e| Error::io(parent, e))?;
    // Held while the folder is filled, so that no other run takes it for a leftover of a killed run.
    let _lock = Lock::folder(draft.path());

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
        let part = grain::mix(seed ^ grain::mix(part as u64));
        let mut rendered = render(line, part, defect)?;
        if light != 0.0 {
            let mut rng = ChaCha8Rng::seed_from_u64(part);
            rendered.picture = Perturbation::Lighting.apply(&rendered.picture, light, &mut rng);
        }
        save(draft.path(), split, defect, index, &rendered)
    })?;
    let note = draft.path().join("README.txt");
    std::fs::write(&note, NOTE).map_err(|e| Error::io(&note, e))?;

    let draft = draft.keep();
    let placed = open_to_all(&draft).and_then(|()| place(&draft, dir, parent));
    if placed.is_err() {
        // No incomplete folder stays behind; the first error is the one reported.
        let _ = std::fs::remove_dir_all(&draft);
    }
    placed
}

/// Gives the draft its name. An earlier folder is renamed away first, since removing it takes so long that it could be
/// interrupted.
fn place(draft: &Path, dir: &Path, parent: &Path) -> Result<()> {
    let failed = |e| Error::io(dir, e);
    let earlier = tempfile::Builder::new().prefix(&draft_prefix(DRAFT)).tempdir_in(parent).map_err(failed)?;
    let aside = earlier.path().join("earlier");
    let was_there = dir.exists();
    if was_there {
        std::fs::rename(dir, &aside).map_err(failed)?;
    }
    std::fs::rename(draft, dir).map_err(|e| {
        if was_there {
            let _ = std::fs::rename(&aside, dir);
        }
        failed(e)
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
