//! How a model file may differ from the plain tensors of teacher, amplifier and student.

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
    /// Whether the weights of amplifier and student are stored in 8 bits, with a scale for each row of a
    /// tensor.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub eight_bit: bool,
    /// SHA-256 of the embedded teacher's file, if the teacher's tensors come from there instead of from the model file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<String>,
}

impl Form {
    /// Whether the file is a plain one.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// What is impossible about it, in words.
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

    /// Why this program's embedded teacher is not the model's; `None` if it is.
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
