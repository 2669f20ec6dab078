//! Folders of results: only one run at a time writes to a folder, and it replaces only files that the program made.
//! Those are known by the signature in its pictures and by how its tables begin; other files must be named in the
//! tables.

use super::line::is_own_table;
use super::output::{check_folder, is_own_png};
use crate::files::{Lock, clear_leftovers, folder_of};
use crate::{Error, Result};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// How many bytes of a file are read to tell whose it is; signatures come first.
const HEAD: u64 = 4096;

/// Whether a file is a result that this program has made, wherever it lies.
pub fn is_result(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    read.is_ok() && (is_own_png(&head) || is_own_table(&head))
}

/// Removes a result that the program has made; whether there was one. Maps of numbers (`.npy`) cannot be signed, so
/// `path` must have passed [`Folder::check`] or be named in a table of results.
pub fn remove_result(path: &Path) -> bool {
    let map = path.extension().is_some_and(|ending| ending == "npy");
    path.is_file() && (map || is_result(path)) && fs::remove_file(path).is_ok()
}

/// A folder to write results to.
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    _lock: Lock,
}

impl Folder {
    /// Makes the folder if it is missing, and locks it for this run.
    ///
    /// # Errors
    /// It cannot be made or written, or another run is writing to it.
    pub fn open(path: &Path) -> Result<Self> {
        check_folder(path)?;
        match Lock::folder(path) {
            Some(lock) => Ok(Self { path: path.into(), _lock: lock }),
            None => {
                let reason =
                    "another aand is writing to it; wait for that one, or choose another folder with --out";
                Err(Error::Temporary(format!("{}: {reason}", path.display())))
            }
        }
    }

    /// Makes sure that writing `files` replaces nobody else's file, and removes leftovers of killed runs from where
    /// they will lie. `listed` are files of earlier runs that cannot be recognized by their content.
    ///
    /// # Errors
    /// One of the files exists and was not made by the program.
    pub fn check(&self, files: &[String], listed: &HashSet<String>) -> Result<()> {
        for file in files {
            let path = self.path.join(file);
            // A folder of that name holds no file to lose; that picture's result will fail, the others will
            // not.
            let Ok(facts) = fs::symlink_metadata(&path) else { continue };
            let is_own = facts.is_dir() || facts.len() == 0 || is_result(&path) || listed.contains(file);
            if !is_own {
                return Err(Error::Setting(format!(
                    "{}: is there already and was not made by aand; choose another folder with --out, or move it away",
                    path.display()
                )));
            }
        }
        let folders: HashSet<PathBuf> =
            files.iter().map(|file| folder_of(&self.path.join(file)).into()).collect();
        for folder in folders {
            clear_leftovers(&folder);
        }
        Ok(())
    }

    /// Removes the `old` files, results of earlier runs, that `files` does not name, and folders left empty. Returns
    /// how many files.
    pub fn remove_stale(&self, old: &HashSet<String>, files: &[String]) -> usize {
        let wanted: HashSet<&String> = files.iter().collect();
        let removed = old.iter().filter(|file| !wanted.contains(file)).filter(|file| {
            let path = self.path.join(file);
            // The names come from a table, which may be wrong: remove nothing outside the folder, and no
            // unsigned picture.
            let inside =
                Path::new(file).components().all(|part| matches!(part, std::path::Component::Normal(_)));
            let gone = inside && remove_result(&path);
            let mut folder = folder_of(&path);
            // `remove_dir` removes only empty folders.
            while inside && folder != self.path && fs::remove_dir(folder).is_ok() {
                folder = folder_of(folder);
            }
            gone
        });
        removed.count()
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::write_picture;
    use super::*;

    #[test]
    fn nothing_but_own_results_is_replaced_or_removed() {
        let place = tempfile::tempdir().unwrap();
        let out = place.path().join("out");
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let set = |of: &[&str]| names(of).into_iter().collect::<HashSet<String>>();
        let folder = Folder::open(&out).unwrap();
        assert!(Folder::open(&out).is_err() || cfg!(windows), "taken twice");
        fs::create_dir_all(out.join("sub/deep")).unwrap();
        let picture = image::RgbImage::new(2, 2);
        for own in ["a_heat.png", "sub/deep/b_heat.png"] {
            write_picture(&out.join(own), &picture).unwrap();
        }
        picture.save(out.join("theirs_heat.png")).unwrap();
        fs::write(out.join("a_map.npy"), "x").unwrap();
        fs::create_dir(out.join("folder_heat.png")).unwrap();

        let none = HashSet::new();
        folder.check(&names(&["a_heat.png", "new_heat.png", "folder_heat.png"]), &none).unwrap();
        folder.check(&names(&["a_map.npy"]), &set(&["a_map.npy"])).unwrap();
        for theirs in ["theirs_heat.png", "a_map.npy"] {
            let said = folder.check(&names(&[theirs]), &none).unwrap_err().to_string();
            assert!(said.contains(theirs) && said.contains("--out"), "{said}");
        }
        let outside = place.path().join("x.npy");
        fs::write(&outside, "x").unwrap();
        let old = set(&["a_heat.png", "sub/deep/b_heat.png", "theirs_heat.png", "gone_heat.png", "../x.npy"]);
        assert_eq!(folder.remove_stale(&old, &names(&["a_heat.png"])), 1);
        assert!(out.join("a_heat.png").exists() && out.join("theirs_heat.png").exists() && outside.exists());
        assert!(!out.join("sub").exists());
    }
}
