//! A fingerprint of what was trained on, and from how many pictures on some are held out.

use std::path::PathBuf;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Dataset;
use crate::error::{Error, Result};
use crate::training::fingerprint_of;

/// From this many good pictures on, some are held out by default.
pub const FEWEST_TO_HOLD_OUT: usize = 35;

/// SHA-256 over the names (relative to the root) and contents of the training pictures, as 64 hexadecimal
/// digits. The same pictures in another place have the same fingerprint.
///
/// # Errors
/// [`Error::Io`] when a picture cannot be read.
pub fn fingerprint(dataset: &Dataset) -> Result<String> {
    let contents: Result<Vec<_>> = dataset
        .train
        .par_iter()
        .map(|path| std::fs::read(path).map(Sha256::digest).map_err(|source| Error::io(path, source)))
        .collect();
    let parts = |path: &PathBuf| {
        let relative = path.strip_prefix(&dataset.root).unwrap_or(path);
        relative.components().map(|part| part.as_os_str().as_encoded_bytes().to_vec()).collect::<Vec<_>>()
    };
    let paths: Vec<Vec<Vec<u8>>> = dataset.train.iter().map(parts).collect();
    let paths = paths.iter().map(|parts| parts.iter().map(Vec::as_slice));
    Ok(fingerprint_of(paths.zip(contents?.into_iter().map(Into::into))))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Layout;
    use crate::training::draw;

    fn paths(count: usize) -> Vec<PathBuf> {
        (0..count).map(|index| format!("{index}.png").into()).collect()
    }

    /// What is trained on and what is held out.
    fn holdout(train: &[PathBuf], count: usize, seed: u64) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let held = draw(train.len(), count, seed);
        let pick = |wanted: bool| {
            train
                .iter()
                .zip(&held)
                .filter(|(_, held)| **held == wanted)
                .map(|(path, _)| path.clone())
                .collect()
        };
        (pick(false), pick(true))
    }

    #[test]
    fn held_out_pictures_are_disjoint_repeatable_and_follow_the_seed() {
        let all = paths(40);
        let (fit, held) = holdout(&all, 4, 7);
        assert_eq!((fit.len(), held.len()), (36, 4));
        assert!(held.iter().all(|path| !fit.contains(path)));
        assert!(
            held.windows(2)
                .all(|pair| all.iter().position(|p| *p == pair[0]) < all.iter().position(|p| *p == pair[1]))
        );
        assert_eq!(holdout(&all, 4, 7), (fit, held.clone()));
        assert!((8..16).any(|seed| holdout(&all, 4, seed).1 != held));
    }

    #[test]
    fn every_picture_can_be_held_out() {
        let all = paths(6);
        let drawn: std::collections::BTreeSet<_> =
            (0..64).flat_map(|seed| holdout(&all, 1, seed).1).collect();
        assert_eq!(drawn.len(), 6);
    }

    #[test]
    fn none_or_all_can_be_held_out() {
        assert_eq!(holdout(&paths(4), 0, 0), (paths(4), vec![]));
        assert_eq!(holdout(&paths(4), 9, 0), (vec![], paths(4)));
    }

    #[test]
    fn the_fewest_are_those_of_the_default_share() {
        let share = crate::training::Settings::default().holdout;
        assert_eq!(crate::detection::held_out_count(FEWEST_TO_HOLD_OUT - 1, share), 0);
        assert!(crate::detection::held_out_count(FEWEST_TO_HOLD_OUT, share) > 0);
    }

    #[test]
    fn the_fingerprint_follows_names_and_contents_but_not_the_place() {
        let print = |files: &[(&str, &str)]| {
            let folder = tempfile::tempdir().unwrap();
            let train = files.iter().map(|(name, content)| {
                let path = folder.path().join(name);
                std::fs::write(&path, content).unwrap();
                path
            });
            let train = train.collect();
            let root = folder.path().to_path_buf();
            let left_out = crate::dataset::LeftOut::default();
            fingerprint(&Dataset {
                name: "x".into(),
                root,
                layout: Layout::Folder,
                train,
                test: vec![],
                left_out,
            })
            .unwrap()
        };
        let first = print(&[("a.png", "1"), ("b.png", "2")]);
        assert_eq!(first.len(), 64);
        assert_eq!(first, print(&[("a.png", "1"), ("b.png", "2")]));
        assert_ne!(first, print(&[("a.png", "1"), ("b.png", "3")]));
        assert_ne!(first, print(&[("a.png", "1"), ("c.png", "2")]));
        assert_ne!(first, print(&[("a.png", "1")]));
    }
}
