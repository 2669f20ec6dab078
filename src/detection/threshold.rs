//! The threshold of the verdict, from the scores of good pictures alone.

use crate::model::Threshold;

/// The share of good pictures that the threshold is meant to call anomalous by mistake.
pub const FALSE_ALARMS: f64 = 0.01;

/// Held-out pictures from which on the threshold is called reliable.
pub const ENOUGH: usize = 20;

/// Held-out pictures below which no bound is computed.
pub const FEWEST: usize = 4;

/// How much higher than the pictures it was trained on a good picture may score, where none was held out. (Two of 31 good cookies scored 1.44 and 1.49 times the highest of the others when they were held out.)
const UNSEEN: f64 = 1.5;

/// How many of so many good pictures to hold out: the `share` of them, at most half. A share of fewer than
/// [`FEWEST`] gives no threshold to rely on, so then all are trained on: 0.
pub fn held_out_count(pictures: usize, share: f64) -> usize {
    let count = ((pictures as f64 * share).round() as usize).min(pictures / 2);
    if count < FEWEST { 0 } else { count }
}

/// 99 % quantiles of Student's t with 1 to 30 degrees of freedom.
const T99: [f64; 30] = [
    31.821, 6.965, 4.541, 3.747, 3.365, 3.143, 2.998, 2.896, 2.821, 2.764, 2.71808, 2.681, 2.650, 2.624,
    2.602, 2.583, 2.567, 2.552, 2.539, 2.528, 2.518, 2.508, 2.500, 2.492, 2.485, 2.479, 2.473, 2.467, 2.462,
    2.457,
];

/// The 99 % prediction bound of one more good picture, given the scores of `held_out` ones:
/// `mean + t * s * sqrt(1 + 1/n)`, with Student's `t` of `n - 1` degrees of freedom, on the logarithm of the
/// scores (they are positive and skewed).
///
/// It is at most 1.5 times the highest of them, so that a handful of pictures that are unlike each other cannot
/// push it out of reach.
///
/// With fewer than [`FEWEST`] held-out pictures there is no such bound: then it is the highest score of the
/// pictures that were trained on, plus one half, and called unreliable.
pub fn from_good_scores(held_out: &[f64], trained_on: &[f64]) -> Threshold {
    let n = held_out.len();
    if n < FEWEST {
        let highest = trained_on.iter().chain(held_out).copied().fold(0.0, f64::max);
        return Threshold {
            value: (highest * UNSEEN).max(f64::MIN_POSITIVE),
            method: format!("{UNSEEN} x highest score of the {} good pictures at hand", trained_on.len() + n),
            pictures: trained_on.len() + n,
            reliability: format!(
                "not reliable: {n} pictures held out, so it rests on pictures the model was trained on; \
                 check verdicts by eye, or train with more good pictures"
            ),
            reliable: false,
        };
    }
    let logs: Vec<f64> = held_out.iter().map(|s| s.max(1e-12).ln()).collect();
    let mean = logs.iter().sum::<f64>() / n as f64;
    let variance = logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
    let t = T99.get(n - 2).copied().unwrap_or(2.326 + 3.73 / (n - 1) as f64);
    let value = (mean + t * (variance * (1.0 + 1.0 / n as f64)).sqrt()).exp();
    let value = value.min(1.5 * held_out.iter().copied().fold(0.0, f64::max)).max(f64::MIN_POSITIVE);
    let reliable = n >= ENOUGH;
    let reliability = if reliable {
        format!("rests on {n} held-out good pictures; expect about 1 good picture in 100 to be flagged")
    } else {
        format!(
            "rests on only {n} held-out good pictures, so it is cautious and rough; give 100 or more good pictures for a firm one"
        )
    };
    let method = format!("99 % prediction bound over {n} held-out good pictures (log-normal)");
    Threshold { value, method, pictures: n, reliability, reliable }
}

/// A score on the scale where 0.5 is the threshold: `s / (s + t)`, in `[0, 1)`.
pub fn normalised(score: f64, threshold: f64) -> f64 {
    let score = score.max(0.0);
    if score + threshold > 0.0 { score / (score + threshold) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_covers_about_one_in_a_hundred() {
        use rand::RngExt;
        use rand_chacha::rand_core::SeedableRng;
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        // The sum of twelve uniform numbers is nearly normal, with variance 1.
        let mut normal = || (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        let mut draw = || (0.2 * normal() - 1.0).exp();
        let (mut above, trials) = (0, 4000);
        for _ in 0..trials {
            let scores: Vec<f64> = (0..8).map(|_| draw()).collect();
            above += usize::from(draw() > from_good_scores(&scores, &[]).value);
        }
        let share = above as f64 / f64::from(trials);
        assert!((0.004..0.018).contains(&share), "{share}");
    }

    #[test]
    fn few_pictures_are_said_to_be_few() {
        let threshold = from_good_scores(&[0.4], &[0.3, 0.5]);
        assert_eq!((threshold.value, threshold.reliable), (0.75, false));
        assert!(!from_good_scores(&[0.4; 5], &[]).reliable);
        assert!(from_good_scores(&[0.4; 25], &[]).reliable);
    }

    #[test]
    fn too_few_to_judge_by_are_not_held_out() {
        assert_eq!([31, 34, 35, 40, 209].map(|n| held_out_count(n, 0.1)), [0, 0, 4, 4, 21]);
        assert_eq!(held_out_count(10, 0.9), 5);
        assert_eq!([0.0, -1.0, f64::NAN].map(|share| held_out_count(100, share)), [0; 3]);
    }

    #[test]
    fn one_half_is_the_threshold() {
        assert_eq!(normalised(0.3, 0.3), 0.5);
        assert!(normalised(1e9, 0.3) < 1.0 + 1e-12 && normalised(-1.0, 0.3) == 0.0);
    }
}
