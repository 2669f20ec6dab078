//! Rates from counts: the binomial distribution, and the exact interval by Clopper and Pearson.

/// The confidence of the intervals beside measured rates, the usual one.
pub const INTERVAL_CONFIDENCE: f64 = 0.95;

/// Halvings of the interval that determine a rate to the last bit.
const HALVINGS: usize = 60;

/// `P(X <= count)` for `X` binomial with `trials` trials of probability `rate`.
///
/// ```
/// let six_or_fewer = aand::metrics::at_most(6, 10, 0.5);
/// assert!((six_or_fewer - 848.0 / 1024.0).abs() < 1e-12);
/// ```
pub fn at_most(count: usize, trials: usize, rate: f64) -> f64 {
    if count >= trials || rate <= 0.0 {
        return 1.0;
    }
    if rate >= 1.0 {
        return 0.0;
    }
    // In logarithms, since with many trials the first terms are smaller than the smallest number.
    let odds = (rate / (1.0 - rate)).ln();
    let mut log = trials as f64 * (-rate).ln_1p();
    let mut sum = log.exp();
    for k in 0..count {
        log += ((trials - k) as f64 / (k + 1) as f64).ln() + odds;
        sum += log.exp();
    }
    sum.min(1.0)
}

/// The exact two-sided interval (Clopper and Pearson) for a rate that was observed as `count` of `trials`: it contains
/// the true rate in at least the share `confidence` of all samples. `None` without trials.
///
/// ```
/// let [low, high] = aand::metrics::interval(4, 20, 0.95).unwrap();
/// assert!((low - 0.0573).abs() < 1e-4 && (high - 0.4366).abs() < 1e-4);
/// ```
pub fn interval(count: usize, trials: usize, confidence: f64) -> Option<[f64; 2]> {
    if trials == 0 || count > trials {
        return None;
    }
    let tail = (1.0 - confidence) / 2.0;
    // Both ends are rates at which the count would be surprising: surprisingly large at the lower end, small
    // at the upper.
    let low = match count {
        0 => 0.0,
        _ => largest(|rate| 1.0 - at_most(count - 1, trials, rate) <= tail),
    };
    let high = if count == trials { 1.0 } else { largest(|rate| at_most(count, trials, rate) > tail) };
    Some([low, high])
}

/// The largest rate for which `holds` is true; it is true up to some rate and false above.
fn largest(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if holds(middle) { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_sums_to_one_and_counts_from_both_ends_agree() {
        for (trials, rate) in [(1usize, 0.3), (7, 0.5), (299, 0.01), (100_000, 0.01)] {
            assert_eq!(at_most(trials, trials, rate), 1.0);
            let count = (trials as f64 * rate) as usize;
            let below = at_most(count, trials, rate);
            // P(X <= k) at p is P(X >= n - k) at 1 - p.
            let mirrored = 1.0 - at_most(trials - count - 1, trials, 1.0 - rate);
            assert!((below - mirrored).abs() < 1e-8, "{trials} {rate}: {below} {mirrored}");
        }
        assert_eq!([at_most(0, 5, 0.0), at_most(4, 5, 1.0), at_most(5, 5, 1.0)], [1.0, 0.0, 1.0]);
    }

    #[test]
    fn intervals_are_those_of_the_tables() {
        let close = |found: [f64; 2], expected: [f64; 2]| {
            found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{found:?}"));
        };
        // The rule of three's exact form: none of 20 seen.
        close(interval(0, 20, 0.95).unwrap(), [0.0, 0.1684]);
        close(interval(20, 20, 0.95).unwrap(), [0.8316, 1.0]);
        close(interval(1, 100, 0.95).unwrap(), [0.000253, 0.05446]);
        close(interval(50, 100, 0.9).unwrap(), [0.4137, 0.5863]);
        assert_eq!(interval(0, 0, 0.95), None);
    }
}
