//! The sweep that all threshold metrics share: from the highest score down, one cut per distinct score.

/// The counts at or above one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cut {
    /// The threshold; a prediction is positive when its score is at least this.
    pub threshold: f64,
    /// Positives at or above it (true positives).
    pub hits: u64,
    /// Negatives at or above it (false positives).
    pub alarms: u64,
    /// Sum over all regions of the share of the region at or above it (pixels only, else 0).
    pub overlap: f64,
}

/// The totals of positives, negatives and regions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub positives: u64,
    pub negatives: u64,
    /// Connected components of the ground truth (pixels only, else 0).
    pub regions: u64,
}

impl Totals {
    /// Counts labels; `true` is a positive.
    pub fn of_labels(labels: &[bool]) -> Self {
        let positives = labels.iter().filter(|&&label| label).count() as u64;
        Self { positives, negatives: labels.len() as u64 - positives, regions: 0 }
    }
}

/// Visits every distinct score from the highest down. Scores and labels have the same length.
pub(super) fn sweep(scores: &[f64], labels: &[bool], mut visit: impl FnMut(&Cut)) {
    let mut ranked: Vec<(f64, bool)> = scores.iter().copied().zip(labels.iter().copied()).collect();
    ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut cut = Cut { threshold: 0.0, hits: 0, alarms: 0, overlap: 0.0 };
    // `==` rather than equal bits: 0 and -0 are one threshold.
    for tied in ranked.chunk_by(|a, b| a.0 == b.0) {
        let hits = tied.iter().filter(|(_, label)| *label).count() as u64;
        cut.threshold = tied[0].0;
        cut.hits += hits;
        cut.alarms += tied.len() as u64 - hits;
        visit(&cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_one_cut() {
        let mut cuts = Vec::new();
        sweep(&[1.0, -0.0, 2.0, 0.0], &[true, true, false, false], |cut| cuts.push(*cut));
        let cut = |threshold, hits, alarms| Cut { threshold, hits, alarms, overlap: 0.0 };
        assert_eq!(cuts, [cut(2.0, 0, 1), cut(1.0, 1, 1), cut(0.0, 2, 2)]);
    }
}
