//! Reads convolution weights and folds in the batch normalization that follows.

use crate::Result;
use crate::batch_norm::BatchNorm;
use crate::teacher::TensorSource;

/// Weight and bias of one convolution.
pub(super) struct Weights {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// A convolution with its batch normalization already folded in when the model was written: `name.weight` and
/// `name.bias`.
pub(super) fn biased(source: &dyn TensorSource, name: &str, shape: [usize; 4]) -> Result<Weights> {
    let weight = source.get(&format!("{name}.weight"), &shape)?;
    Ok(Weights { weight, bias: source.get(&format!("{name}.bias"), &shape[..1])? })
}

/// A 1x1 convolution that the model stores as a matrix `[in, out]`: `x W + b`.
pub(super) fn pointwise(
    source: &dyn TensorSource,
    name: &str,
    [input, output]: [usize; 2],
) -> Result<Weights> {
    let matrix = source.get(&format!("{name}.weight"), &[input, output])?;
    let weight = (0..output * input).map(|i| matrix[i % input * output + i / input]).collect();
    Ok(Weights { weight, bias: source.get(&format!("{name}.bias"), &[output])? })
}

/// A convolution `[out, in, k, k]` (or, `transposed`, `[in, out, 2, 2]`) without bias, and the batch
/// normalization `norm` after it with its running statistics.
pub(super) fn normalized(
    source: &dyn TensorSource,
    [name, norm]: [&str; 2],
    shape: [usize; 4],
    transposed: bool,
) -> Result<Weights> {
    let weight = source.get(&format!("{name}.weight"), &shape)?;
    let output = shape[usize::from(transposed)];
    let parts = BatchNorm::read(|part| source.get(&format!("{norm}.{part}"), &[output]))?;
    let taps = shape[2] * shape[3];
    let filter = if transposed { taps } else { shape[1] * taps };
    // Refused here, since a GPU's ReLU may hide a number that is not finite.
    let (weight, bias) = parts.fold(&weight, filter, None).ok_or_else(|| {
        source.refused(format!(
            "{name} is not finite once {norm} is folded in: train again, with another teacher where it comes again, \
             or copy the model again"
        ))
    })?;
    Ok(Weights { weight, bias })
}

/// The gate's memory `[2 L, C]` as a 1x1 convolution whose filters have the length `1 / temperature`.
pub(super) fn memory(
    source: &dyn TensorSource,
    name: &str,
    shape: [usize; 2],
    temperature: f32,
) -> Result<Weights> {
    let mut weight = source.get(name, &shape)?;
    for item in weight.chunks_exact_mut(shape[1]) {
        let square: f64 = item.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        let scale = 1.0 / (square.max(1e-16).sqrt() * f64::from(temperature));
        item.iter_mut().for_each(|v| *v = (f64::from(*v) * scale) as f32);
    }
    Ok(Weights { weight, bias: vec![0.0; shape[0]] })
}
