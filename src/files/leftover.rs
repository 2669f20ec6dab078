//! Removes what killed runs left behind, and tells it from what live runs are writing.

use super::whole::{PREFIX, SUFFIX};
use std::fs::{self, File};
use std::path::Path;

/// How the names of folders that `aand render` fills begin.
pub(crate) const DRAFT: &str = ".rendering-";

/// Removes the temporary files and folders in `folder` whose runs were killed; returns how many. Whatever cannot
/// be removed or may belong to a live run stays.
pub fn clear_leftovers(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let cleared = entries.flatten().filter(|entry| {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let file = name.strip_prefix(PREFIX).filter(|rest| rest.ends_with(SUFFIX));
        let kind = entry.file_type();
        match (file, name.strip_prefix(DRAFT), kind) {
            (Some(rest), _, Ok(kind)) if kind.is_file() => {
                is_dead(rest, &path) && fs::remove_file(path).is_ok()
            }
            (_, Some(rest), Ok(kind)) if kind.is_dir() => {
                is_dead(rest, &path) && fs::remove_dir_all(path).is_ok()
            }
            _ => false,
        }
    });
    cleared.count()
}

/// Whether nobody writes `path` any more. Its name continues with `rest`: `PID-…`, or a form of earlier versions.
fn is_dead(rest: &str, path: &Path) -> bool {
    let process = rest.split_once('-').and_then(|(number, _)| number.parse().ok());
    if process.is_some_and(|process| process != std::process::id() && is_alive(process)) {
        return false;
    }
    // A container numbers its processes separately, but their locks are visible everywhere.
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(unix)]
fn is_alive(process: u32) -> bool {
    let Ok(process) = libc::pid_t::try_from(process) else { return false };
    // SAFETY: signal 0 is sent to nobody; it only asks whether there is such a process.
    let sent = unsafe { libc::kill(process, 0) } == 0;
    sent || std::io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
}

#[cfg(not(unix))]
fn is_alive(_: u32) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_writes_any_more_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let living = format!(".aand-{}-c.tmp", child.id());
        // No process has this number.
        for name in [".aand-Xy12ab.tmp", ".aand-4194999-b.tmp", &living, ".aand-mine", "a.tmp"] {
            fs::write(root.join(name), "x").unwrap();
        }
        fs::create_dir_all(root.join(".rendering-4194999-x/train")).unwrap();
        fs::create_dir_all(root.join(".rendering")).unwrap();
        let open = super::super::temporary(root).unwrap();
        assert_eq!(clear_leftovers(root), 3);
        let left: Vec<_> = fs::read_dir(root).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left.len(), 5, "{left:?}");
        assert!(open.path().exists() && root.join(&living).exists());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((clear_leftovers(root), clear_leftovers(&root.join("gone"))), (1, 0));
    }
}
