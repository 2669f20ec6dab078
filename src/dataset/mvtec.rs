//! MVTec AD: `train/good`, `test/<defect or good>`, `ground_truth/<defect>/<stem>_mask.*` (method.md 7), each with
//! any sub-folders. MVTec LOCO has several masks per picture, MVTec AD 2 calls the test pictures `test_public` and
//! keeps their masks there.

use std::path::{Path, PathBuf};

use super::Sample;
use super::masks::samples;
use super::mvtec3d;
use crate::error::Result;
use crate::listing::names::is_good;
use crate::listing::{Below, folders, name};

/// Whether `folder` is a category of this layout.
pub(super) fn is_category(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_dir();
    good_folder(folder).is_some() || (has("test") && (has("train") || has("ground_truth")))
}

/// `train/good`, or its name in this variant of the layout.
pub(super) fn good_folder(folder: &Path) -> Option<PathBuf> {
    folders(&folder.join("train")).ok()?.into_iter().find(|path| is_good(&name(path)))
}

/// The folder of test pictures.
fn test_folder(folder: &Path) -> Option<PathBuf> {
    ["test", "test_public"].map(|name| folder.join(name)).into_iter().find(|path| path.is_dir())
}

/// Where masks lie.
pub(super) fn truth(folder: &Path) -> PathBuf {
    let inside = test_folder(folder).map(|test| test.join("ground_truth"));
    inside.filter(|inside| inside.is_dir()).unwrap_or_else(|| folder.join("ground_truth"))
}

/// Good pictures for training.
pub(super) fn train(all: &Below, folder: &Path) -> Vec<PathBuf> {
    match good_folder(folder) {
        // Color pictures beside depth maps belong to the MVTec 3D-AD layout.
        Some(good) if !mvtec3d::is_category(folder) => all.under(&good),
        _ => Vec::new(),
    }
}

/// Labeled pictures, paired with their masks by stem.
pub(super) fn test(all: &Below, folder: &Path) -> Result<Vec<Sample>> {
    let (Some(test), truth) = (test_folder(folder), truth(folder)) else { return Ok(Vec::new()) };
    let kinds = folders(&test)?.into_iter().filter(|kind| *kind != truth);
    Ok(kinds.flat_map(|kind| labeled(all, &kind, &truth)).collect())
}

/// The pictures of a folder named after their kind of defect.
pub(super) fn labeled(all: &Below, kind: &Path, truth: &Path) -> Vec<Sample> {
    let name = name(kind);
    samples(all, kind, (!is_good(&name)).then_some(name.as_str()), &truth.join(&name))
}

/// Every mask, with or without a picture, except those of good pictures.
pub(super) fn masks(all: &Below, folder: &Path) -> Vec<PathBuf> {
    let truth = truth(folder);
    let mut masks = all.under(&truth);
    masks.retain(|mask| {
        let kind = mask.strip_prefix(&truth).unwrap_or(mask).components().next();
        kind.is_none_or(|kind| !is_good(&kind.as_os_str().to_string_lossy()))
    });
    masks
}
