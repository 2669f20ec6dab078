//! The record of each refinement in a model's file (docs/refine.md).

use serde::{Deserialize, Serialize};

/// The most refinements in a file, and the most corrections in one refinement.
pub const MOST_CORRECTIONS: usize = 10_000;

/// A picture with which somebody corrected the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Its file's name.
    pub name: String,
    /// SHA-256 of its file, 64 hexadecimal digits.
    pub sha256: String,
}

/// How many of a number of pictures are called anomalous.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// Called anomalous.
    pub anomalous: usize,
    /// Of this many.
    pub of: usize,
}

/// How a model judges pictures whose truth is known, before or after a refinement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// False alarms on the kept good pictures.
    pub kept: Called,
    /// False alarms on the new good pictures; after the refinement, each judged by a student that had not learned from it.
    pub new: Called,
    /// Synthetic anomalies found, made in kept pictures.
    pub synthetic: Called,
    /// Share of pairs of a kept good picture and a synthetic anomaly in which the anomaly scores higher (AUROC).
    pub auroc: f64,
    /// Defects found, among those given.
    pub defects: Called,
    /// The threshold.
    pub threshold: f64,
}

/// One refinement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refinement {
    /// Seconds since 1970 (UTC), if there was a clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<u64>,
    /// The seed of everything random.
    pub seed: u64,
    /// Steps of the student.
    pub steps: usize,
    /// The good pictures that it learned from.
    pub good: Vec<Correction>,
    /// The defects that it was checked with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defects: Vec<Correction>,
    /// How the model judged before.
    pub before: Standing,
    /// How it judges now.
    pub after: Standing,
}

impl Refinement {
    /// Whether such a refinement is possible.
    fn is_possible(&self) -> bool {
        let standing = |s: &Standing| {
            let called = [s.kept, s.new, s.synthetic, s.defects]
                .iter()
                .all(|c| c.anomalous <= c.of && c.of <= MOST_CORRECTIONS);
            called && (0.0..=1.0).contains(&s.auroc) && s.threshold.is_finite()
        };
        self.good.len() <= MOST_CORRECTIONS
            && self.defects.len() <= MOST_CORRECTIONS
            && standing(&self.before)
            && standing(&self.after)
    }
}

/// Whether a file can contain these.
pub(super) fn are_possible(refinements: &[Refinement]) -> bool {
    refinements.len() <= MOST_CORRECTIONS && refinements.iter().all(Refinement::is_possible)
}
