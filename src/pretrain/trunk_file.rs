//! The finished trunk as tensors, under torchvision's names, and as a file of 16-bit floats.

use super::network::Layout;
use crate::model::{NamedTensor, NamedTensors};
use crate::{Error, Result};
use half::f16;
use safetensors::tensor::{Dtype, TensorView};
use std::path::Path;

/// The trunk's tensors from the flat `weights` (see `Layout`), without the projections.
pub fn tensors(layout: &Layout, weights: &[f32]) -> Vec<NamedTensor> {
    let mut tensors = Vec::new();
    for unit in layout.trunk() {
        let (weight, rest) = weights[unit.start..].split_at(unit.weight_len());
        let mut add = |part: &str, shape: Vec<usize>, values: &[f32]| {
            tensors.push(NamedTensor {
                name: format!("{}.{part}", unit.name),
                shape,
                values: values.to_vec(),
            });
        };
        add("weight", vec![unit.output, unit.input, unit.kernel, unit.kernel], weight);
        add("bias", vec![unit.output], &rest[..unit.output]);
    }
    tensors
}

/// Writes 16-bit floats, to a temporary file that is then renamed.
///
/// # Errors
/// A weight does not fit 16 bits (nothing is written), or the file cannot be written.
pub fn write(tensors: &[NamedTensor], path: &Path) -> Result<()> {
    let mut all = Vec::with_capacity(tensors.len());
    for NamedTensor { name, shape, values } in tensors {
        let halves = values.iter().map(|v| f16::from_f32(*v));
        if let Some(bad) = halves.clone().position(|h| !h.is_finite()) {
            let reason = format!("{name}[{bad}] = {} does not fit 16 bits; train again", values[bad]);
            return Err(Error::weights(path, reason));
        }
        all.push((name.as_str(), shape.clone(), halves.flat_map(f16::to_le_bytes).collect::<Vec<u8>>()));
    }
    let views = all.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F16, shape.clone(), bytes);
        view.map(|view| (*name, view)).map_err(|e| Error::weights(path, e.to_string()))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    let bytes = safetensors::serialize(views, None).map_err(|e| Error::weights(path, e.to_string()))?;
    crate::files::write_atomically(path, &bytes)
}

/// The tensors with every value rounded to 16 bits and back.
pub fn rounded(mut tensors: Vec<NamedTensor>) -> NamedTensors {
    for value in tensors.iter_mut().flat_map(|tensor| &mut tensor.values) {
        *value = f16::from_f32(*value).to_f32();
    }
    NamedTensors::new(tensors)
}
