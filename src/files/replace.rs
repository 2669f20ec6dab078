//! Only files that the program made itself may be overwritten.

use super::folder_of;
use crate::{Error, Result};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file of the program is recognized by this many bytes from its beginning.
const HEAD: u64 = 1 << 16;

/// Whether `path` is an earlier `what` of the program, which may be replaced; `false` if nothing is there. An
/// empty file has nothing to lose. `is_own` recognizes a file of the program by its first bytes; `option` is
/// the setting that names the file.
///
/// # Errors
/// Something else is there: a file that the program did not make, a broken link, a folder or a device; or it cannot
/// be read.
pub fn check_replace(
    path: &Path,
    what: &str,
    option: &str,
    is_own: impl FnOnce(&[u8]) -> bool,
) -> Result<bool> {
    let refuse = |why: &str| {
        let remedy = format!("choose another place with {option}, or move it away");
        Err(Error::Setting(format!("{}: {why}; {remedy}", path.display())))
    };
    match fs::symlink_metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io(path, error)),
    }
    let Ok(facts) = fs::metadata(path) else { return refuse("is a broken link") };
    if facts.is_dir() {
        return refuse("is a folder; name a file");
    }
    if !facts.is_file() {
        return refuse("is no ordinary file");
    }
    let mut head = Vec::new();
    let file = fs::File::open(path).map_err(|e| Error::io(path, e))?;
    file.take(HEAD).read_to_end(&mut head).map_err(|e| Error::io(path, e))?;
    if head.is_empty() || is_own(&head) {
        return Ok(true);
    }
    refuse(&format!("is there already and is no {what} that aand made"))
}

/// A path without links, `.` and `..`, as the file system spells it; the part that does not exist yet stays as it
/// is.
pub fn real(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(_), Some(name)) => real(folder_of(path)).join(name),
        _ => path.into(),
    }
}

/// Whether two paths name the same place, however they are spelled.
pub fn same_place(a: &Path, b: &Path) -> bool {
    real(a) == real(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_here_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let check = |path: &Path| check_replace(path, "table", "--csv", |head| head.starts_with(b"ours"));
        assert!(!check(&folder.path().join("new")).unwrap());
        assert!(check(&file("ours", "ours, 1")).unwrap() && check(&file("empty", "")).unwrap());
        let said = check(&file("theirs", "theirs")).unwrap_err().to_string();
        assert!(said.contains("theirs: is there already") && said.contains("--csv"), "{said}");
        assert!(check(folder.path()).unwrap_err().to_string().contains("is a folder"));
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink("theirs", &link).unwrap();
            assert!(check(&link).is_err() && same_place(&link, &folder.path().join("theirs")));
            let broken = folder.path().join("broken");
            std::os::unix::fs::symlink("gone", &broken).unwrap();
            assert!(check(&broken).unwrap_err().to_string().contains("broken link"));
            assert!(check(Path::new("/dev/null")).unwrap_err().to_string().contains("ordinary"));
        }
        fs::create_dir(folder.path().join("x")).unwrap();
        assert!(same_place(&folder.path().join("x/../new"), &folder.path().join("./new")));
    }
}
