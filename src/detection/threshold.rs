//! The threshold of the verdict, from the scores of good pictures alone.
//!
//! Given the scores of `n` good pictures that the model did not learn from, the threshold is the `r`-th highest of
//! them. `r` is the largest rank for which future good pictures exceed the threshold at most at the requested rate,
//! with the stated confidence ([`rank`]; split conformal prediction, conditional on its calibration pictures). If even
//! the highest score does not suffice, the threshold is the highest score, and the stated rate is the one that `n`
//! pictures support ([`supported`]).

use crate::metrics::{CONFIDENCE, needed, percent, rank, supported};
use crate::model::{Basis, Stated, Threshold};

/// The largest share of good pictures that the threshold may call anomalous, unless another is asked for.
pub const FALSE_ALARMS: f64 = 0.01;

/// With fewer good pictures than this, no rate is stated.
pub const FEWEST: usize = 4;

/// How many times higher than the training pictures a good picture may score; used when there are fewer. (Two of
/// 31 good cookies scored 1.44 and 1.49 times the highest of the others when they were held out.)
const UNSEEN: f64 = 1.5;

/// The threshold for the rate `asked`, or for the smallest rate that this many pictures support, from the scores of
/// good pictures that the model did not learn from; `basis` says how those were obtained. With fewer than [`FEWEST`]
/// it is a [`guess`].
pub fn from_good_scores(scores: &[f64], asked: f64, basis: Basis) -> Threshold {
    let n = scores.len();
    if n < FEWEST {
        return guess(scores);
    }
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let found = rank(n, asked, CONFIDENCE);
    let r = found.unwrap_or(1);
    let rate = if found.is_some() { asked } else { supported(n, CONFIDENCE) };
    let place = if r == 1 { "the highest score".to_owned() } else { format!("score {r} from the top") };
    let method = format!("{place} of {n} good pictures, {}", basis.describe());
    let stated = Stated { false_alarms: rate, confidence: CONFIDENCE, asked, basis };
    let reliability = match found {
        Some(_) => format!("states {}", stated.describe()),
        None => format!(
            "{n} good pictures support {}; {} asks for {} good pictures",
            stated.describe(),
            percent(asked),
            needed(asked, CONFIDENCE)
        ),
    };
    Threshold {
        value: sorted[r - 1].max(f64::MIN_POSITIVE),
        method,
        pictures: n,
        reliability,
        reliable: found.is_some(),
        stated: Some(stated),
        scores: scores.to_vec(),
    }
}

/// The threshold if there are too few pictures to state a rate: one and a half times the highest of the `scores` of
/// pictures that the model learned from.
pub fn guess(scores: &[f64]) -> Threshold {
    let (n, highest) = (scores.len(), scores.iter().copied().fold(0.0, f64::max));
    Threshold {
        value: (highest * UNSEEN).max(f64::MIN_POSITIVE),
        method: format!("{UNSEEN} x highest score of the {n} good pictures at hand"),
        pictures: n,
        reliability:
            "a guess that states no false-alarm rate, since nothing is known of good pictures that were not learned \
             from: check verdicts by eye, or calibrate with more good pictures"
            .into(),
        reliable: false,
        stated: None,
        scores: Vec::new(),
    }
}

/// How many of `pictures` good pictures to hold out: the `share` of them, at most half. If that is fewer than
/// [`FEWEST`], no reliable threshold would follow, so all are trained on: 0.
pub fn held_out_count(pictures: usize, share: f64) -> usize {
    let count = ((pictures as f64 * share).round() as usize).min(pictures / 2);
    if count < FEWEST { 0 } else { count }
}

/// A score on the scale where 0.5 is the threshold: `s / (s + t)`, in `[0, 1)`.
pub fn normalized(score: f64, threshold: f64) -> f64 {
    let score = score.max(0.0);
    if score + threshold > 0.0 { score / (score + threshold) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(count: usize) -> Vec<f64> {
        // The numbers 1 to `count`, each once, out of order.
        (0..count).map(|i| (1 + i * 7 % count) as f64).collect()
    }

    #[test]
    fn the_threshold_is_the_lowest_score_that_keeps_the_rate() {
        let threshold = |count, asked| from_good_scores(&scores(count), asked, Basis::HeldOut);
        let enough = threshold(459, 0.01);
        assert_eq!((enough.value, enough.reliable, enough.pictures), (459.0, true, 459));
        assert_eq!(enough.stated.unwrap().false_alarms, 0.01);
        // 662 pictures: 1 above is allowed, and the second highest passes itself.
        assert_eq!([661, 662].map(|count| threshold(count, 0.01).value), [661.0, 661.0]);
        // Wilks' second for 5 % with 99 % confidence.
        assert_eq!([129, 130].map(|count| threshold(count, 0.05).value), [129.0, 129.0]);
    }

    #[test]
    fn too_few_pictures_state_the_rate_that_they_support() {
        let few = from_good_scores(&scores(31), 0.01, Basis::LeftOut);
        assert_eq!((few.value, few.reliable), (31.0, false));
        let stated = few.stated.unwrap();
        assert!((stated.false_alarms - 0.1380).abs() < 1e-4 && stated.asked == 0.01);
        let words =
            "31 good pictures support at most 14 % false alarms (99 % sure); 1 % asks for 459 good pictures";
        assert_eq!(few.reliability, words);
    }

    #[test]
    fn a_handful_is_a_guess_and_says_so() {
        let threshold = from_good_scores(&[0.3, 0.5, 0.4], 0.01, Basis::LeftOut);
        assert_eq!((threshold.value, threshold.stated, threshold.reliable), (0.75, None, false));
        assert!(threshold.reliability.contains("a guess"), "{}", threshold.reliability);
        assert!(from_good_scores(&[], 0.01, Basis::LeftOut).value > 0.0);
    }

    #[test]
    fn too_few_to_judge_by_are_not_held_out() {
        assert_eq!([31, 34, 35, 40, 209].map(|n| held_out_count(n, 0.1)), [0, 0, 4, 4, 21]);
        assert_eq!(held_out_count(10, 0.9), 5);
        assert_eq!([0.0, -1.0, f64::NAN].map(|share| held_out_count(100, share)), [0; 3]);
    }

    #[test]
    fn one_half_is_the_threshold() {
        assert_eq!(normalized(0.3, 0.3), 0.5);
        assert!(normalized(1e9, 0.3) < 1.0 + 1e-12 && normalized(-1.0, 0.3) == 0.0);
    }
}
