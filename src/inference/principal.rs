//! Features in three colors: their principal axes (PCA).
//!
//! Only the direction of a feature counts for the discrepancy, so each position's vector is first scaled to length 1.
//! Some features (the teacher's, of good pictures) fix the axes. Teacher and student are then shown in the same colors,
//! and where the colors differ, the two disagree.

use super::intermediate::mean;

/// Rounds of the orthogonal iteration. Each round reduces the error of an axis by the ratio of the next variance to its
/// own; axes that have not converged lie between directions of nearly the same variance, which show as much.
const ROUNDS: usize = 100;
/// The share of positions at either end that get the outermost color.
const ENDS: f64 = 0.01;

/// Three axes of one level's features, and the range of each that the colors cover.
#[derive(Clone, Debug, PartialEq)]
pub struct Axes {
    /// Mean direction, `C` numbers.
    pub mean: Vec<f64>,
    /// Three unit vectors of `C` numbers, by decreasing variance.
    pub axes: [Vec<f64>; 3],
    /// 1st and 99th percentile of the features along each axis.
    pub ends: [[f64; 2]; 3],
    /// The share of all variance along each axis.
    pub shares: [f64; 3],
}

impl Axes {
    /// The axes of `features`, `[C, positions]` each, with `C` = `channels`.
    pub fn new(features: &[&[f32]], channels: usize) -> Self {
        let rows: Vec<Vec<f64>> = features.iter().flat_map(|f| directions(f, channels)).collect();
        let count = rows.len().max(1) as f64;
        let mut mean = vec![0.0; channels];
        for row in &rows {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / count);
        }
        let covariance = covariance(&rows, &mean);
        let wanted = channels.min(3);
        // Any start that is not orthogonal to the axes works.
        let mut axes: Vec<Vec<f64>> = (0..wanted)
            .map(|a| (0..channels).map(|c| ((1 + c) as f64 * (a as f64 + 1.37) * 12.9898).sin()).collect())
            .collect();
        orthonormalize(&mut axes);
        for _ in 0..ROUNDS {
            axes = axes.iter().map(|axis| product(&covariance, axis)).collect();
            orthonormalize(&mut axes);
        }
        let total: f64 = (0..channels).map(|c| covariance[c][c]).sum();
        axes.resize(3, vec![0.0; channels]);
        let axes: [Vec<f64>; 3] = [0, 1, 2].map(|a| upright(&axes[a]));
        let shares = axes.each_ref().map(|axis| dot(axis, &product(&covariance, axis)) / total.max(1e-30));
        let ends = axes.each_ref().map(|axis| {
            let mut along: Vec<f64> = rows.iter().map(|row| dot(axis, row) - dot(axis, &mean)).collect();
            along.sort_by(f64::total_cmp);
            let at = |share: f64| along.get((share * (along.len().max(1) - 1) as f64).round() as usize);
            [ENDS, 1.0 - ENDS].map(|share| at(share).copied().unwrap_or_default())
        });
        Self { mean, axes, ends, shares }
    }

    /// Features `[C, positions]` along the three axes, `[3, positions]`: 0 and 1 are the ends of the color scale; some
    /// values lie beyond.
    pub fn colors(&self, features: &[f32]) -> Vec<f32> {
        let rows = directions(features, self.mean.len());
        let along = |(axis, [low, high]): (&Vec<f64>, &[f64; 2])| {
            let (middle, reach) = (dot(axis, &self.mean), (high - low).max(1e-12));
            let one = |row: &Vec<f64>| ((dot(axis, row) - middle - low) / reach) as f32;
            rows.iter().map(one).collect::<Vec<f32>>()
        };
        self.axes.iter().zip(&self.ends).flat_map(along).collect()
    }
}

/// The columns of `[C, positions]`, each scaled to length 1.
fn directions(features: &[f32], channels: usize) -> Vec<Vec<f64>> {
    let positions = features.len() / channels.max(1);
    let squares = mean([channels, 1, positions], |i| features[i] * features[i]).data;
    let one = |p: usize| {
        let length = (f64::from(squares[p]) * channels as f64).max(1e-16).sqrt();
        (0..channels).map(|c| f64::from(features[c * positions + p]) / length).collect()
    };
    (0..positions).map(one).collect()
}

