//! How many good pictures support which false-alarm rate: one-sided distribution-free tolerance bounds.
//!
//! Let the threshold be the `r`-th highest score of `n` good pictures. The share `p` of future good pictures that
//! score above it is distributed as Beta(r, n - r + 1), whatever the distribution of the scores, so that `P(p <=
//! rate) = 1 - P(Binomial(n, rate) <= r - 1)`.

use super::at_most;

/// The confidence of the rates that the program states. With 95 %, which are more usual, even exact thresholds keep their
/// rate among a few dozen new pictures in fewer than 9 of 10 cases, because of chance among those few.
pub const CONFIDENCE: f64 = 0.99;

/// The largest `r` for which the `r`-th highest of `pictures` scores keeps `rate` with `confidence`; `None` if not
/// even the highest does.
///
/// ```
/// assert_eq!(aand::metrics::rank(298, 0.01, 0.95), None);
/// assert_eq!(aand::metrics::rank(299, 0.01, 0.95), Some(1));
/// ```
pub fn rank(pictures: usize, rate: f64, confidence: f64) -> Option<usize> {
    let kept = |r: &usize| at_most(r - 1, pictures, rate) <= 1.0 - confidence;
    // On average `pictures * rate` score above the threshold; a higher rank can never be kept with
    // confidence.
    let most = ((pictures as f64 * rate).ceil() as usize).min(pictures);
    // The rate is kept up to some rank and not beyond: bisect.
    let (mut low, mut high) = (0, most + 1);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if kept(&middle) { low = middle } else { high = middle }
    }
    (low > 0).then_some(low)
}

/// The smallest rate that the highest of `pictures` scores keeps with `confidence`.
pub fn supported(pictures: usize, confidence: f64) -> f64 {
    match pictures {
        0 => 1.0,
        n => -((1.0 - confidence).ln() / n as f64).exp_m1(),
    }
}

/// Fewest pictures that support `rate` with `confidence`.
pub fn needed(rate: f64, confidence: f64) -> usize {
    ((1.0 - confidence).ln() / (-rate).ln_1p()).ceil() as usize
}

/// A share in percent with two significant digits, for people.
pub fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    let digits = match percent {
        p if p >= 9.95 => 0,
        p if p >= 0.995 => 1,
        _ => 2,
    };
    let text = format!("{percent:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_short() {
        let shares = [0.01, 0.0142, 0.092, 0.26, 1.0, 0.001, 0.0, 0.095];
        let words = ["1 %", "1.4 %", "9.2 %", "26 %", "100 %", "0.1 %", "0 %", "9.5 %"];
        assert_eq!(shares.map(percent), words);
    }

    #[test]
    fn ranks_are_those_of_the_tables_of_tolerance_bounds() {
        // Wilks: 59 pictures for 5 %, 93 for the second highest, 124 for the third.
        let first = |r| (1..).find(|&n| rank(n, 0.05, 0.95) == Some(r)).unwrap();
        assert_eq!([1, 2, 3].map(first), [59, 93, 124]);
        assert_eq!([needed(0.05, 0.95), needed(0.01, 0.95), needed(0.1, 0.9)], [59, 299, 22]);
        assert!((supported(59, 0.95) - 0.0495).abs() < 1e-4 && supported(0, 0.95) == 1.0);
        assert_eq!(rank(0, 0.5, 0.95), None);
    }

    /// The statement itself, tested on random numbers.
    #[test]
    fn a_threshold_of_this_rank_keeps_the_rate_as_often_as_stated() {
        use rand::RngExt;
        use rand_chacha::rand_core::SeedableRng;
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        for (pictures, rate) in [(60, 0.05), (200, 0.1)] {
            let r = rank(pictures, rate, 0.95).unwrap();
            let trials = 2000;
            let kept = (0..trials).filter(|_| {
                // Uniform numbers: the share above a threshold is one minus the threshold.
                let mut scores: Vec<f64> = (0..pictures).map(|_| rng.random()).collect();
                scores.sort_by(|a, b| b.total_cmp(a));
                1.0 - scores[r - 1] <= rate
            });
            let share = kept.count() as f64 / f64::from(trials);
            assert!((0.94..0.985).contains(&share), "{pictures}: {share}");
        }
    }
}
