//! Batch normalization in evaluation mode, folded into the convolution before it.
//!
//! With `s = gamma / sqrt(variance + epsilon)` per channel, `BN(W x + b) = (s W) x + (b - mean) s + beta`.

/// Added to a variance before the square root: PyTorch's default.
pub(crate) const EPSILON: f64 = 1e-5;

/// The parts of a normalization of `C` channels, `[C]` each.
pub(crate) struct BatchNorm<T> {
    gamma: Vec<T>,
    beta: Vec<T>,
    mean: Vec<T>,
    variance: Vec<T>,
}

impl<T: Copy + Into<f64>> BatchNorm<T> {
    /// Reads the four parts through `part`, which takes a part's torchvision name and returns its `C`
    /// numbers.
    pub fn read<E>(part: impl Fn(&str) -> Result<Vec<T>, E>) -> Result<Self, E> {
        Ok(Self {
            gamma: part("weight")?,
            beta: part("bias")?,
            mean: part("running_mean")?,
            variance: part("running_var")?,
        })
    }

    /// Weight and bias of the convolution and this normalization as one, computed in double precision. Each run of
    /// `filter` weights belongs to one channel; after the last channel the first follows again. `None` if a result
    /// overflows although all parts are finite, or if a variance is negative.
    pub fn fold(&self, weight: &[T], filter: usize, bias: Option<&[T]>) -> Option<(Vec<f32>, Vec<f32>)> {
        let scales: Vec<f64> = self
            .gamma
            .iter()
            .zip(&self.variance)
            .map(|(&g, &v)| g.into() / (v.into() + EPSILON).sqrt())
            .collect();
        let mut folded = Vec::with_capacity(weight.len());
        for (values, scale) in weight.chunks(filter.max(1)).zip(scales.iter().cycle()) {
            folded.extend(values.iter().map(|&w| (w.into() * scale) as f32));
        }
        let shift = |(o, scale): (usize, &f64)| {
            let (beta, mean): (f64, f64) = (self.beta[o].into(), self.mean[o].into());
            let shifted = match bias {
                Some(bias) => (bias[o].into() - mean) * scale + beta,
                None => beta - mean * scale,
            };
            shifted as f32
        };
        let bias: Vec<f32> = scales.iter().enumerate().map(shift).collect();
        folded.iter().chain(&bias).all(|number| number.is_finite()).then_some((folded, bias))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn norm(variance: f64) -> BatchNorm<f64> {
        let part = |name: &str| -> Result<Vec<f64>, ()> {
            Ok(match name {
                "weight" => vec![2.0, -3.0],
                "bias" => vec![0.5, 1.0],
                "running_mean" => vec![4.0, -1.0],
                _ => vec![variance, 0.25],
            })
        };
        BatchNorm::read(part).unwrap()
    }

    #[test]
    fn what_is_folded_computes_what_convolution_and_normalization_do() {
        let (variance, x) = (0.09, [0.7, -1.3]);
        let weight = [1.0, -2.0, 0.5, 4.0];
        for bias in [None, Some([0.2, -0.6])] {
            let (w, b) = norm(variance).fold(&weight, 2, bias.as_ref().map(|b| b.as_slice())).unwrap();
            for (o, [gamma, beta, mean, variance]) in
                [[2.0, 0.5, 4.0, variance], [-3.0, 1.0, -1.0, 0.25]].into_iter().enumerate()
            {
                let y = weight[2 * o] * x[0] + weight[2 * o + 1] * x[1] + bias.map_or(0.0, |b| b[o]);
                let right = gamma * (y - mean) / (variance + 1e-5_f64).sqrt() + beta;
                let found = f64::from(w[2 * o]) * x[0] + f64::from(w[2 * o + 1]) * x[1] + f64::from(b[o]);
                assert!((found - right).abs() < 1e-5 * right.abs(), "{found} is not {right}");
            }
        }
        // The layout of a transposed convolution: the channels alternate.
        let (w, _) = norm(variance).fold(&[1.0; 4], 1, None).unwrap();
        assert_eq!((w[0], w[1]), (w[2], w[3]));
    }

    #[test]
    fn what_would_not_be_finite_is_none() {
        assert!(norm(0.09).fold(&[1e38, 1e38], 1, None).is_none());
        assert!(norm(-1.0).fold(&[1.0, 1.0], 1, None).is_none());
    }
}
