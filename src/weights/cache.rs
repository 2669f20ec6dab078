//! The folder in which fetched weights are kept.

use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::catalog::{Official, official};
use crate::error::{Error, Result};
use crate::hash::hex;

/// The environment variable that names another cache folder.
pub const CACHE_VARIABLE: &str = "AAND_WEIGHTS_DIR";

/// The cache folder: `given`, else `AAND_WEIGHTS_DIR`, else the platform's convention
/// (on Linux `~/.cache/aand/weights`).
///
/// # Errors
/// [`Error::Setting`] if the platform knows no home folder to put it in.
pub fn cache_dir(given: Option<&Path>) -> Result<PathBuf> {
    if let Some(dir) = given {
        return Ok(dir.to_path_buf());
    }
    if let Some(dir) = std::env::var_os(CACHE_VARIABLE).filter(|dir| !dir.is_empty()) {
        return Ok(dir.into());
    }
    directories::ProjectDirs::from("", "", "aand").map(|dirs| dirs.cache_dir().join("weights")).ok_or_else(
        || {
            Error::Setting(format!(
                "no home folder for the cache; name a folder with --cache or {CACHE_VARIABLE}"
            ))
        },
    )
}

/// The fetched weights of a backbone, if they are there and intact (length and hash).
pub fn cached(name: &str) -> Option<PathBuf> {
    cached_in(name, &cache_dir(None).ok()?)
}

/// As [`cached`], in a given folder.
pub fn cached_in(name: &str, dir: &Path) -> Option<PathBuf> {
    unharmed(official(name).ok()?, dir)
}

/// The error if weights are needed but were not given: it says which command to run.
pub fn needs(name: &str) -> Error {
    Error::Setting(format!("no weights for {name}: run `aand weights fetch {name}`, or give --weights FILE"))
}

/// The file in `dir` if its length and hash are the official ones.
pub(super) fn unharmed(official: &Official, dir: &Path) -> Option<PathBuf> {
    let path = dir.join(official.file);
    let length = std::fs::metadata(&path).ok()?.len();
    (length == official.size && sha256(&path).ok()? == official.sha256).then_some(path)
}

/// The SHA-256 of a file, in lower-case hexadecimal digits.
///
/// # Errors
/// [`Error::Io`] if it cannot be read.
pub fn sha256(path: &Path) -> Result<String> {
    let mut file = std::fs::File::open(path).map_err(|e| Error::io(path, e))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).map_err(|e| Error::io(path, e))? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    Ok(hex(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_needs_weights_is_told_the_command() {
        assert_eq!(
            needs("wide_resnet50_2").to_string(),
            "no weights for wide_resnet50_2: run `aand weights fetch wide_resnet50_2`, or give --weights FILE"
        );
    }

    #[test]
    fn a_file_of_the_right_name_but_other_content_is_not_taken_for_the_weights() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = official("resnet18").copied().unwrap();
        assert_eq!(unharmed(&file, dir.path()), None);
        std::fs::write(dir.path().join(file.file), b"abc").unwrap();
        assert_eq!(cached_in("resnet18", dir.path()), None, "of another length");
        file.size = 3;
        assert_eq!(unharmed(&file, dir.path()), None, "of another hash");
        // FIPS 180-4, the hash of "abc".
        file.sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(unharmed(&file, dir.path()), Some(dir.path().join(file.file)));
    }

    #[test]
    fn a_given_folder_wins() {
        assert_eq!(cache_dir(Some(Path::new("/some/where"))).unwrap(), Path::new("/some/where"));
    }
}
