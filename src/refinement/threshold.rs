//! The threshold after a refinement: the higher one of the old pictures' and the new pictures'.

use crate::detection::{FEWEST, from_good_scores};
use crate::metrics::median;
use crate::model::{Basis, Threshold};

/// With fewer new pictures than this, they say nothing about the threshold.
pub(super) const FEWEST_NEW: usize = FEWEST;

/// The method's words if the threshold is the former one.
const FORMER: &str = "the threshold from before the refinement at the new student's level";

/// The ratio new / old of the levels of pairs of scores, the median; 1 where nothing can be compared.
fn ratio(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let ratios: Vec<f64> =
        pairs.filter(|(old, new)| *old > 0.0 && *new > 0.0).map(|(old, new)| new / old).collect();
    if ratios.is_empty() { 1.0 } else { median(&ratios) }
}

/// The scores of the new pictures as if the refined model had not learned from them. Each of `left_out` has a student's
/// scores of the new pictures that it has not learned from, and of the kept pictures that no student learned from;
/// `unlearned` are the latter's scores before and after the refinement.
pub(super) fn on_the_models_level(left_out: &[(Vec<f64>, Vec<f64>)], unlearned: &[(f64, f64)]) -> Vec<f64> {
    let level = |(new, level): &(Vec<f64>, Vec<f64>)| {
        let times = ratio(level.iter().copied().zip(unlearned.iter().map(|(_, after)| *after)));
        new.iter().map(|score| score * times).collect::<Vec<f64>>()
    };
    left_out.iter().flat_map(level).collect()
}

/// The threshold for old and new pictures, from the `old` threshold, the scores before and after of pictures that
/// neither student learned from, and the new pictures' scores (none if there are too few).
pub(super) fn both(old: &Threshold, unlearned: &[(f64, f64)], new: &[f64], asked: f64) -> Threshold {
    let times = ratio(unlearned.iter().copied());
    let scores: Vec<f64> = old.scores.iter().map(|score| score * times).collect();
    let former = Threshold { value: old.value * times, method: FORMER.into(), ..old.clone() };
    // A guess, or the threshold of an older file, rests on no scores and states nothing.
    let stated = old.stated.filter(|_| scores.len() >= FEWEST);
    let of_old = match stated {
        None => Threshold { stated: None, scores: scores.clone(), ..former },
        Some(stated) => {
            let found = from_good_scores(&scores, asked, Basis::LeftOut);
            // After a refinement the scores of two kinds of pictures are mixed, and the rank among all may be lower
            // than one kind needs. If no higher rate is asked for, the threshold that was right for both stays the
            // minimum.
            let (value, method) = match asked <= stated.asked && former.value > found.value {
                true => (former.value, former.method),
                false => (found.value, format!("{}, as they score after the refinement", found.method)),
            };
            Threshold { value, method, ..found }
        }
    };
    if new.len() < FEWEST_NEW {
        return of_old;
    }
    let of_new = from_good_scores(new, asked, Basis::LeftOut);
    let rate = |threshold: &Threshold| threshold.stated.map_or(1.0, |stated| stated.false_alarms);
    let method = format!("the higher of: {}; {}, corrections", of_old.method, of_new.method);
    let (value, pictures) = (of_old.value.max(of_new.value), of_old.pictures + of_new.pictures);
    // The statement must be true for either kind.
    let weaker = if rate(&of_old) > rate(&of_new) { of_old } else { of_new };
    Threshold {
        value,
        method,
        pictures,
        // With a guess they would look as if everything that it rests on were known.
        scores: match stated {
            Some(_) => scores.into_iter().chain(new.iter().copied()).collect(),
            None => scores,
        },
        ..weaker
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::guess;

    fn old() -> Threshold {
        let scores: Vec<f64> = (1..=40).map(|i| f64::from(i) / 40.0).collect();
        from_good_scores(&scores, 0.01, Basis::LeftOut)
    }

    #[test]
    fn the_higher_of_both_counts_and_the_weaker_is_stated() {
        // The new student scores 1.5 times as high.
        let unlearned = [(0.4, 0.6), (0.2, 0.3), (0.6, 0.9)];
        let found = both(&old(), &unlearned, &[0.7, 1.0, 1.2, 0.9], 0.01);
        assert!((found.value - 1.5).abs() < 1e-12, "{found:?}");
        assert_eq!((found.pictures, found.scores.len()), (44, 44));
        // Four pictures support less than forty.
        assert!(found.stated.unwrap().false_alarms > 0.5);
        let higher = both(&old(), &unlearned, &[0.7, 1.0, 1.8, 0.9], 0.01);
        assert_eq!(higher.value, 1.8);
        assert!(higher.impossible().is_none());
    }

    #[test]
    fn too_few_corrections_say_nothing_about_the_threshold() {
        let found = both(&old(), &[(1.0, 1.0)], &[], 0.01);
        assert_eq!((found.value, found.scores.len()), (1.0, 40));
    }

    /// The scores of both kinds are then mixed, and four of 44 may be above the threshold.
    #[test]
    fn a_second_refinement_does_not_lose_the_higher_of_both() {
        let same = [(1.0, 1.0)];
        let old = from_good_scores(&old().scores, 0.2, Basis::LeftOut);
        let first = both(&old, &same, &[0.7, 1.0, 1.8, 0.9], 0.2);
        assert!(old.value < 1.0 && first.value == 1.8, "{first:?}");
        let second = both(&first, &[(1.0, 0.5)], &[], 0.2);
        assert_eq!(second.value, 0.9);
        assert_eq!(second.method, FORMER);
        assert_eq!(both(&first, &same, &[0.1; 4], 0.1).value, 1.8);
        // Allowing more false alarms lowers the threshold.
        assert!(both(&first, &same, &[], 0.5).value < 1.0);
    }

    #[test]
    fn a_guess_stays_one_however_often_it_is_refined() {
        let old = guess(&[0.4]);
        let refined = |old: &Threshold, new: &[f64]| both(old, &[], new, 0.01);
        let first = refined(&old, &[0.1, 0.2, 0.5, 0.3]);
        assert!((first.value - old.value).abs() < 1e-12 && first.stated.is_none() && first.scores.is_empty());
        assert!(first.reliability.contains("a guess"), "{first:?}");
        let second = refined(&first, &[0.1, 0.2, 0.5, 0.3]);
        assert_eq!((second.value, second.stated, second.scores.len()), (first.value, None, 0));
        assert_eq!(second.method, first.method);
        assert_eq!(refined(&second, &[]).method, FORMER);
    }

    /// A student scores pictures that it has just learned from lower, so they say nothing about its level.
    #[test]
    fn without_pictures_that_no_student_learned_from_the_level_stays() {
        assert_eq!(both(&old(), &[], &[], 0.01).value, 1.0);
    }

    #[test]
    fn a_students_scores_come_onto_the_models_level() {
        let left_out = [(vec![1.0, 2.0], vec![0.5, 0.5]), (vec![3.0], vec![1.0, 1.0])];
        assert_eq!(on_the_models_level(&left_out, &[(9.0, 1.0), (9.0, 1.0)]), [2.0, 4.0, 3.0]);
        assert_eq!(on_the_models_level(&[], &[]), Vec::<f64>::new());
    }
}
