//! Numbers in words and on axes.

use std::ops::Range;

/// A count with its noun: "1 picture", "3 pictures".
pub(super) fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// A short number for an axis whose labels are about `step` apart.
pub(super) fn short(value: f64, step: f64) -> String {
    // Rounded first: nobody wants to read -0.00.
    let digits = (-step.abs().max(1e-12).log10()).ceil().clamp(0.0, 6.0) as usize;
    let text = format!("{value:.digits$}");
    if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') {
        text.replace('-', "")
    } else {
        text
    }
}

/// Two significant digits, for a logarithmic axis: 320, 3.2, 1, 0.032.
pub(super) fn significant(value: f64) -> String {
    let digits = (1.0 - value.abs().max(1e-12).log10().floor()).clamp(0.0, 12.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// The largest value that is drawn at its place: an axis from minus to plus this value still has a finite length, and
/// the search for marks on an axis of infinite length would never end.
const LARGEST: f64 = f64::MAX / 8.0;

/// The finite range of some values, widened a little; 0 to 1 if there are none.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .map(|value| value.clamp(-LARGEST, LARGEST))
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
        let log = [316.2, 10.0, 3.162, 1.0, 0.1, 0.03162].map(significant);
        assert_eq!(log, ["316", "10", "3.2", "1", "0.1", "0.032"]);
    }

    #[test]
    fn ranges_are_never_empty() {
        let most = f64::MAX;
        for values in [
            vec![],
            vec![f64::NAN],
            vec![0.0],
            vec![2.0, 2.0],
            vec![1.0, -1.0, f64::INFINITY],
            vec![-most, most],
            vec![most],
        ] {
            let range = range(values.into_iter());
            let length = range.end - range.start;
            assert!(length > 0.0 && (2.0 * length).is_finite(), "{range:?}");
        }
    }
}
