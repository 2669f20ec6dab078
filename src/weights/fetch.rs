//! Fetches an official weight file: downloads it, checks its hash, and only then gives it its final name.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cache::{cache_dir, sha256, unharmed};
use super::catalog::{BASE_URL, Official, official};
use super::download::Download;
use crate::error::{Error, Result};
use crate::files::Lock;

/// An event while a file is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchEvent {
    /// How many bytes of the file are here, including those of an earlier, interrupted download.
    Bytes {
        /// Bytes on disk.
        done: u64,
        /// Bytes of the whole file.
        total: u64,
    },
    /// The connection failed for this reason; the download continues where it stopped.
    Retry(String),
    /// Everything is here and its hash is being checked.
    Checking,
}

/// How to fetch. `Default` suits the official server.
pub struct FetchOptions<'a> {
    /// Another server's folder to fetch from (a mirror) instead of [`BASE_URL`].
    pub base_url: Option<String>,
    /// Another folder than the default of [`cache_dir`].
    pub cache_dir: Option<PathBuf>,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the server may be silent before the connection counts as stalled.
    pub stall_timeout: Duration,
    /// How many connections to try in total.
    pub attempts: u32,
    /// How long to wait before the second attempt; doubled for each further one.
    pub pause: Duration,
    /// Receives every event.
    pub progress: Option<&'a mut dyn FnMut(FetchEvent)>,
}

impl Default for FetchOptions<'_> {
    fn default() -> Self {
        Self {
            base_url: None,
            cache_dir: None,
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            attempts: 6,
            pause: Duration::from_secs(1),
            progress: None,
        }
    }
}

/// Fetches the official weights of a backbone into the cache, unless they are there intact, and returns the
/// file. An interrupted download is continued.
///
/// # Errors
/// [`Error::Setting`] for an unknown name, or if the server has no such file or offers another one;
/// [`Error::Network`] if it cannot be reached, stalls or disconnects (the part that has arrived is kept for the
/// next time); [`Error::Weights`] if the file has another hash (it is removed); [`Error::Io`] if the
/// cache cannot be written.
pub fn fetch(name: &str, options: FetchOptions<'_>) -> Result<PathBuf> {
    fetch_file(official(name)?, options)
}

pub(super) fn fetch_file(official: &Official, mut options: FetchOptions<'_>) -> Result<PathBuf> {
    let dir = cache_dir(options.cache_dir.as_deref())?;
    if let Some(path) = unharmed(official, &dir) {
        return Ok(path);
    }
    std::fs::create_dir_all(&dir).map_err(|e| Error::io(&dir, e))?;
    let part_path = dir.join(format!("{}.part", official.file));
    let part = lock(&part_path)?;
    // Another process may have finished between the check of the cache and the lock.
    if let Some(path) = unharmed(official, &dir) {
        // The lock created a new, empty part file.
        let _ = std::fs::remove_file(&part_path);
        return Ok(path);
    }
    let url = official.url(options.base_url.as_deref().unwrap_or(BASE_URL));
    Download { official, url: &url, part: &part, part_path: &part_path, options: &mut options }.run()?;
    part.sync_all().map_err(|e| Error::io(&part_path, e))?;

    if let Some(progress) = options.progress.as_mut() {
        progress(FetchEvent::Checking);
    }
    let found = sha256(&part_path)?;
    let path = dir.join(official.file);
    if found != official.sha256 {
        std::fs::remove_file(&part_path).map_err(|e| Error::io(&part_path, e))?;
        return Err(Error::weights(
            &path,
            format!(
                "{url} gave other bytes than the official ones: SHA-256 {} expected, {found} found; they are \
                 removed, try again or from another network",
                official.sha256
            ),
        ));
    }
    std::fs::rename(&part_path, &path).map_err(|e| Error::io(&path, e))?;
    // Locked until here, so that no other process writes to the checked file.
    drop(part);
    Ok(path)
}

/// Opens the part file for this process alone.
fn lock(path: &Path) -> Result<File> {
    Lock::open(path)?.ok_or_else(|| {
        let reason = "another `aand weights fetch` is writing it; wait until that is done";
        Error::Temporary(format!("{}: {reason}", path.display()))
    })
}
