//! Which pictures a model has learned from. It scores them lower than new ones, so a threshold or a measurement that
//! rests on them promises too much; a name does not tell, since the same pictures may lie elsewhere.

use crate::hash::hex;
use serde::{Deserialize, Serialize};

/// The most marks in a file: 80 kB of its header.
const MOST: usize = 4096;

/// Hexadecimal digits of a mark: two of 100,000 pictures have the same one with a probability of 3e-10.
const DIGITS: usize = 16;

/// A mark for each picture: the first 64 bits of the SHA-256 of its file. Of more than 4,096 pictures those with the
/// smallest marks are kept, which depends on nothing but the pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Learned(Vec<String>);

impl Learned {
    /// The marks of pictures whose files have these SHA-256 hashes.
    pub fn of<'a>(contents: impl IntoIterator<Item = &'a [u8; 32]>) -> Self {
        Self::kept(contents.into_iter().map(mark).collect())
    }

    /// These and others, given as hexadecimal SHA-256 hashes.
    pub(super) fn with<'a>(mut self, hashes: impl IntoIterator<Item = &'a str>) -> Self {
        let marks = hashes.into_iter().filter_map(|hash| hash.get(..DIGITS)).filter(|mark| is_mark(mark));
        self.0.extend(marks.map(str::to_owned));
        Self::kept(self.0)
    }

    /// These and those of an earlier model that the training went on from.
    pub fn and(self, earlier: &Self) -> Self {
        self.with(earlier.0.iter().map(String::as_str))
    }

    fn kept(mut marks: Vec<String>) -> Self {
        marks.sort_unstable();
        marks.dedup();
        marks.truncate(MOST);
        Self(marks)
    }

    /// Whether a picture with this hash is marked.
    pub fn contains(&self, content: &[u8; 32]) -> bool {
        self.0.binary_search(&mark(content)).is_ok()
    }

    /// Whether nothing is known, as in files of earlier versions.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a file can contain these.
    pub(super) fn is_possible(&self) -> bool {
        self.0.len() <= MOST && self.0.is_sorted() && self.0.iter().all(|mark| is_mark(mark))
    }
}

fn mark(content: &[u8; 32]) -> String {
    hex(&content[..DIGITS / 2])
}

fn is_mark(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    fn content(n: usize) -> [u8; 32] {
        Sha256::digest(n.to_le_bytes()).into()
    }

    #[test]
    fn a_picture_is_known_by_its_content() {
        let contents: Vec<_> = (0..20).map(content).collect();
        let learned = Learned::of(&contents);
        assert!(contents.iter().all(|content| learned.contains(content)));
        assert!((20..40).all(|n| !learned.contains(&content(n))));
        assert_eq!(
            learned,
            Learned::of(contents.iter().rev().chain(&contents)),
            "neither order nor copies count"
        );
        let both = Learned::of(&[content(50)]).and(&learned).with([
            hex(content(60)).as_str(),
            "no hash",
            "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
        ]);
        assert!(
            both.contains(&content(50))
                && both.contains(&content(3))
                && both.contains(&content(60))
                && both.is_possible()
        );
        let read: Learned = serde_json::from_str(&serde_json::to_string(&both).unwrap()).unwrap();
        assert_eq!(read, both);
    }

    #[test]
    fn of_many_pictures_an_even_share_is_known() {
        let contents: Vec<_> = (0..2 * MOST).map(content).collect();
        let learned = Learned::of(&contents);
        assert_eq!(contents.iter().filter(|content| learned.contains(content)).count(), MOST);
        let first = contents[..MOST].iter().filter(|content| learned.contains(content)).count();
        assert!((1900..2200).contains(&first), "{first} of {MOST}");
        assert!(learned.is_possible());
    }

    #[test]
    fn what_no_training_writes_is_refused() {
        for marks in [
            vec!["00112233445566778".to_string()],
            vec!["0011223344556677".into(), "0011223344556676".into()],
            vec!["001122334455667G".into()],
            (0..=MOST).map(|n| format!("{n:016x}")).collect(),
        ] {
            assert!(!Learned(marks).is_possible());
        }
    }
}
