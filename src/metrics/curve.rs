//! Curves in the unit square, thinned to as many corners as the eye can tell apart.

/// Corners of a curve, from left to right, as `(x, y)` fractions.
pub type Curve = Vec<(f64, f64)>;

/// The largest gap that thinning leaves between a dropped corner and a kept one.
const STEP: f64 = 1.0 / 200.0;

/// Collects a monotone curve of any number of corners and keeps at most a few hundred.
pub(super) struct Thinned {
    kept: Curve,
    last: (f64, f64),
}

impl Thinned {
    /// Starts at `(0, 0)`.
    pub fn new() -> Self {
        Self { kept: vec![(0.0, 0.0)], last: (0.0, 0.0) }
    }

    /// Adds the next corner.
    pub fn push(&mut self, x: f64, y: f64) {
        let far = |from: (f64, f64)| x - from.0 >= STEP || y - from.1 >= STEP;
        if far(*self.kept.last().unwrap_or(&(0.0, 0.0))) {
            // The corner before a long segment is kept too; otherwise the segment would start elsewhere.
            if far(self.last) && self.kept.last() != Some(&self.last) {
                self.kept.push(self.last);
            }
            self.kept.push((x, y));
        }
        self.last = (x, y);
    }

    /// The curve, its true end included.
    pub fn finish(mut self) -> Curve {
        if self.kept.last() != Some(&self.last) {
            self.kept.push(self.last);
        }
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_curves_are_kept_and_long_ones_thinned() {
        let mut corner = Thinned::new();
        corner.push(0.0, 0.7);
        corner.push(1.0, 1.0);
        assert_eq!(corner.finish(), [(0.0, 0.0), (0.0, 0.7), (1.0, 1.0)]);

        let mut smooth = Thinned::new();
        for n in 1..=1_000_000 {
            let x = f64::from(n) / 1e6;
            smooth.push(x, x.sqrt());
        }
        let curve = smooth.finish();
        assert!(curve.len() > 200 && curve.len() < 405, "{}", curve.len());
        assert_eq!(curve.last(), Some(&(1.0, 1.0)));
        let area: f64 = curve.windows(2).map(|w| (w[1].0 - w[0].0) * (w[1].1 + w[0].1) / 2.0).sum();
        assert!((area - 2.0 / 3.0).abs() < 1e-3, "{area}");
    }
}
