//! MVTec 3D-AD, colour pictures only: `train/good/rgb`, `test/<defect or good>/rgb`, masks in
//! `test/<defect>/gt` under the same stem (method.md 7). `validation` and `xyz` are not used.

use std::path::{Path, PathBuf};

use super::list::{Masks, folders, is_good, name, pictures};
use super::{Sample, mvtec};
use crate::error::Result;

/// Whether `folder` is a category of this layout.
pub(super) fn is_category(folder: &Path) -> bool {
    let colour = |kind: &PathBuf| kind.join("rgb").is_dir();
    mvtec::good_folder(folder).is_some_and(|good| colour(&good))
        || folders(&folder.join("test")).is_ok_and(|kinds| kinds.iter().any(colour))
}

/// Good pictures for training.
pub(super) fn train(folder: &Path) -> Result<Vec<PathBuf>> {
    mvtec::good_folder(folder).map_or(Ok(Vec::new()), |good| pictures(&good.join("rgb")))
}

/// Labelled pictures, paired with their masks by stem.
pub(super) fn test(folder: &Path) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    if !folder.join("test").is_dir() {
        return Ok(samples);
    }
    for kind in folders(&folder.join("test"))? {
        let defect = (!is_good(&kind)).then(|| name(&kind));
        let masks = Masks::in_folder(&kind.join("gt"))?;
        samples.extend(pictures(&kind.join("rgb"))?.into_iter().map(|path| Sample {
            // Good pictures come with a black mask here, which says nothing new.
            mask: defect.as_ref().and_then(|_| masks.of(&path)),
            defect: defect.clone(),
            path,
        }));
    }
    Ok(samples)
}

/// Every mask there is, with or without a picture; the black ones of good pictures left out.
pub(super) fn masks(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !folder.join("test").is_dir() {
        return Ok(found);
    }
    for kind in folders(&folder.join("test"))?.iter().filter(|kind| !is_good(kind)) {
        found.extend(pictures(&kind.join("gt"))?);
    }
    Ok(found)
}
