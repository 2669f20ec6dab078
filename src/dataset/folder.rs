//! Simply a folder of good pictures, with whatever sub-folders; nothing to test on.

use std::path::{Path, PathBuf};

use super::list::{below, folders, is_good, name, pictures};
use crate::error::{Error, Result};

/// Good pictures for training: all pictures below `folder`.
pub(super) fn train(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(below(folder)?.pictures)
}

/// Refuses a folder whose sub-folders say that not everything in it is good.
///
/// Nobody asked for this layout, it is what is left; learning from defects would go unnoticed.
pub(super) fn refuse_labels(folder: &Path) -> Result<()> {
    let kinds = folders(folder)?;
    let Some(good) = kinds.iter().find(|kind| is_good(kind)) else { return Ok(()) };
    for other in kinds.iter().filter(|kind| !is_good(kind)) {
        if !pictures(other)?.is_empty() {
            return Err(Error::dataset(
                folder,
                format!(
                    "`{}` lies beside `{}`, so not every picture here is good; give {} itself, make it \
                     train/{0} and test/{1}, or say --layout folder",
                    name(good),
                    name(other),
                    good.display()
                ),
            ));
        }
    }
    Ok(())
}
