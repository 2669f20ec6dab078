//! Convolutions fitted by least squares: the correction that brings a convolution's output closest to the
//! wanted output, over many pictures.

use super::standardize::numbers;
use crate::teacher::FoldedConv;
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};
use nalgebra::DMatrix;

/// Added to the diagonal of the normal equations, as a share of its mean: large corrections are penalized,
/// and whatever the pictures do not determine stays as it was.
const RIDGE: f64 = 1e-4;

/// Changes weight and bias of `conv` so that `conv(x)` is as close as possible to `target`, in the mean square
/// over all positions of all `pairs` (`x`, `target`); `[B, in, H, W]` and `[B, out, H', W']`.
///
/// # Errors
/// The device fails, or the numbers are not finite.
pub fn fit(conv: FoldedConv, pairs: &[(Tensor<4>, Tensor<4>)]) -> Result<FoldedConv> {
    let [outputs, inputs, kernel, _] = conv.weight.dims();
    let (rows, device) = (inputs * kernel * kernel + 1, conv.weight.device());
    let mut gram = DMatrix::<f64>::zeros(rows, rows);
    let mut cross = DMatrix::<f64>::zeros(rows, outputs);
    for (x, target) in pairs {
        let residual = target.clone() - conv.forward(x.clone());
        let patches = patches(x, kernel, conv.stride, &device)?;
        let positions = patches.dims()[1];
        let residual = residual.permute([0, 2, 3, 1]).reshape([positions, outputs]);
        gram += matrix(patches.clone().matmul(patches.clone().transpose()))?;
        cross += matrix(patches.matmul(residual))?;
    }
    let mean = gram.trace() / rows as f64;
    for i in 0..rows {
        gram[(i, i)] += RIDGE * mean + f64::MIN_POSITIVE;
    }
    let unsolved = || Error::Training("the first weights cannot be fitted: features are not finite".into());
    let correction = gram.cholesky().ok_or_else(unsolved)?.solve(&cross);
    if correction.iter().any(|v| !v.is_finite()) {
        return Err(unsolved());
    }
    // Each column belongs to one output; the last row is the bias.
    let values: Vec<f32> = correction.iter().map(|v| *v as f32).collect();
    let correction = Tensor::<2>::from_data(TensorData::new(values, [outputs, rows]), &device);
    let weight = correction.clone().slice([0..outputs, 0..rows - 1]).reshape(conv.weight.dims());
    let bias = correction.slice([0..outputs, rows - 1..rows]).reshape([outputs]);
    Ok(FoldedConv { weight: conv.weight + weight, bias: conv.bias + bias, stride: conv.stride })
}

/// The input patches of a convolution, `[in * kernel * kernel + 1, positions]`: zeros beyond the edge, ones in
/// the last row.
fn patches(x: &Tensor<4>, kernel: usize, stride: usize, device: &Device) -> Result<Tensor<2>> {
    let [batch, inputs, height, width] = x.dims();
    let padding = kernel / 2;
    let [across, down] = [width, height].map(|side| (side + 2 * padding - kernel) / stride + 1);
    let positions = batch * down * across;
    let values = numbers(&x.clone().reshape([batch * inputs * height * width]))?;
    let mut rows = vec![0.0; (inputs * kernel * kernel + 1) * positions];
    for (row, target) in rows.chunks_exact_mut(positions).enumerate() {
        if row == inputs * kernel * kernel {
            target.fill(1.0);
            continue;
        }
        let (channel, dy, dx) = (row / (kernel * kernel), row / kernel % kernel, row % kernel);
        for (line, target) in target.chunks_exact_mut(across).enumerate() {
            let (picture, y) = (line / down, line % down * stride + dy);
            if y < padding || y >= height + padding {
                continue;
            }
            let from = ((picture * inputs + channel) * height + y - padding) * width;
            for (i, value) in target.iter_mut().enumerate() {
                let x = i * stride + dx;
                if x >= padding && x < width + padding {
                    *value = values[from + x - padding];
                }
            }
        }
    }
    Ok(Tensor::from_data(TensorData::new(rows, [inputs * kernel * kernel + 1, positions]), device))
}

/// The matrix in double precision.
///
/// # Errors
/// The device fails.
pub fn matrix(tensor: Tensor<2>) -> Result<DMatrix<f64>> {
    let [rows, columns] = tensor.dims();
    let values = numbers(&tensor.reshape([rows * columns]))?;
    Ok(DMatrix::from_row_iterator(rows, columns, values.into_iter().map(f64::from)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Distribution;

    #[test]
    fn finds_the_convolution_behind_the_numbers() {
        let device = Device::flex();
        let random = |shape: [usize; 4]| Tensor::<4>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        for (kernel, stride) in [(3, 1), (3, 2), (1, 1), (1, 2)] {
            let weight = random([5, 4, kernel, kernel]);
            let bias = Tensor::random([5], Distribution::Normal(0.0, 1.0), &device);
            let wanted = FoldedConv { weight, bias, stride };
            let pairs: Vec<_> =
                (0..3).map(|_| random([8, 4, 11, 8])).map(|x| (x.clone(), wanted.forward(x))).collect();
            let nothing =
                FoldedConv { weight: wanted.weight.zeros_like(), bias: wanted.bias.zeros_like(), stride };
            let found = fit(nothing, &pairs).unwrap();
            let error = (found.weight - wanted.weight).abs().max() + (found.bias - wanted.bias).abs().max();
            assert!(numbers(&error).unwrap()[0] < 2e-3, "{kernel}x{kernel}/{stride}");
        }
    }

    #[test]
    fn what_is_right_stays() {
        let device = Device::flex();
        // Two equal channels: the correction is not unique.
        let x = Tensor::<4>::random([2, 1, 6, 6], Distribution::Normal(0.0, 1.0), &device);
        let x = Tensor::cat(vec![x.clone(), x], 1);
        let weight = Tensor::random([3, 2, 3, 3], Distribution::Normal(0.0, 1.0), &device);
        let conv = FoldedConv { weight, bias: Tensor::ones([3], &device), stride: 1 };
        let found = fit(conv.clone(), &[(x.clone(), conv.forward(x))]).unwrap();
        let error = (found.weight - conv.weight).abs().max() + (found.bias - conv.bias).abs().max();
        assert!(numbers(&error).unwrap()[0] < 1e-4);
    }
}
