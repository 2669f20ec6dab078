//! One run at a time: a lock that the system gives back when the process ends, however it ends.

use crate::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// Held by a run; its file goes with it.
#[derive(Debug)]
pub struct Lock {
    file: Option<File>,
    path: Option<PathBuf>,
}

impl Lock {
    /// Locks the file `path`, which is made for that purpose and removed afterwards; `None` when another run holds
    /// it.
    ///
    /// # Errors
    /// It cannot be made, or something else is called so.
    pub fn take(path: &Path) -> Result<Option<Self>> {
        let file = Self::open(path)?;
        if file.as_ref().and_then(|file| file.metadata().ok()).is_some_and(|facts| facts.len() > 0) {
            let reason =
                "is needed as a lock and is not empty; move it away, or choose another place with --out";
            return Err(Error::Setting(format!("{}: {reason}", path.display())));
        }
        Ok(file.map(|file| Self { file: Some(file), path: Some(path.into()) }))
    }

    /// Locks a folder; `None` when another run holds it. A file system or system without locks on folders counts as
    /// free.
    pub fn folder(path: &Path) -> Option<Self> {
        let Ok(file) = File::open(path) else { return Some(Self { file: None, path: None }) };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => None,
            Ok(()) | Err(TryLockError::Error(_)) => Some(Self { file: Some(file), path: None }),
        }
    }

    /// Opens `path` for reading and writing, made if it is not there, for this process alone; `None` when another
    /// one has it.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(path: &Path) -> Result<Option<File>> {
        loop {
            let mut options = OpenOptions::new();
            options.create(true).truncate(false).read(true).write(true);
            let file = options.open(path).map_err(|e| Error::io(path, e))?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Ok(None),
                // Between opening and locking the holder may have renamed or removed what was opened.
                Ok(()) if !is_at(&file, path) => {}
                // A file system without locks is no reason to do nothing.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(Some(file)),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Before the lock goes, so that nobody else's file is removed; one that stays does no harm.
            let _ = std::fs::remove_file(path);
        }
        drop(self.file.take());
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |facts: std::fs::Metadata| (facts.dev(), facts.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(there)) => of(open) == of(there),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_nothing_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::take(&path).unwrap().unwrap();
        assert!(Lock::take(&path).unwrap().is_none() && path.exists());
        drop(held);
        assert!(!path.exists());
        drop(Lock::take(&path).unwrap().unwrap());
        let held = Lock::folder(folder.path());
        assert!(held.is_some() && (cfg!(windows) || Lock::folder(folder.path()).is_none()));
        assert!(Lock::take(&folder.path().join("no/lock")).is_err());
    }
}
