//! A lock for one run at a time, which the system releases when the process ends in any way.

use crate::{Error, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// Held by a run; dropping it removes its file.
#[derive(Debug)]
pub struct Lock {
    file: Option<File>,
    path: Option<PathBuf>,
}

impl Lock {
    /// Locks the file `path`, which is made for this purpose and removed afterwards; `None` if another run holds
    /// it.
    ///
    /// # Errors
    /// It cannot be made, or something else has that name.
    pub fn take(path: &Path) -> Result<Option<Self>> {
        let file = Self::open(path)?;
        if file.as_ref().and_then(|file| file.metadata().ok()).is_some_and(|facts| facts.len() > 0) {
            let reason =
                "is needed as a lock and is not empty; move it away, or choose another place with --out";
            return Err(Error::Setting(format!("{}: {reason}", path.display())));
        }
        Ok(file.map(|file| Self { file: Some(file), path: Some(path.into()) }))
    }

    /// Locks a folder; `None` if another run holds it. Where folders cannot be locked, it counts as free.
    pub fn folder(path: &Path) -> Option<Self> {
        let Ok(file) = File::open(path) else { return Some(Self { file: None, path: None }) };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => None,
            Ok(()) | Err(TryLockError::Error(_)) => Some(Self { file: Some(file), path: None }),
        }
    }

    /// Opens `path` for reading and writing by this process alone, and creates it if it is missing; `None` if
    /// another process has it.
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
                // Between opening and locking, its holder may have renamed or removed the file.
                Ok(()) if !is_at(&file, path) => {}
                // On a file system without locks, go on without one.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(Some(file)),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Removed before the lock is released, so that nobody else's file is removed; if it stays, it
            // does no harm.
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
