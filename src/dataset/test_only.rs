//! Labeled pictures without any to train on: a sub-folder of good ones and one for each kind of defect, in
//! the folder itself or in its `test`. Masks lie in `ground_truth/KIND`, as in MVTec AD.

use std::path::Path;

use super::Sample;
use super::mvtec::labeled;
use crate::error::Result;
use crate::listing::names::is_good;
use crate::listing::{Below, folders, name};

/// The advice about a folder that has none.
pub(super) const NOTHING: &str = "there are no labeled pictures to evaluate on; put good ones into test/good \
                                  and anomalous ones into test/KIND, masks into ground_truth/KIND";

/// The labeled pictures of `folder`; none if nothing says which pictures are good.
pub(super) fn samples(all: &Below, folder: &Path) -> Result<Vec<Sample>> {
    let (test, truth) = (folder.join("test"), folder.join("ground_truth"));
    let place = if test.is_dir() { test.as_path() } else { folder };
    let kinds = folders(place)?;
    if !kinds.iter().any(|kind| is_good(&name(kind))) {
        return Ok(Vec::new());
    }
    let kinds = kinds.iter().filter(|kind| name(kind) != "ground_truth");
    Ok(kinds.flat_map(|kind| labeled(all, kind, &truth)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::{open, open_for_test};
    use std::path::Path;

    fn made(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        folder
    }

    fn kinds(root: &Path) -> Vec<(Option<String>, bool)> {
        let set = open_for_test(root, None, None).unwrap().remove(0);
        set.test.into_iter().map(|sample| (sample.defect, sample.mask.is_some())).collect()
    }

    #[test]
    fn labels_come_from_folders_whatever_lies_around_them() {
        let expected = [(None, false), (Some("hole".into()), true), (Some("hole".into()), false)];
        for files in [
            &["test/good/0.png", "test/hole/0.png", "test/hole/1.png", "ground_truth/hole/0_mask.png"][..],
            &["good/0.png", "hole/0.png", "hole/1.png", "ground_truth/hole/0_mask.png"],
        ] {
            let folder = made(files);
            assert_eq!(kinds(folder.path()), expected, "{files:?}");
            assert!(open(folder.path(), None, None).is_err(), "nothing to train on in {files:?}");
        }
        let bare = made(&["test/good/0.png", "test/hole/0.png"]);
        assert_eq!(kinds(bare.path()), [(None, false), (Some("hole".into()), false)]);
    }

    #[test]
    fn nothing_labelled_is_an_error_with_a_remedy() {
        for files in [&["0.png", "1.png"][..], &["train/good/0.png"]] {
            let error = open_for_test(made(files).path(), None, None).unwrap_err().to_string();
            assert!(error.contains("test/good"), "{error}");
        }
    }
}
