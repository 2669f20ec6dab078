//! The `.aand` file: a valid safetensors file whose metadata holds the JSON header under the key `aand`.
//!
//! Tensors: `teacher.*` (torchvision's names, batch normalisation folded in), `amplifier.*`, `student.*`.

use super::{FORMAT_VERSION, Info};
use crate::teacher::TensorSource;
use crate::{Error, Result};
use half::f16;
use safetensors::tensor::Metadata;
use safetensors::{Dtype, SafeTensors};
use std::path::{Path, PathBuf};

pub(super) const KEY: &str = "aand";

pub(super) const TRUNCATED: &str = "truncated, or not an aand model; copy or train it again";
pub(super) const NO_MODEL: &str = "not an aand model; make one with `aand train`";

/// The tensors of a safetensors file in memory, f32 or f16.
pub struct TensorStore<'a> {
    name: PathBuf,
    prefix: &'static str,
    tensors: SafeTensors<'a>,
}

impl<'a> TensorStore<'a> {
    /// Checks the header of `bytes`; `name` is for messages.
    ///
    /// # Errors
    /// The bytes are no safetensors file, or a truncated one.
    pub fn new(bytes: &'a [u8], name: &Path) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| not_a_model(name, &e))?;
        Ok(Self { name: name.into(), prefix: "", tensors })
    }

    #[cfg(feature = "burn")]
    pub(super) fn under(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }
}

impl TensorSource for TensorStore<'_> {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let name = format!("{}{name}", self.prefix);
        let tensor = self.tensors.tensor(&name).map_err(|_| missing(&self.name, &name))?;
        check_shape(&self.name, &name, tensor.shape(), shape)?;
        numbers(tensor.dtype(), tensor.data())
            .map_err(|reason| Error::model(&self.name, format!("tensor {name} {reason}")))
    }

    fn contains(&self, name: &str) -> bool {
        self.tensors.tensor(&format!("{}{name}", self.prefix)).is_ok()
    }
}

pub(super) fn missing(file: &Path, tensor: &str) -> Error {
    Error::model(file, format!("has no tensor {tensor}; make the model anew with `aand train`"))
}

pub(super) fn check_shape(file: &Path, tensor: &str, found: &[usize], expected: &[usize]) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let reason = format!("tensor {tensor} has shape {found:?}, expected {expected:?}; wrong backbone?");
    Err(Error::model(file, reason))
}

/// The numbers of a tensor's bytes, or what is wrong with them.
pub(super) fn numbers(kind: Dtype, bytes: &[u8]) -> std::result::Result<Vec<f32>, String> {
    match kind {
        Dtype::F32 => Ok(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        Dtype::F16 => Ok(bytes.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect()),
        other => Err(format!("is {other:?}, not F32 or F16")),
    }
}

/// The JSON header alone; `name` is for messages.
///
/// # Errors
/// The bytes are no model, a truncated one, or one of another version.
pub fn header(bytes: &[u8], name: &Path) -> Result<Info> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| not_a_model(name, &e))?;
    info(&metadata, name)
}

/// The JSON header in a file's metadata.
pub(super) fn info(metadata: &Metadata, name: &Path) -> Result<Info> {
    let header = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or_else(|| {
        Error::model(name, "a safetensors file, but not an aand model; make one with `aand train`")
    })?;
    let damaged = |e| Error::model(name, format!("its header is damaged ({e}); train or copy it again"));
    let json: serde_json::Value = serde_json::from_str(header).map_err(damaged)?;
    let version = json.get("format_version").and_then(serde_json::Value::as_u64);
    if version != Some(u64::from(FORMAT_VERSION)) {
        let found = version.map_or("unknown".into(), |v| v.to_string());
        let reason = format!(
            "model format {found}, this program reads format {FORMAT_VERSION}; use a matching aand, or train again"
        );
        return Err(Error::model(name, reason));
    }
    let info: Info = serde_json::from_value(json).map_err(damaged)?;
    if info.size == 0 || !info.size.is_multiple_of(32) || info.size > 4096 || info.raa.memory_items == 0 {
        return Err(Error::model(name, "its header is damaged (impossible size); train or copy it again"));
    }
    Ok(info)
}

fn not_a_model(name: &Path, error: &safetensors::SafeTensorError) -> Error {
    use safetensors::SafeTensorError::*;
    let reason = match error {
        MetadataIncompleteBuffer | HeaderTooSmall | InvalidHeaderLength => TRUNCATED,
        _ => NO_MODEL,
    };
    Error::model(name, reason)
}

/// Whether a file that begins with `head` is a model, of whatever version.
pub fn is_own_model(head: &[u8]) -> bool {
    let key = format!("\"{KEY}\":");
    head.windows(key.len()).any(|part| part == key.as_bytes())
}

/// Reads a whole file.
///
/// # Errors
/// The file cannot be read; in a browser, always.
#[cfg_attr(
    target_arch = "wasm32",
    expect(clippy::disallowed_methods, reason = "fails in a browser, as it says")
)]
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::io(path, e))
}

/// A browser has no file system: this always fails.
///
/// # Errors
/// Always.
#[cfg(target_arch = "wasm32")]
#[expect(clippy::disallowed_methods, reason = "fails in a browser, as it says")]
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|e| Error::io(path, e))
}
