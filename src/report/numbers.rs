//! Numbers in words and on axes.

use std::ops::Range;

/// A count with its noun: "1 picture", "3 pictures".
pub(super) fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// A short number for an axis whose labels lie `step` apart or so.
pub(super) fn short(value: f64, step: f64) -> String {
    // Rounding first: -0.00 is no number that anyone wants to read.
    let digits = (-step.abs().max(1e-12).log10()).ceil().clamp(0.0, 6.0) as usize;
    let text = format!("{value:.digits$}");
    if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') {
        text.replace('-', "")
    } else {
        text
    }
}

/// The finite range of some values, widened a little; 0 to 1 where there are none.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.0..1.0;
    }
    let margin = if high > low { 0.04 * (high - low) } else { 0.5 * high.abs().max(1e-6) };
    low - margin..high + margin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!((count(1, "picture"), count(0, "picture")), ("1 picture".into(), "0 pictures".into()));
        assert_eq!(short(0.25, 0.05), "0.25");
        assert_eq!(short(-0.0001, 0.1), "0.0");
        assert_eq!(short(30.0, 10.0), "30");
    }

    #[test]
    fn ranges_are_never_empty() {
        for values in [vec![], vec![f64::NAN], vec![0.0], vec![2.0, 2.0], vec![1.0, -1.0, f64::INFINITY]] {
            let range = range(values.into_iter());
            assert!(range.start < range.end && range.end.is_finite(), "{range:?}");
        }
    }
}
