//! MVTec AD: `train/good`, `test/<defect or good>`, `ground_truth/<defect>/<stem>_mask.*` (method.md 7).

use std::path::{Path, PathBuf};

use super::Sample;
use super::list::{Masks, folders, is_good, name, pictures};
use crate::error::Result;

/// Whether `folder` is a category of this layout.
pub(super) fn is_category(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_dir();
    good_folder(folder).is_some() || (has("test") && (has("train") || has("ground_truth")))
}

/// `train/good`, or what it is called here.
pub(super) fn good_folder(folder: &Path) -> Option<PathBuf> {
    folders(&folder.join("train")).ok()?.into_iter().find(|path| is_good(path))
}

/// Good pictures for training.
pub(super) fn train(folder: &Path) -> Result<Vec<PathBuf>> {
    good_folder(folder).map_or(Ok(Vec::new()), |good| pictures(&good))
}

/// Labelled pictures, paired with their masks by stem.
pub(super) fn test(folder: &Path) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    if !folder.join("test").is_dir() {
        return Ok(samples);
    }
    for kind in folders(&folder.join("test"))? {
        let defect = (!is_good(&kind)).then(|| name(&kind));
        let masks = Masks::in_folder(&folder.join("ground_truth").join(name(&kind)))?;
        samples.extend(pictures(&kind)?.into_iter().map(|path| Sample {
            mask: defect.as_ref().and_then(|_| masks.of(&path)),
            defect: defect.clone(),
            path,
        }));
    }
    Ok(samples)
}

/// Every mask there is, with or without a picture.
pub(super) fn masks(folder: &Path) -> Result<Vec<PathBuf>> {
    let truth = folder.join("ground_truth");
    if !truth.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = pictures(&truth)?;
    for kind in folders(&truth)?.iter().filter(|kind| !is_good(kind)) {
        found.extend(pictures(kind)?);
    }
    Ok(found)
}
