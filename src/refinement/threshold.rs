//! The threshold after a refinement: the higher of the old pictures' and the new ones'.

use crate::detection::{FEWEST, from_good_scores, guess};
use crate::metrics::median;
use crate::model::{Basis, Threshold};

/// New pictures below which they say nothing about the threshold.
pub(super) const FEWEST_NEW: usize = FEWEST;

/// The ratio new / old of the levels of pairs of scores, the median; 1 where nothing can be compared.
fn ratio(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let ratios: Vec<f64> =
        pairs.filter(|(old, new)| *old > 0.0 && *new > 0.0).map(|(old, new)| new / old).collect();
    if ratios.is_empty() { 1.0 } else { median(&ratios) }
}

/// The scores of the new pictures as if the refined model had not learned from them. Each of `left_out` is a student's scores
/// of the new pictures that it had not learned from, and of the kept ones that nothing learned from; `unlearned` are the
/// latter's scores before and after.
pub(super) fn on_the_models_level(left_out: &[(Vec<f64>, Vec<f64>)], unlearned: &[(f64, f64)]) -> Vec<f64> {
    let level = |(new, level): &(Vec<f64>, Vec<f64>)| {
        let times = ratio(level.iter().copied().zip(unlearned.iter().map(|(_, after)| *after)));
        new.iter().map(|score| score * times).collect::<Vec<f64>>()
    };
    left_out.iter().flat_map(level).collect()
}

/// The threshold for old and new pictures, from the `old` one, the scores before and after of pictures that neither student
/// learned from, the kept pictures' scores, and the new ones' (none where they are too few).
pub(super) fn both(
    old: &Threshold,
    unlearned: &[(f64, f64)],
    kept: &[f64],
    new: &[f64],
    asked: f64,
) -> Threshold {
    let times = ratio(unlearned.iter().copied());
    let scores: Vec<f64> = old.scores.iter().map(|score| score * times).collect();
    let of_old = match scores.len() {
        // Of files from before, and of guesses.
        0..FEWEST => Threshold { value: (old.value * times).max(guess(kept).value * 0.5), ..old.clone() },
        _ => from_good_scores(&scores, asked, Basis::LeftOut),
    };
    if new.len() < FEWEST_NEW {
        return Threshold {
            method: format!("{}, as they score after the refinement", of_old.method),
            ..of_old
        };
    }
    let of_new = from_good_scores(new, asked, Basis::LeftOut);
    let rate = |threshold: &Threshold| threshold.stated.map_or(1.0, |stated| stated.false_alarms);
    let method = format!("the higher of: {}, old ones; {}, corrections", of_old.method, of_new.method);
    let (value, pictures) = (of_old.value.max(of_new.value), of_old.pictures + of_new.pictures);
    // What is stated holds for either kind.
    let weaker = if rate(&of_old) > rate(&of_new) { of_old } else { of_new };
    Threshold {
        value,
        method,
        pictures,
        scores: scores.into_iter().chain(new.iter().copied()).collect(),
        ..weaker
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old() -> Threshold {
        let scores: Vec<f64> = (1..=40).map(|i| f64::from(i) / 40.0).collect();
        from_good_scores(&scores, 0.01, Basis::LeftOut)
    }

    #[test]
    fn the_higher_of_both_counts_and_the_weaker_is_stated() {
        // The new student scores 1.5 times as high.
        let unlearned = [(0.4, 0.6), (0.2, 0.3), (0.6, 0.9)];
        let found = both(&old(), &unlearned, &[0.5], &[0.7, 1.0, 1.2, 0.9], 0.01);
        assert!((found.value - 1.5).abs() < 1e-12, "{found:?}");
        assert_eq!((found.pictures, found.scores.len()), (44, 44));
        // Four pictures support less than forty.
        assert!(found.stated.unwrap().false_alarms > 0.5);
        let higher = both(&old(), &unlearned, &[0.5], &[0.7, 1.0, 1.8, 0.9], 0.01);
        assert_eq!(higher.value, 1.8);
        assert!(higher.impossible().is_none());
    }

    #[test]
    fn too_few_corrections_say_nothing_about_the_threshold() {
        let found = both(&old(), &[(1.0, 1.0)], &[0.5], &[], 0.01);
        assert_eq!((found.value, found.scores.len()), (1.0, 40));
    }

    #[test]
    fn a_students_scores_come_onto_the_models_level() {
        let left_out = [(vec![1.0, 2.0], vec![0.5, 0.5]), (vec![3.0], vec![1.0, 1.0])];
        assert_eq!(on_the_models_level(&left_out, &[(9.0, 1.0), (9.0, 1.0)]), [2.0, 4.0, 3.0]);
        assert_eq!(on_the_models_level(&[], &[]), Vec::<f64>::new());
    }
}
