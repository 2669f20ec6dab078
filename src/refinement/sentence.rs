//! Describes a refinement in one sentence, for the program and the page.

use crate::model::{Called, Refinement, Standing};

/// What has changed, in one sentence.
pub(super) fn of(record: &Refinement) -> String {
    let Refinement { before, after, .. } = record;
    let both = |of: fn(&Standing) -> Called| {
        let (before, after) = (of(before), of(after));
        format!("{} of {} before and {} now", before.anomalous, before.of, after.anomalous)
    };
    let defects = match before.defects.of {
        0 => String::new(),
        _ => format!(", given defects found {}", both(|standing| standing.defects)),
    };
    format!(
        "refined on {} in {} steps: false alarms on the new pictures {}, on the kept good ones {}, synthetic anomalies found \
         {}{defects}, threshold {:.4} before and {:.4} now",
        corrections(record.good.len()),
        record.steps,
        both(|standing| standing.new),
        both(|standing| standing.kept),
        both(|standing| standing.synthetic),
        before.threshold,
        after.threshold
    )
}

/// A number of corrections, in words.
pub fn corrections(count: usize) -> String {
    if count == 1 { "1 correction".into() } else { format!("{count} corrections") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_has_every_figure_before_and_after() {
        let called = |anomalous, of| Called { anomalous, of };
        let standing = |anomalous, threshold| Standing {
            kept: called(anomalous, 8),
            new: called(3 * anomalous, 6),
            synthetic: called(8 - anomalous, 8),
            auroc: 1.0,
            defects: called(0, 0),
            threshold,
        };
        let record = Refinement {
            when: None,
            seed: 0,
            steps: 24,
            good: vec![crate::model::Correction { name: "0412.png".into(), sha256: "a".into() }],
            defects: Vec::new(),
            before: standing(2, 0.5),
            after: standing(1, 0.25),
        };
        let said = of(&record);
        assert_eq!(
            said,
            "refined on 1 correction in 24 steps: false alarms on the new pictures 6 of 6 before and 3 now, on the kept good ones \
             2 of 8 before and 1 now, synthetic anomalies found 6 of 8 before and 7 now, threshold 0.5000 before and 0.2500 now"
        );
        let mut checked = record;
        (checked.before.defects, checked.after.defects) = (called(2, 3), called(3, 3));
        assert!(of(&checked).contains(", given defects found 2 of 3 before and 3 now, threshold"));
    }
}
