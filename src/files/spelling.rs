//! Paths as text for people, exactly for programs, and as names that any file system accepts.

use crate::hash::hex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode, percent_encode_byte};
use sha2::{Digest, Sha256};
use std::ffi::OsStr;
use std::path::Path;

/// The characters that percent-encoding a path keeps: RFC 3986's unreserved ones and the separator.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The longest name in bytes that most file systems accept.
const LONGEST_NAME: usize = 255;

/// A path as text. Bytes that are not UTF-8 are replaced; [`exact`] keeps them.
pub fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The bytes of a path that is not UTF-8, percent-encoded: Python's `urllib.parse.unquote_to_bytes` gives them back.
pub fn exact(path: &Path) -> Option<String> {
    let bytes = path.as_os_str().as_encoded_bytes();
    path.to_str().is_none().then(|| percent_encode(bytes, KEPT).to_string())
}

/// A name as UTF-8: other bytes are percent-encoded, so that different names stay different.
pub fn plain_name(name: &OsStr) -> String {
    let mut plain = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        plain.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|&byte| plain.push_str(percent_encode_byte(byte)));
    }
    plain
}

/// A name that still fits when `capacity` more bytes are added: one that is too long is cut, and a hash replaces the
/// rest so that names stay different.
pub fn shortened(name: &str, capacity: usize) -> String {
    if name.len() + capacity <= LONGEST_NAME {
        return name.into();
    }
    let hash = hex(&Sha256::digest(name)[..4]);
    let mut end = LONGEST_NAME - capacity - hash.len() - 1;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}~{hash}", &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_too_long_are_cut_and_stay_different() {
        let long = "検".repeat(82);
        let [a, b] = ["a", "b"].map(|end| shortened(&format!("{long}{end}"), 12));
        assert!(a != b && a.len() <= LONGEST_NAME - 12 && a.starts_with("検検"));
        assert_eq!(shortened(&"x".repeat(243), 12), "x".repeat(243));
        assert_eq!(shortened(&"x".repeat(244), 12).len(), 243);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_utf_8_can_be_found_again() {
        use std::os::unix::ffi::OsStrExt;
        let [e, o] = [b"caf\xe9 1.png", b"caf\xe8 1.png"].map(|bytes| OsStr::from_bytes(bytes));
        assert_eq!((plain_name(e), plain_name(o)), ("caf%E9 1.png".into(), "caf%E8 1.png".into()));
        assert_eq!(exact(Path::new(e)).unwrap(), "caf%E9%201.png");
        assert_eq!((exact(Path::new("é")), plain_name(OsStr::new("é"))), (None, "é".into()));
        assert_eq!(text(Path::new(e)), "caf\u{fffd} 1.png");
    }
}
