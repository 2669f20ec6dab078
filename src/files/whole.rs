//! Writing a file whole or not at all: to a temporary file in the same folder, which then takes the name.

use crate::{Error, Result};
use std::io::{BufWriter, Write};
use std::path::Path;
use tempfile::{Builder, NamedTempFile};

/// How the names of temporary files begin and end.
pub(super) const PREFIX: &str = ".aand-";
pub(super) const SUFFIX: &str = ".tmp";

/// The folder a file lies in.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// How the names of this process's temporary files and folders begin: with its process ID, so that others can
/// tell whether it is still running.
pub(crate) fn draft_prefix(kind: &str) -> String {
    format!("{kind}{}-", std::process::id())
}

/// A temporary file in `folder` with the permissions of any new file there, locked as long as it is open.
///
/// # Errors
/// It cannot be made.
pub fn temporary(folder: &Path) -> Result<NamedTempFile> {
    let prefix = draft_prefix(PREFIX);
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX);
    // Temporary files are private by default; results should be readable like any new file here.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder).map_err(|e| Error::io(folder, plain(e)))?;
    // On a file system without locks, the process ID has to suffice.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// The operating system's own error: tempfile adds the name of the temporary file, which means nothing to the
/// user.
fn plain(error: std::io::Error) -> std::io::Error {
    let text = error.to_string();
    match text.split_once(" at path ") {
        Some((words, _)) => std::io::Error::new(error.kind(), words),
        None => error,
    }
}

/// Writes a file through `fill` and gives it its name once it is complete.
///
/// # Errors
/// It cannot be written; nothing half-written is left.
pub fn write_whole(path: &Path, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    write(path, fill, false)
}

/// As [`write_whole`], from memory, and flushed to the disk before it takes its name.
///
/// # Errors
/// As [`write_whole`].
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, |writer| writer.write_all(bytes), true)
}

/// As [`write_atomically`], but only if nothing has that name yet, checked at the moment of naming.
///
/// # Errors
/// As [`write_whole`]; something has the name.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let file = draft(path, |writer| writer.write_all(bytes), true)?;
    file.persist_noclobber(path).map(drop).map_err(|e| Error::io(path, e.error))
}

fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>, sync: bool) -> Result<()> {
    draft(path, fill, sync)?.persist(path).map(drop).map_err(|e| Error::io(path, e.error))
}

/// The complete file, before it takes its name.
fn draft(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    sync: bool,
) -> Result<NamedTempFile> {
    let mut file = temporary(folder_of(path)).map_err(|error| match error {
        // The error names the file itself; the name of its draft would help nobody.
        Error::Io { source, .. } => Error::io(path, source),
        other => other,
    })?;
    let mut writer = BufWriter::new(file.as_file_mut());
    fill(&mut writer).and_then(|()| writer.flush()).map_err(|e| Error::io(path, e))?;
    drop(writer);
    if sync {
        file.as_file().sync_all().map_err(|e| Error::io(path, e))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_atomically(&path, b"old").unwrap();
        let failing = |writer: &mut dyn Write| {
            writer.write_all(b"half")?;
            Err(std::io::ErrorKind::StorageFull.into())
        };
        assert!(write_whole(&path, failing).unwrap_err().to_string().contains("free some space"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        let taken = write_new(&path, b"new").unwrap_err().to_string();
        assert!(taken.contains("something else is called so"), "{taken}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        write_new(&folder.path().join("b"), b"new").unwrap();
        assert_eq!(std::fs::read(folder.path().join("b")).unwrap(), b"new");
        let missing = write_atomically(&folder.path().join("no/a"), b"x").unwrap_err().to_string();
        assert!(missing.contains("no/a: ") && !missing.contains(PREFIX), "{missing}");
    }
}