fn covariance(rows: &[Vec<f64>], mean: &[f64]) -> Vec<Vec<f64>> {
    let channels = mean.len();
    let mut sums = vec![vec![0.0; channels]; channels];
    let mut apart = vec![0.0; channels];
    for row in rows {
        apart.iter_mut().zip(row.iter().zip(mean)).for_each(|(a, (v, m))| *a = v - m);
        for (i, line) in sums.iter_mut().enumerate() {
            let own = apart[i];
            line[..=i].iter_mut().zip(&apart).for_each(|(sum, other)| *sum += own * other);
        }
    }
    let count = rows.len().max(1) as f64;
    sums.iter_mut().flatten().for_each(|sum| *sum /= count);
    // Only the lower half was summed; the matrix is symmetric.
    for i in 1..channels {
        let (above, below) = sums.split_at_mut(i);
        above.iter_mut().zip(&below[0]).for_each(|(line, value)| line[i] = *value);
    }
    sums
}

fn product(matrix: &[Vec<f64>], vector: &[f64]) -> Vec<f64> {
    matrix.iter().map(|line| dot(line, vector)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Gram-Schmidt, in order; a vector that depends on those before it becomes zero.
fn orthonormalize(vectors: &mut [Vec<f64>]) {
    for i in 0..vectors.len() {
        let (before, rest) = vectors.split_at_mut(i);
        let own = &mut rest[0];
        for other in before.iter() {
            let shared = dot(other, own);
            own.iter_mut().zip(other).for_each(|(v, o)| *v -= shared * o);
        }
        let length = dot(own, own).sqrt();
        let scale = if length > 1e-200 { 1.0 / length } else { 0.0 };
        own.iter_mut().for_each(|v| *v *= scale);
    }
}

/// The sign of an axis is arbitrary; its largest number is made positive.
fn upright(axis: &[f64]) -> Vec<f64> {
    let largest = axis.iter().copied().fold(0.0, |m: f64, v| if v.abs() > m.abs() { v } else { m });
    axis.iter().map(|v| v * if largest < 0.0 { -1.0 } else { 1.0 }).collect()
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;

    /// `[C, positions]` with most of the variance in few directions.
    fn features(channels: usize, positions: usize) -> Vec<f32> {
        let noise = |i: usize| ((i as f64 * 78.233).sin() * 43_758.545).fract();
        (0..channels * positions)
            .map(|i| {
                let (c, p) = (i / positions, i % positions);
                let along = (0..4).map(|a| noise(a * 977 + p) * noise(a * 31 + c + 7) / (a + 1) as f64);
                (along.sum::<f64>() + 0.05 * noise(i + 5) + 1.0).max(0.0) as f32
            })
            .collect()
    }

    #[test]
    fn the_axes_are_those_of_a_library() {
        let (channels, positions) = (24, 200);
        let values = features(channels, positions);
        let axes = Axes::new(&[&values], channels);
        let rows = directions(&values, channels);
        let found =
            nalgebra::DMatrix::from_fn(channels, channels, |i, j| covariance(&rows, &axes.mean)[i][j]);
        let total = found.trace();
        let eigen = found.symmetric_eigen();
        let mut order: Vec<usize> = (0..channels).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        for (axis, share, &i) in [0, 1, 2].map(|a| (&axes.axes[a], axes.shares[a], &order[a])) {
            let right: Vec<f64> = eigen.eigenvectors.column(i).iter().copied().collect();
            assert!((dot(axis, &right).abs() - 1.0).abs() < 1e-6, "{axis:?} is not {right:?}");
            assert!((share - eigen.eigenvalues[i] / total).abs() < 1e-9);
        }
    }

    #[test]
    fn what_is_like_what_fixed_the_axes_has_its_colors_whatever_its_length() {
        let (channels, positions) = (16, 100);
        let values = features(channels, positions);
        let axes = Axes::new(&[&values], channels);
        let longer: Vec<f32> = values.iter().map(|v| 3.0 * v).collect();
        let (a, b) = (axes.colors(&values), axes.colors(&longer));
        assert_eq!(a.len(), 3 * positions);
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5));
        let within = a.iter().filter(|v| (0.0..=1.0).contains(*v)).count();
        assert!(within > 95 * a.len() / 100, "{within} of {} are on the scale", a.len());
    }

    #[test]
    fn fewer_channels_than_axes_and_nothing_at_all_are_no_trouble() {
        let axes = Axes::new(&[&[1.0, 0.5, 0.2, 0.9, 0.1, 0.7]], 2);
        assert!(axes.colors(&[0.3, 0.4]).iter().all(|v| v.is_finite()));
        let none = Axes::new(&[&[0.0; 12]], 4);
        assert!(none.colors(&[0.0; 12]).iter().all(|v| v.is_finite()));
    }
}
