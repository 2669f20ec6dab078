//! Repeated runs and their summary.

use crate::Result;
use serde::Serialize;
use std::time::Instant;

/// Summary of many runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Half of the runs took less.
    pub median_ms: f64,
    /// 95 % of the runs took at most that.
    pub p95_ms: f64,
}

impl Summary {
    /// Of the milliseconds of some runs; NaN if there are none.
    pub fn of(ms: &[f64]) -> Self {
        let mut sorted = ms.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        if n == 0 {
            return Self { median_ms: f64::NAN, p95_ms: f64::NAN };
        }
        let median_ms = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2.0;
        Self { median_ms, p95_ms: sorted[(n * 95).div_ceil(100).max(1) - 1] }
    }
}

/// Runs `work` `count` times; returns the wall-clock milliseconds of each run.
///
/// # Errors
/// The first error of `work`.
pub fn repeat(count: usize, mut work: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let mut one = || {
        let started = Instant::now();
        work()?;
        Ok(started.elapsed().as_secs_f64() * 1e3)
    };
    (0..count).map(|_| one()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_95_percent() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(Summary::of(&hundred), Summary { median_ms: 50.5, p95_ms: 95.0 });
        assert_eq!(Summary::of(&[3.0, 1.0, 2.0]), Summary { median_ms: 2.0, p95_ms: 3.0 });
        assert_eq!(Summary::of(&[7.0]), Summary { median_ms: 7.0, p95_ms: 7.0 });
    }

    #[test]
    fn every_run_is_counted_and_an_error_ends_it() {
        let mut calls = 0;
        let runs = repeat(4, || {
            calls += 1;
            std::thread::sleep(std::time::Duration::from_millis(2));
            Ok(())
        });
        let runs = runs.unwrap();
        assert_eq!((calls, runs.len()), (4, 4));
        assert!(runs.iter().all(|&ms| ms >= 2.0));
        let failed = repeat(4, || Err(crate::Error::Device("gone".into())));
        assert!(failed.is_err());
    }
}
