//! Tests that look at every picture as it arrives, for as long as they like: the Shiryaev-Roberts procedure on bets
//! that gain nothing on average as long as nothing has changed.
//!
//! With a bet's payoff `g_t >= 0`, whose mean is 1 or less while nothing has changed,
//!
//! ```text
//! R_t = (1 + R_{t-1}) g_t          alarm when R_t >= limit
//! ```
//!
//! `R_t - t` is then a supermartingale, so the chance of an alarm within `T` unchanged pictures is at most `T / limit`
//! (Doob), whatever the pictures are (Shin, Ramdas and Rinaldo, *E-detectors*, 2023).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The procedure itself.
#[derive(Clone, Debug)]
pub struct Procedure {
    limit: f64,
    evidence: f64,
    /// Sum of the logarithms of the payoffs since it was last 0, and where that was: most likely the start of the
    /// change.
    sum: f64,
    since: usize,
    seen: usize,
    alarm: Option<usize>,
}

impl Procedure {
    /// A procedure that raises an alarm at `limit`.
    pub fn new(limit: f64) -> Self {
        Self { limit, evidence: 0.0, sum: 0.0, since: 0, seen: 0, alarm: None }
    }

    /// Takes the payoff of the next picture.
    pub fn add(&mut self, pay: f64) {
        self.evidence = (1.0 + self.evidence) * pay;
        self.sum += pay.max(f64::MIN_POSITIVE).ln();
        self.seen += 1;
        if self.sum <= 0.0 {
            (self.sum, self.since) = (0.0, self.seen);
        }
        if self.alarm.is_none() && self.evidence >= self.limit {
            self.alarm = Some(self.since);
        }
    }

    /// If an alarm was raised, the number, from 0, of the picture with which the change most likely began.
    pub fn alarm(&self) -> Option<usize> {
        self.alarm
    }
}

/// The share of the evidence that is bet on each picture.
const STAKE: f64 = 0.8;

/// Tests whether numbers have become larger (or smaller), whatever their distribution: each is ranked among all before
/// it and among numbers known beforehand. While they are exchangeable, the rank `p` is uniform in 0 to 1 (conformal
/// prediction, Vovk et al.). The payoff is `1 + 0.8 (1 - 2 p)`, between 0.2 and 1.8, so that one defect among changed
/// pictures does not destroy all evidence.
///
/// A few large numbers among many usual ones, such as defects among good parts, raise no alarm; only a lasting change
/// does.
#[derive(Clone, Debug)]
pub struct Ranks {
    /// In ascending order.
    known: Vec<f64>,
    sign: f64,
    procedure: Procedure,
    ties: ChaCha8Rng,
}

impl Ranks {
    /// For numbers that may become larger.
    pub fn rising(known: &[f64], limit: f64) -> Self {
        Self::new(known, 1.0, limit)
    }

    /// For numbers that may become smaller.
    pub fn falling(known: &[f64], limit: f64) -> Self {
        Self::new(known, -1.0, limit)
    }

    fn new(known: &[f64], sign: f64, limit: f64) -> Self {
        let mut known: Vec<f64> = known.iter().filter(|v| v.is_finite()).map(|v| sign * v).collect();
        known.sort_by(f64::total_cmp);
        Self { known, sign, procedure: Procedure::new(limit), ties: ChaCha8Rng::seed_from_u64(0) }
    }

    /// Takes the next number.
    pub fn add(&mut self, value: f64) {
        let value = self.sign * value;
        let from = self.known.partition_point(|v| v.total_cmp(&value).is_lt());
        let to = self.known.partition_point(|v| v.total_cmp(&value).is_le());
        let (larger, equal) = (self.known.len() - to, to - from);
        // Ties, including the number itself, are broken at random; otherwise the rank would not be uniform.
        let tie = self.ties.random_range(0.0..1.0_f64) * (equal + 1) as f64;
        let p = (larger as f64 + tie) / (self.known.len() + 1) as f64;
        self.procedure.add(1.0 + STAKE * (1.0 - 2.0 * p));
        self.known.insert(to, value);
    }

    /// As [`Procedure::alarm`].
    pub fn alarm(&self) -> Option<usize> {
        self.procedure.alarm()
    }
}

/// Tests whether events have become more frequent than `rate`. The payoff is the likelihood ratio of each outcome under
/// a higher rate to that under `rate`, averaged over two, four and eight times the rate.
#[derive(Clone, Debug)]
pub struct Frequency {
    rate: f64,
    procedure: Procedure,
}

impl Frequency {
    /// For events that have frequency `rate`, within 0 to 1, or less, while nothing has changed.
    pub fn new(rate: f64, limit: f64) -> Self {
        Self { rate: rate.clamp(1e-3, 0.5), procedure: Procedure::new(limit) }
    }

    /// Takes whether the next picture was such an event.
    pub fn add(&mut self, event: bool) {
        let pay = |times: f64| {
            let higher = (times * self.rate).min(0.9);
            if event { higher / self.rate } else { (1.0 - higher) / (1.0 - self.rate) }
        };
        let mean = [2.0, 4.0, 8.0].map(pay).iter().sum::<f64>() / 3.0;
        self.procedure.add(mean);
    }

    /// As [`Procedure::alarm`].
    pub fn alarm(&self) -> Option<usize> {
        self.procedure.alarm()
    }
}
