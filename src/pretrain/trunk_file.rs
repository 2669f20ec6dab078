//! Weights in files, under torchvision's names: reads the teacher, and writes the finished trunk in 16-bit
//! floats.

use super::network::Layout;
use crate::teacher::TensorSource;
use crate::{Error, Result};
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::BTreeMap;
use std::path::Path;

/// Named tensors in memory.
#[derive(Clone, Debug, Default)]
pub struct NamedTensors {
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    origin: std::path::PathBuf,
}

impl NamedTensors {
    /// The trunk from the flat `weights` (see `Layout`), without the projections.
    pub fn of(layout: &Layout, weights: &[f32]) -> Self {
        let mut tensors = BTreeMap::new();
        for unit in layout.trunk() {
            let (weight, rest) = weights[unit.start..].split_at(unit.weight_len());
            let shape = vec![unit.output, unit.input, unit.kernel, unit.kernel];
            tensors.insert(format!("{}.weight", unit.name), (shape, weight.to_vec()));
            let bias = rest[..unit.output].to_vec();
            tensors.insert(format!("{}.bias", unit.name), (vec![unit.output], bias));
        }
        Self { tensors, origin: "the trained network".into() }
    }

    /// Reads a safetensors file of 16- or 32-bit floats; tensors of other types are skipped.
    ///
    /// # Errors
    /// The file cannot be read or is not safetensors.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
        Self::parse(&bytes, path)
    }

    /// Reads safetensors from memory; `path` is for messages.
    ///
    /// # Errors
    /// The bytes are not safetensors.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| {
            Error::weights(
                path,
                format!("not a safetensors file ({e}); convert it with `aand weights convert`"),
            )
        })?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            let data = view.data();
            let pairs = || data.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]]));
            let values: Vec<f32> = match view.dtype() {
                Dtype::F32 => {
                    data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
                }
                Dtype::F16 => pairs().map(|b| f16::from_bits(b).to_f32()).collect(),
                Dtype::BF16 => pairs().map(|b| bf16::from_bits(b).to_f32()).collect(),
                _ => continue,
            };
            tensors.insert(name.to_owned(), (view.shape().to_vec(), values));
        }
        Ok(Self { tensors, origin: path.to_path_buf() })
    }

    /// Writes 16-bit floats, to a temporary file that is then renamed.
    ///
    /// # Errors
    /// A weight does not fit 16 bits (nothing is written), or the file cannot be written.
    pub fn write_f16(&self, path: &Path) -> Result<()> {
        let mut all = Vec::with_capacity(self.tensors.len());
        for (name, (shape, values)) in &self.tensors {
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

    /// Every value rounded to 16 bits and back.
    pub fn rounded(&self) -> Self {
        let round = |values: &Vec<f32>| values.iter().map(|v| f16::from_f32(*v).to_f32()).collect();
        let tensors = self.tensors.iter().map(|(k, (s, v))| (k.clone(), (s.clone(), round(v))));
        Self { tensors: tensors.collect(), origin: self.origin.clone() }
    }
}

impl TensorSource for NamedTensors {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        match self.tensors.get(name) {
            Some((found, values)) if found == shape => Ok(values.clone()),
            Some((found, _)) => {
                let reason = format!("{name} has shape {found:?}, not {shape:?}; is this another network?");
                Err(Error::weights(&self.origin, reason))
            }
            None => Err(Error::weights(&self.origin, format!("has no {name}; is this another network?"))),
        }
    }

    fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }
}
