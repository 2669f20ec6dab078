//! A fingerprint of the training pictures.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Dataset;
use crate::error::{Error, Result};
use crate::hash::fingerprint_of;

/// The SHA-256 of a file.
///
/// # Errors
/// [`Error::Io`] when it cannot be read.
pub fn content(file: &Path) -> Result<[u8; 32]> {
    let bytes = std::fs::read(file).map_err(|source| Error::io(file, source))?;
    Ok(Sha256::digest(bytes).into())
}

/// The [`content`] of each file, with all threads.
///
/// # Errors
/// [`Error::Io`] when one cannot be read.
pub fn contents(files: &[PathBuf]) -> Result<Vec<[u8; 32]>> {
    files.par_iter().map(|file| content(file)).collect()
}

/// SHA-256 over the names (relative to the root) and [`contents`] of the training pictures, as 64 hexadecimal
/// digits. The same pictures in another place have the same fingerprint.
pub fn fingerprint(dataset: &Dataset, contents: &[[u8; 32]]) -> String {
    let parts = |path: &PathBuf| {
        let relative = path.strip_prefix(&dataset.root).unwrap_or(path);
        relative.components().map(|part| part.as_os_str().as_encoded_bytes().to_vec()).collect::<Vec<_>>()
    };
    let paths: Vec<Vec<Vec<u8>>> = dataset.train.iter().map(parts).collect();
    let paths = paths.iter().map(|parts| parts.iter().map(Vec::as_slice));
    fingerprint_of(paths.zip(contents.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Layout;

    #[test]
    fn the_fingerprint_follows_names_and_contents_but_not_the_place() {
        let print = |files: &[(&str, &str)]| {
            let folder = tempfile::tempdir().unwrap();
            let train = files.iter().map(|(name, content)| {
                let path = folder.path().join(name);
                std::fs::write(&path, content).unwrap();
                path
            });
            let train: Vec<_> = train.collect();
            let root = folder.path().to_path_buf();
            let left_out = crate::dataset::LeftOut::default();
            let contents = contents(&train).unwrap();
            let name = "x".into();
            fingerprint(
                &Dataset { name, root, layout: Layout::Folder, train, test: vec![], left_out },
                &contents,
            )
        };
        let first = print(&[("a.png", "1"), ("b.png", "2")]);
        assert_eq!(first.len(), 64);
        assert_eq!(first, print(&[("a.png", "1"), ("b.png", "2")]));
        assert_ne!(first, print(&[("a.png", "1"), ("b.png", "3")]));
        assert_ne!(first, print(&[("a.png", "1"), ("c.png", "2")]));
        assert_ne!(first, print(&[("a.png", "1")]));
    }
}
