//! Files that are either whole or not there.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes `bytes` to a temporary file beside `path`, flushes it and renames it.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".aand-").suffix(".tmp");
    // Temporary files are private by default; a report is to be read by whoever may read new files here.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(|error| Error::io(path, error))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(|error| Error::io(path, error))?;
    file.persist(path).map_err(|error| Error::io(path, error.error))?;
    Ok(())
}
