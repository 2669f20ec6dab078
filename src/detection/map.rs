//! Combines three discrepancies into one anomaly map: up-sampling with align_corners, sum, Gaussian
//! (method.md 5).

use crate::inference::sigma;
use crate::picture::{ScoreMap, Size};

/// One level's discrepancy `[H_k, W_k]`, up-sampled bilinearly with align_corners = true and added to `sum`.
pub fn add_upsampled(sum: &mut [f64], [height, width]: [usize; 2], level: &[f32], [h, w]: [usize; 2]) {
    let rows = taps(height, h);
    let columns = taps(width, w);
    for (line, &(y0, y1, fy)) in sum.chunks_exact_mut(width).zip(&rows) {
        let (top, bottom) = (&level[y0 * w..][..w], &level[y1 * w..][..w]);
        let blended: Vec<f64> =
            top.iter().zip(bottom).map(|(&a, &b)| f64::from(a) * (1.0 - fy) + f64::from(b) * fy).collect();
        for (value, &(x0, x1, fx)) in line.iter_mut().zip(&columns) {
            *value += blended[x0] * (1.0 - fx) + blended[x1] * fx;
        }
    }
}

/// For each output the two inputs it lies between, and the weight of the second.
fn taps(output: usize, input: usize) -> Vec<(usize, usize, f64)> {
    let step = if output > 1 { (input - 1) as f64 / (output - 1) as f64 } else { 0.0 };
    let tap = |i: usize| {
        let position = i as f64 * step;
        let low = (position as usize).min(input - 1);
        (low, (low + 1).min(input - 1), position - low as f64)
    };
    (0..output).map(tap).collect()
}

/// SciPy's Gaussian filter: border mode reflect (the edge pixel repeats), cut off at 4 sigma.
pub fn gaussian(map: &[f64], [height, width]: [usize; 2], sigma: f64) -> Vec<f64> {
    let kernel = gaussian_kernel(sigma);
    let radius = (kernel.len() / 2) as isize;
    let mut columns = vec![0.0; map.len()];
    for (y, sums) in columns.chunks_exact_mut(width).enumerate() {
        let line = |tap: usize| &map[reflect(y as isize + tap as isize - radius, height) * width..][..width];
        weighted_sum(sums, &kernel, line);
    }
    let mut result = vec![0.0; map.len()];
    let mut line = vec![0.0; width + kernel.len() - 1];
    for (sums, source) in result.chunks_exact_mut(width).zip(columns.chunks_exact(width)) {
        for (x, value) in line.iter_mut().enumerate() {
            *value = source[reflect(x as isize - radius, width)];
        }
        weighted_sum(sums, &kernel, |tap| &line[tap..][..width]);
    }
    result
}

/// `sums = sum over the taps of kernel[tap] line(tap)`, for a few neighbors at once, so that the additions do
/// not wait for each other.
fn weighted_sum<'a>(sums: &mut [f64], kernel: &[f64], line: impl Fn(usize) -> &'a [f64]) {
    const TOGETHER: usize = 16;
    let lines: Vec<&[f64]> = (0..kernel.len()).map(line).collect();
    let (chunks, rest) = sums.as_chunks_mut::<TOGETHER>();
    let done = chunks.len() * TOGETHER;
    for (i, chunk) in chunks.iter_mut().enumerate() {
        let mut held = [0.0; TOGETHER];
        for (weight, line) in kernel.iter().zip(&lines) {
            let values = &line[i * TOGETHER..][..TOGETHER];
            held.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
        }
        *chunk = held;
    }
    for (i, sum) in rest.iter_mut().enumerate() {
        *sum = kernel.iter().zip(&lines).map(|(weight, line)| weight * line[done + i]).sum();
    }
}

fn gaussian_kernel(sigma: f64) -> Vec<f64> {
    let radius = (4.0 * sigma + 0.5) as isize;
    let weights: Vec<f64> = (-radius..=radius).map(|x| (-0.5 * (x as f64 / sigma).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / sum).collect()
}

/// Index into a line that is mirrored repeatedly, with edge pixels repeated.
fn reflect(position: isize, length: usize) -> usize {
    let period = 2 * length as isize;
    let position = position.rem_euclid(period) as usize;
    if position < length { position } else { period as usize - 1 - position }
}

/// The anomaly map of one picture: the levels' discrepancies `(values, [H_k, W_k])` up-sampled to `size`, summed,
/// smoothed by [`sigma`].
pub fn anomaly_map(levels: &[(&[f32], [usize; 2])], size: impl Into<Size>) -> ScoreMap {
    let size = size.into();
    let dims = [size.height, size.width];
    let mut sum = vec![0.0; size.area()];
    for (level, [h, w]) in levels {
        add_upsampled(&mut sum, dims, level, [*h, *w]);
    }
    let smoothed = gaussian(&sum, dims, sigma(size));
    ScoreMap {
        width: size.width,
        height: size.height,
        data: smoothed.into_iter().map(|v| v as f32).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden values of method.md section 12.
    #[test]
    fn upsampling_matches_the_golden_values() {
        let level = [0.841471, 0.909297, 0.141120, -0.756802];
        let mut sum = vec![0.0; 25];
        add_upsampled(&mut sum, [5, 5], &level, [2, 2]);
        let rows = [
            (0, [0.841471, 0.858428, 0.875384, 0.892341, 0.909297]),
            (2, [0.491295, 0.387534, 0.283771, 0.180009, 0.076248]),
            (4, [0.141120, -0.083361, -0.307841, -0.532322, -0.756802]),
        ];
        for (row, expected) in rows {
            for (a, b) in sum[row * 5..].iter().zip(expected) {
                assert!((a - b).abs() < 2e-6, "{a} is not {b}");
            }
        }
    }

    #[test]
    fn gaussian_matches_the_golden_values() {
        let mut impulse = vec![0.0; 41 * 41];
        impulse[20 * 41 + 20] = 1.0;
        let map = gaussian(&impulse, [41, 41], 4.0);
        assert!((map[20 * 41 + 20] - 0.00994789).abs() < 1e-8);
        assert!((map[20 * 41 + 36] - 3.33714e-6).abs() < 1e-10);
        assert_eq!(map[20 * 41 + 37], 0.0);

        let mut corner = vec![0.0; 64];
        corner[0] = 1.0;
        let map = gaussian(&corner, [8, 8], 4.0);
        assert!((map[0] - 0.0386376).abs() < 1e-7);
        assert!((map[63] - 0.00319244).abs() < 1e-8);
        assert!((map.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
