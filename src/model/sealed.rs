//! A SHA-256 appended to the bytes of a file, for files from which a training continues: a flipped bit in a
//! weight would silently give another model.

use sha2::{Digest, Sha256};

/// Bytes of the checksum.
const SUM: usize = 32;

/// `bytes` followed by their checksum.
pub(crate) fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let sum: [u8; SUM] = Sha256::digest(&bytes).into();
    bytes.extend(sum);
    bytes
}

/// The bytes that [`seal`] was given; `None` if anything has changed since.
pub(crate) fn unseal(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let sum = bytes.split_off(bytes.len().checked_sub(SUM)?);
    (*Sha256::digest(&bytes) == *sum).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_and_every_missing_byte_is_found() {
        let sealed = seal(b"weights".to_vec());
        assert_eq!(unseal(sealed.clone()).as_deref(), Some(b"weights".as_slice()));
        for bit in 0..8 * sealed.len() {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal(flipped), None);
        }
        assert!((0..sealed.len()).all(|length| unseal(sealed[..length].to_vec()).is_none()));
    }
}
