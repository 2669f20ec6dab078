//! `part.json`: which part of a whole a folder of results is. It is written last, so a folder without it is
//! unfinished.

use super::shard::Shard;
use crate::files::{check_replace, write_atomically};
use crate::hash::hex;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

/// The file's name.
pub const PART: &str = "part.json";

/// How the file begins; by this it is recognized as the program's own.
const HEAD: &[u8] = b"{\"aand_part\":";

/// The version of the file that this program writes and reads.
const FORMAT: u32 = 1;

/// One complete part of the results of many pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The version of the file.
    pub aand_part: u32,
    /// Which part this is, counted from 1.
    pub shard: usize,
    /// How many parts there are.
    pub shards: usize,
    /// The model file's SHA-256.
    pub model: String,
    /// What the results depend on besides the model and the pictures, and the kinds of files written.
    pub settings: String,
    /// How many pictures all parts have together.
    pub pictures: usize,
    /// A fingerprint of all pictures' paths and their results' names, in order.
    pub listing: String,
    /// Whether the table of all results names the files.
    pub name_files: bool,
    /// The SHA-256 of this part's `results.jsonl`.
    pub results: String,
    /// The places of this part's pictures among all, from 0, ascending.
    pub order: Vec<usize>,
}

impl Part {
    /// Part `shard`, about which nothing else is known yet.
    pub fn new(shard: Shard) -> Self {
        Self {
            aand_part: FORMAT,
            shard: shard.index,
            shards: shard.count,
            model: String::new(),
            settings: String::new(),
            pictures: 0,
            listing: String::new(),
            name_files: false,
            results: String::new(),
            order: Vec::new(),
        }
    }

    /// Reads the file in the folder of a part.
    ///
    /// # Errors
    /// There is none, because the part is unfinished or the folder is not a part; or it is damaged.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(PART);
        let text = std::fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound if folder.is_dir() => Error::Setting(format!(
                "{}: is not finished, or no part: there is no {PART}; run this part (detect --shard) to its end",
                folder.display()
            )),
            _ => Error::io(&path, error),
        })?;
        let damaged = |reason: String| Error::dataset(&path, format!("{reason}; run this part again"));
        let part: Self = serde_json::from_slice(&text).map_err(|e| damaged(format!("damaged ({e})")))?;
        let ascending = part.order.is_sorted_by(|a, b| a < b);
        let inside = part.order.last().is_none_or(|last| *last < part.pictures);
        match part.aand_part == FORMAT && ascending && inside && (1..=part.shards).contains(&part.shard) {
            true => Ok(part),
            false => Err(damaged("damaged, or of another version of aand".into())),
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(PART);
        let text = serde_json::to_vec(self).map_err(|e| Error::io(&path, e.into()))?;
        write_atomically(&path, &text)
    }
}

/// Removes the file of an earlier run, which is no longer valid. A file that the program did not write is in the way
/// if a new one is `wanted`; otherwise it is left alone.
///
/// # Errors
/// A file that the program did not write is in the way, or the file cannot be removed.
pub fn clear(folder: &Path, wanted: bool) -> Result<()> {
    let path = folder.join(PART);
    match check_replace(&path, "part", "--out", |head| head.starts_with(HEAD)) {
        Ok(true) => std::fs::remove_file(&path).map_err(|e| Error::io(&path, e)),
        Err(error) if wanted => Err(error),
        _ => Ok(()),
    }
}

/// A fingerprint of pictures and their results' names.
pub fn listing<'a>(inputs: impl Iterator<Item = (&'a Path, &'a str)>) -> String {
    let mut hash = Sha256::new();
    for (path, stem) in inputs {
        // A zero byte separates them: no path and no stem contains one.
        hash.update(path.as_os_str().as_encoded_bytes());
        hash.update([0]);
        hash.update(stem);
        hash.update([0]);
    }
    hex(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_back_or_refused() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path();
        let said = Part::read(folder).unwrap_err().to_string();
        assert!(said.contains("not finished"), "{said}");
        let shard = Shard { index: 2, count: 3 };
        let good = Part { pictures: 9, order: vec![0, 4, 8], model: "m".into(), ..Part::new(shard) };
        good.write(folder).unwrap();
        assert_eq!(Part::read(folder).unwrap(), good);
        for wrong in [
            Part { order: vec![4, 0], ..good.clone() },
            Part { order: vec![9], ..good.clone() },
            Part { shard: 4, ..good.clone() },
            Part { aand_part: 2, ..good.clone() },
        ] {
            wrong.write(folder).unwrap();
            assert!(Part::read(folder).unwrap_err().to_string().contains("damaged"), "{wrong:?}");
        }
        clear(folder, true).unwrap();
        clear(folder, true).unwrap();
        assert!(!folder.join(PART).exists());
        std::fs::write(folder.join(PART), "{\"theirs\":1}").unwrap();
        assert!(clear(folder, true).unwrap_err().to_string().contains("--out"));
        clear(folder, false).unwrap();
        assert!(folder.join(PART).exists());
    }

    #[test]
    fn the_listing_knows_paths_names_and_order() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            listing(pairs.iter().map(|(path, stem)| (Path::new(*path), *stem)))
        };
        let first = of(&[("a.png", "a"), ("b.png", "b")]);
        assert_eq!(first, of(&[("a.png", "a"), ("b.png", "b")]));
        for other in
            [&[("b.png", "b"), ("a.png", "a")][..], &[("a.png", "a")], &[("a.png", "a"), ("b.png", "c")]]
        {
            assert_ne!(first, of(other));
        }
    }
}
