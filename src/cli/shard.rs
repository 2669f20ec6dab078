//! `--shard I/N`: one of N parts of the pictures.
//!
//! Which part a picture belongs to depends only on its own path within the folder. So added pictures move none of the
//! others, and a part that runs again has only the new ones to judge.

use super::task::{self, Lookup};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::{Component, Path};
use std::str::FromStr;

/// Part `index`, counted from 1, of `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 1 to `count`.
    pub index: usize,
    /// At least 1.
    pub count: usize,
}

impl Shard {
    /// Reads `I/N`, `auto` or `auto/N`.
    ///
    /// # Errors
    /// It is none of these, out of range, or the scheduler does not say which part this is.
    fn read(text: &str, lookup: Lookup) -> Result<Self, String> {
        let number = |text: &str| text.parse::<usize>().map_err(|_| "give I/N, auto, or auto/N".to_owned());
        let (index, count) = match text.split_once('/') {
            None if text == "auto" => task::place(lookup)?,
            None => return Err("give I/N, auto, or auto/N".into()),
            Some(("auto", count)) => (task::number(lookup)?, number(count)?),
            Some((index, count)) => (number(index)?, number(count)?),
        };
        match (1..=count).contains(&index) {
            true => Ok(Self { index, count }),
            false => Err(format!("there is no part {index} of {count}: parts are counted from 1")),
        }
    }

    /// Whether a picture with this [`key`] belongs to the part.
    pub fn holds(self, key: u64) -> bool {
        key % self.count as u64 == self.index as u64 - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text, &task::environment)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// The number that assigns a picture to a part: the first 8 bytes, big-endian, of the SHA-256 of its path within the
/// given folder, with `/` between the names.
pub fn key(relative: &Path) -> u64 {
    let mut hash = Sha256::new();
    let names = relative.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    });
    for (n, name) in names.enumerate() {
        if n > 0 {
            hash.update(b"/");
        }
        hash.update(name.as_encoded_bytes());
    }
    hash.finalize().iter().take(8).fold(0, |key, &byte| key << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_as_they_are_written() {
        let none = |_: &str| None;
        assert_eq!(Shard::read("2/3", &none), Ok(Shard { index: 2, count: 3 }));
        assert_eq!(Shard::read("1/1", &none).unwrap().to_string(), "1/1");
        for wrong in ["0/3", "4/3", "1/0", "1", "/", "a/b", "-1/3", "auto", "auto/3", ""] {
            assert!(Shard::read(wrong, &none).is_err(), "{wrong}");
        }
        let index = |name: &str| (name == "JOB_COMPLETION_INDEX").then(|| "2".to_owned());
        assert_eq!(Shard::read("auto/3", &index), Ok(Shard { index: 3, count: 3 }));
        assert!(Shard::read("auto/2", &index).unwrap_err().contains("no part 3 of 2"));
    }

    /// These numbers may never change: new parts would no longer fit those made before.
    #[test]
    fn the_split_is_the_same_for_ever() {
        // python3 -c 'import hashlib; print(int.from_bytes(hashlib.sha256(b"a/b.png").digest()[:8], "big"))'
        assert_eq!(key(Path::new("a/b.png")), 9_869_617_115_036_759_515);
        assert_eq!(key(Path::new("./a//b.png")), 9_869_617_115_036_759_515);
        assert_eq!(key(Path::new("検.png")), 17_444_756_521_185_005_708);
    }

    #[test]
    fn every_picture_is_in_one_part_and_parts_are_alike_in_size() {
        let mut sizes = [0; 7];
        for n in 0..7000 {
            let key = key(Path::new(&format!("line/{n}.png")));
            let parts: Vec<usize> = (1..=7).filter(|&index| Shard { index, count: 7 }.holds(key)).collect();
            assert_eq!(parts.len(), 1);
            sizes[parts[0] - 1] += 1;
        }
        assert!(sizes.iter().all(|size| (880..1120).contains(size)), "{sizes:?}");
    }
}
