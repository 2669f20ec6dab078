//! Hashes as text.

use sha2::{Digest, Sha256};

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of bytes, in lower-case hexadecimal digits.
pub fn sha256_of(bytes: impl AsRef<[u8]>) -> String {
    hex(Sha256::digest(bytes))
}

/// SHA-256 over pictures, each given as the parts of its path and the SHA-256 of its content; as 64
/// hexadecimal digits.
pub fn fingerprint_of<'a, P: Iterator<Item = &'a [u8]>>(
    pictures: impl Iterator<Item = (P, [u8; 32])>,
) -> String {
    let mut all = Sha256::new();
    for (path, content) in pictures {
        for part in path {
            all.update(part);
            // No file name contains a zero byte, so two different lists cannot give the same text.
            all.update([0]);
        }
        all.update(content);
    }
    hex(all.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_run_together_to_the_same_text_have_other_fingerprints() {
        assert_eq!(hex([0, 0x0f, 0xa0]), "000fa0");
        let print = |parts: &[&str]| {
            fingerprint_of(std::iter::once((parts.iter().map(|part| part.as_bytes()), [7; 32])))
        };
        assert_eq!(print(&["ab", "c"]).len(), 64);
        assert_ne!(print(&["ab", "c"]), print(&["a", "bc"]));
    }
}
