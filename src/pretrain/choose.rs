//! Chooses the channels of a network that stay when it is made narrower.

use nalgebra::DMatrix;

/// The channels of a group at one place of a network, and their importance to the layers that read them.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Covariance of the channels, `[n, n]`.
    pub covariance: DMatrix<f64>,
    /// Importance `A`, `[n, n]`: an error `e` of the channels costs `e' A e`.
    pub importance: DMatrix<f64>,
}

impl Reading {
    /// Channels with this covariance, which nothing reads yet.
    pub fn new(covariance: DMatrix<f64>) -> Self {
        let importance = DMatrix::zeros(covariance.nrows(), covariance.ncols());
        Self { covariance, importance }
    }

    /// Adds a reader with its own `importance`, scaled so that losing all channels costs `weight`.
    pub fn read(&mut self, importance: &DMatrix<f64>, weight: f64) {
        let all = importance.dot(&self.covariance);
        if all > 0.0 {
            self.importance += importance * (weight / all);
        }
    }
}

/// The `keep` channels, in ascending order, from which the others are best predicted linearly, weighted by
/// the importance in all readings. Chosen greedily: each time the channel that reduces the remaining cost the
/// most.
///
/// With the residual covariance `R` after the channels so far, channel `j` lowers the cost by
/// `(R A R)_jj / R_jj`, and `R` becomes `R - R_j R_j' / R_jj` (a pivoted Cholesky decomposition).
pub fn choose(mut readings: Vec<Reading>, keep: usize) -> Vec<usize> {
    let channels = readings.first().map_or(0, |reading| reading.covariance.nrows());
    let mut chosen = Vec::with_capacity(keep);
    let floors: Vec<f64> = readings.iter().map(|r| 1e-9 * r.covariance.trace() / channels as f64).collect();
    while chosen.len() < keep.min(channels) {
        let mut gain = vec![0.0; channels];
        for (reading, floor) in readings.iter().zip(&floors) {
            let weighted = &reading.covariance * &reading.importance;
            for (j, gain) in gain.iter_mut().enumerate() {
                let own = reading.covariance[(j, j)];
                if own > *floor {
                    *gain += weighted.row(j).transpose().dot(&reading.covariance.column(j)) / own;
                }
            }
        }
        let left = (0..channels).filter(|j| !chosen.contains(j));
        let Some(best) = left.max_by(|&a, &b| gain[a].total_cmp(&gain[b]).then(b.cmp(&a))) else { break };
        chosen.push(best);
        for (reading, floor) in readings.iter_mut().zip(&floors) {
            let column = reading.covariance.column(best).clone_owned();
            if column[best] > *floor {
                reading.covariance -= &column * column.transpose() / column[best];
            }
        }
    }
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covariance of six channels: 1 and 4 are independent, the others are mixtures of these two.
    fn two_of_six() -> DMatrix<f64> {
        let mixture =
            DMatrix::from_row_slice(6, 2, &[0.5, 0.5, 1.0, 0.0, 0.3, -0.4, 0.2, 0.1, 0.0, 1.0, -0.6, 0.2]);
        &mixture * mixture.transpose()
    }

    #[test]
    fn as_many_as_there_are_dimensions_tell_everything() {
        let mut reading = Reading::new(two_of_six());
        reading.read(&DMatrix::identity(6, 6), 1.0);
        let chosen = choose(vec![reading], 2);
        // The covariance that is left, given the two chosen channels.
        let all = two_of_six();
        let own = all.select_rows(&chosen).select_columns(&chosen);
        let cross = all.select_columns(&chosen);
        let left = &all - &cross * own.try_inverse().unwrap() * cross.transpose();
        assert!(left.amax() < 1e-12, "{chosen:?} leaves {left}");
    }

    #[test]
    fn what_nobody_reads_goes_first() {
        let mut reading = Reading::new(DMatrix::identity(5, 5) * 2.0);
        let mut importance = DMatrix::zeros(5, 5);
        importance[(3, 3)] = 1.0;
        importance[(0, 0)] = 0.1;
        reading.read(&importance, 1.0);
        assert_eq!(choose(vec![reading.clone()], 1), [3]);
        assert_eq!(choose(vec![reading.clone()], 2), [0, 3]);
        assert_eq!(choose(vec![reading], 9), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_channel_that_tells_of_others_beats_a_louder_one() {
        // Channel 0 is strong and independent; 1 to 3 are the same signal.
        let mut covariance = DMatrix::from_element(4, 4, 1.0);
        covariance.row_mut(0).fill(0.0);
        covariance.column_mut(0).fill(0.0);
        covariance[(0, 0)] = 2.0;
        let mut reading = Reading::new(covariance);
        reading.read(&DMatrix::identity(4, 4), 1.0);
        assert_eq!(choose(vec![reading], 1), [1]);
    }
}
