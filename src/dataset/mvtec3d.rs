//! MVTec 3D-AD, color pictures only: `train/good/rgb`, `test/<defect or good>/rgb`, masks in
//! `test/<defect>/gt` under the same stem (method.md 7). `validation` and `xyz` are not used.

use std::path::{Path, PathBuf};

use super::masks::samples;
use super::{Sample, mvtec};
use crate::error::Result;
use crate::listing::names::is_good;
use crate::listing::{Below, folders, name};

/// Whether `folder` is a category of this layout.
pub(super) fn is_category(folder: &Path) -> bool {
    let color = |kind: &PathBuf| kind.join("rgb").is_dir();
    mvtec::good_folder(folder).is_some_and(|good| color(&good))
        || folders(&folder.join("test")).is_ok_and(|kinds| kinds.iter().any(color))
}

/// Good pictures for training.
pub(super) fn train(all: &Below, folder: &Path) -> Vec<PathBuf> {
    mvtec::good_folder(folder).map_or_else(Vec::new, |good| all.under(&good.join("rgb")))
}

fn kinds(folder: &Path) -> Result<Vec<PathBuf>> {
    let test = folder.join("test");
    if test.is_dir() { folders(&test) } else { Ok(Vec::new()) }
}

/// Labeled pictures, paired with their masks by stem.
pub(super) fn test(all: &Below, folder: &Path) -> Result<Vec<Sample>> {
    let of_kind = |kind: PathBuf| {
        let name = name(&kind);
        // Good pictures have a black mask in this layout, which adds nothing.
        samples(all, &kind.join("rgb"), (!is_good(&name)).then_some(name.as_str()), &kind.join("gt"))
    };
    Ok(kinds(folder)?.into_iter().flat_map(of_kind).collect())
}

/// Every mask, with or without a picture, except the black ones of good pictures.
pub(super) fn masks(all: &Below, folder: &Path) -> Result<Vec<PathBuf>> {
    let defects = kinds(folder)?.into_iter().filter(|kind| !is_good(&name(kind)));
    Ok(defects.flat_map(|kind| all.under(&kind.join("gt"))).collect())
}

/// Whether the layout leaves this file out on purpose: depth maps, and the masks of good pictures.
pub(super) fn is_beside_the_point(folder: &Path, picture: &Path) -> bool {
    let relative = picture.strip_prefix(folder).unwrap_or(picture);
    relative.iter().any(|part| part == "xyz" || part == "gt")
}
