//! Copies of good pictures. A threshold judges each picture by what has not learned from it; if a copy of it was learned
//! from, that is not so, and the rate would be stated from more pictures than there are.

use super::{Dataset, content};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Divides pictures into the first of each content and its copies, both in their order. A picture that cannot be read is
/// no copy: its reader tells.
pub fn without_copies(pictures: Vec<PathBuf>) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let mut by_size: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
    for path in &pictures {
        if let Ok(facts) = path.metadata() {
            by_size.entry(facts.len()).or_default().push(path.clone());
        }
    }
    // Of another size, another picture: few need be read.
    let alike: Vec<PathBuf> = by_size.into_values().filter(|alike| alike.len() > 1).flatten().collect();
    let contents: Vec<_> = alike.par_iter().map(|path| content(path).ok()).collect();
    let mut seen = BTreeSet::new();
    let copy = |content: Option<[u8; 32]>| content.is_some_and(|content| !seen.insert(content));
    let copies = contents.into_iter().map(copy);
    let copies: BTreeSet<PathBuf> =
        alike.into_iter().zip(copies).filter(|(_, copy)| *copy).map(|(path, _)| path).collect();
    pictures.into_iter().partition(|path| !copies.contains(path))
}

impl Dataset {
    /// For a training: without copies among the good pictures, which are counted in what is left out.
    pub fn without_copies(mut self) -> Self {
        let (train, copies) = without_copies(std::mem::take(&mut self.train));
        self.left_out.copies = copies.iter().map(|path| self.relative(path).to_path_buf()).collect();
        self.train = train;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_content_stays() {
        let folder = tempfile::tempdir().unwrap();
        let put = |(name, bytes): (&str, &str)| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let mut all: Vec<PathBuf> =
            [("b", "11"), ("a", "22"), ("c", "11"), ("d", "3"), ("e", "22"), ("f", "11")].map(put).into();
        all.push(folder.path().join("not there"));
        let (kept, copies) = without_copies(all.clone());
        assert_eq!(kept, [0, 1, 3, 6].map(|n| all[n].clone()));
        assert_eq!(copies, [2, 4, 5].map(|n| all[n].clone()));
    }
}
