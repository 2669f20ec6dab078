//! What a model file holds instead of the plain tensors of teacher, amplifier and student.

use super::Score;
use crate::teacher::{Backbone, EMBEDDED_SHA256};
use serde::{Deserialize, Serialize};

/// The most items of the memory of one level.
pub const MOST_ITEMS: usize = 65_536;

/// How the file of a model differs from a plain one; the default is a plain one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Items in the memory of levels 1, 2 and 3 of a nearest-neighbor detector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<[usize; 3]>,
    /// Whether the weights of amplifier and student have 8 bits, and each row of a tensor its own scale.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub eight_bit: bool,
    /// SHA-256 of the embedded teacher's file, where the teacher's tensors are taken from there and not from the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<String>,
}

impl Form {
    /// Whether the file is a plain one.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// What cannot be about it, in words.
    pub(super) fn impossible(&self, score: Score, backbone: Backbone) -> Option<String> {
        let few = |items: &[usize; 3]| items.iter().all(|items| (1..=MOST_ITEMS).contains(items));
        match (score, &self.items) {
            (Score::Nearest, Some(items)) if few(items) => {}
            (Score::Nearest, _) => return Some("impossible number of memory items".into()),
            (_, Some(_)) => return Some("a memory that nothing looks at".into()),
            (_, None) => {}
        }
        (self.teacher.is_some() && backbone != Backbone::Compact)
            .then(|| "its teacher is not the embedded one".into())
    }

    /// Why the teacher that this program holds is not the model's; `None` where it is.
    pub(super) fn other_teacher(&self) -> Option<String> {
        let named = self.teacher.as_ref().filter(|named| *named != EMBEDDED_SHA256)?;
        Some(format!(
            "was made with another embedded teacher ({}…, this program has {}…); use the version of aand that made it, \
             or train again",
            named.get(..8).unwrap_or(named),
            &EMBEDDED_SHA256[..8]
        ))
    }
}
