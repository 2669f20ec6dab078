//! Batch normalization with the statistics of the batch, channel by channel: one channel of a training batch
//! fits into the second-level cache, so several passes over it cost little.

use super::parallel::{Output, for_each};

/// A normalized batch and its statistics.
pub(super) struct Normalized {
    /// `[batch, channels, pixels]`.
    pub output: Vec<f32>,
    /// Mean per channel.
    pub mean: Vec<f32>,
    /// Biased variance per channel.
    pub variance: Vec<f32>,
}

/// Gradients of the input, the scale and the offset.
pub(super) struct Gradients {
    pub x: Vec<f32>,
    pub gamma: Vec<f32>,
    pub beta: Vec<f32>,
}

/// The extent of `[batch, channels, pixels]`.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub batch: usize,
    pub channels: usize,
    pub pixels: usize,
}

impl Extent {
    fn len(&self) -> usize {
        self.batch * self.channels * self.pixels
    }

    /// Where the planes of a channel start.
    fn starts(self, channel: usize) -> impl Iterator<Item = usize> + Clone {
        (0..self.batch).map(move |n| (n * self.channels + channel) * self.pixels)
    }
}

/// `y = gamma (x - mean) / sqrt(variance + epsilon) + beta`.
pub(super) fn forward(e: Extent, x: &[f32], gamma: &[f32], beta: &[f32], epsilon: f64) -> Normalized {
    let count = (e.batch * e.pixels) as f64;
    let mut output = Output::with_len(e.len());
    let mut statistics = Output::with_len(2 * e.channels);
    let (to, stats) = (output.shared(), statistics.shared());
    for_each(e.channels, |_, c| {
        let planes = e.starts(c).map(|start| &x[start..][..e.pixels]);
        let mean = planes.clone().map(|p| sum(p, |v| v)).sum::<f64>() / count;
        let m = mean as f32;
        let variance = planes.map(|p| sum(p, |v| (v - m) * (v - m))).sum::<f64>() / count;
        let scale = (f64::from(gamma[c]) / (variance + epsilon).sqrt()) as f32;
        for start in e.starts(c) {
            // SAFETY: this channel's own plane.
            let y = unsafe { to.slice(start, e.pixels) };
            for (y, x) in y.iter_mut().zip(&x[start..][..e.pixels]) {
                *y = (x - m) * scale + beta[c];
            }
        }
        // SAFETY: only this channel's task writes these numbers.
        unsafe {
            stats.slice(c, 1)[0] = m;
            stats.slice(e.channels + c, 1)[0] = variance as f32;
        }
    });
    // SAFETY: every channel has written its planes and its statistics.
    let (output, mut mean) = unsafe { (output.into_vec(e.len()), statistics.into_vec(2 * e.channels)) };
    let variance = mean.split_off(e.channels);
    Normalized { output, mean, variance }
}

/// The gradients of [`forward`], given the statistics it returned.
pub(super) fn backward(
    e: Extent,
    x: &[f32],
    gamma: &[f32],
    [mean, variance]: [&[f32]; 2],
    epsilon: f64,
    dy: &[f32],
) -> Gradients {
    let count = (e.batch * e.pixels) as f64;
    let mut dx = Output::with_len(e.len());
    let mut sums = Output::with_len(2 * e.channels);
    let (to, totals) = (dx.shared(), sums.shared());
    for_each(e.channels, |_, c| {
        let m = mean[c];
        let inverse = 1.0 / (f64::from(variance[c]) + epsilon).sqrt();
        let (mut of_dy, mut of_product) = (0.0, 0.0);
        for start in e.starts(c) {
            let (x, dy) = (&x[start..][..e.pixels], &dy[start..][..e.pixels]);
            of_dy += sum(dy, |v| v);
            of_product += sum_of_two(x, dy, |x, dy| (x - m) * dy);
        }
        // dx = gamma * inverse * (dy - mean(dy) - normalized * mean(dy * normalized))
        let scale = (f64::from(gamma[c]) * inverse) as f32;
        let mean_dy = (of_dy / count) as f32;
        let slope = (of_product / count * inverse * inverse) as f32;
        for start in e.starts(c) {
            // SAFETY: this channel's own plane.
            let dx = unsafe { to.slice(start, e.pixels) };
            let (x, dy) = (&x[start..][..e.pixels], &dy[start..][..e.pixels]);
            for ((dx, x), dy) in dx.iter_mut().zip(x).zip(dy) {
                *dx = scale * (dy - mean_dy - (x - m) * slope);
            }
        }
        // SAFETY: only this channel's task writes these numbers.
        unsafe {
            totals.slice(c, 1)[0] = (of_product * inverse) as f32;
            totals.slice(e.channels + c, 1)[0] = of_dy as f32;
        }
    });
    // SAFETY: every channel has written its planes and its sums.
    let (x, mut gamma) = unsafe { (dx.into_vec(e.len()), sums.into_vec(2 * e.channels)) };
    let beta = gamma.split_off(e.channels);
    Gradients { x, gamma, beta }
}

/// The sum over batch and pixels of each channel: the gradient of a bias.
pub(super) fn channel_sums(e: Extent, dy: &[f32]) -> Vec<f32> {
    let mut sums = Output::with_len(e.channels);
    let totals = sums.shared();
    for_each(e.channels, |_, c| {
        let planes = e.starts(c).map(|start| &dy[start..][..e.pixels]);
        let total = planes.map(|p| sum(p, |v| v)).sum::<f64>() as f32;
        // SAFETY: this channel's own place.
        unsafe { totals.slice(c, 1)[0] = total };
    });
    // SAFETY: every channel has written its sum.
    unsafe { sums.into_vec(e.channels) }
}

/// Lanes of a sum: enough that the additions do not wait for each other.
const LANES: usize = 32;

/// How many numbers are added in single precision before their sum is added to the total in double.
const RUN: usize = 1024;

fn sum(values: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    let mut total = 0.0;
    for run in values.chunks(RUN) {
        let mut lanes = [0.0f32; LANES];
        let (chunks, rest) = run.as_chunks::<LANES>();
        for chunk in chunks {
            for (lane, v) in lanes.iter_mut().zip(chunk) {
                *lane += f(*v);
            }
        }
        total += lanes.iter().map(|&v| f64::from(v)).sum::<f64>();
        total += rest.iter().map(|&v| f64::from(f(v))).sum::<f64>();
    }
    total
}

fn sum_of_two(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f64 {
    let mut total = 0.0;
    for (a, b) in a.chunks(RUN).zip(b.chunks(RUN)) {
        let mut lanes = [0.0f32; LANES];
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
        for (a, b) in a.iter().zip(b) {
            for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
                *lane += f(*a, *b);
            }
        }
        total += lanes.iter().map(|&v| f64::from(v)).sum::<f64>();
        let rest = a_rest.iter().zip(b_rest);
        total += rest.map(|(&a, &b)| f64::from(f(a, b))).sum::<f64>();
    }
    total
}
