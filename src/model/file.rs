//! The `.aand` file: a valid safetensors file whose metadata holds the JSON header under the key `aand`.
//!
//! Tensors: `teacher.*` (torchvision's names, batch normalization folded in), `amplifier.*`, `student.*`, `kept.*`.

use super::info::FORMATS;
use super::kept::{Raw, RawSource};
use super::packed::{SCALE, restored};
use super::{Info, Kept};
use crate::teacher::TensorSource;
use crate::{Error, Result};
use half::f16;
use safetensors::tensor::{Metadata, TensorView};
use safetensors::{Dtype, SafeTensors};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

pub(super) const KEY: &str = "aand";

pub(super) const TRUNCATED: &str = "truncated, or not an aand model; copy or train it again";
pub(super) const NO_MODEL: &str = "not an aand model; make one with `aand train`";

/// The tensors of a safetensors file in memory, f32 or f16.
pub struct TensorStore<'a> {
    name: PathBuf,
    tensors: SafeTensors<'a>,
    /// Whether the teacher's tensors are those of the embedded one.
    embedded: bool,
}

impl<'a> TensorStore<'a> {
    /// Checks the header of `bytes`; `name` is for messages.
    ///
    /// # Errors
    /// The bytes are not a safetensors file, or a truncated one.
    pub fn new(bytes: &'a [u8], name: &Path) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| not_a_model(name, &e))?;
        // A file that is not a model has no teacher either.
        let embedded = header(bytes, name).is_ok_and(|info| info.form.teacher.is_some());
        Ok(Self { name: name.into(), tensors, embedded })
    }

    /// Whether there is a tensor of that name and shape; nothing is read.
    #[cfg(feature = "burn")]
    pub(super) fn check(&self, name: &str, shape: &[usize]) -> Result<()> {
        let tensor = self.tensors.tensor(name).map_err(|_| missing(&self.name, name))?;
        check_shape(&self.name, name, tensor.shape(), shape)
    }
}

/// The tensors of a store whose names begin with a prefix, without it.
#[cfg(feature = "burn")]
pub(super) struct Under<'a>(pub &'a TensorStore<'a>, pub &'static str);

#[cfg(feature = "burn")]
impl TensorSource for Under<'_> {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        self.0.get(&format!("{}{name}", self.1), shape)
    }

    fn contains(&self, name: &str) -> bool {
        self.0.contains(&format!("{}{name}", self.1))
    }

    fn refused(&self, reason: String) -> Error {
        self.0.refused(reason)
    }
}

impl TensorSource for TensorStore<'_> {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        values(self, (&self.name, self.embedded), name, shape)
    }

    fn refused(&self, reason: String) -> Error {
        Error::model(&self.name, reason)
    }

    fn contains(&self, name: &str) -> bool {
        self.tensors.tensor(name).is_ok() || is_left_out(self.embedded, name)
    }
}

impl<'a> RawSource for TensorStore<'a> {
    fn raw(&self, name: &str) -> Result<Option<Raw<'_>>> {
        let raw = |tensor: TensorView<'a>| Raw {
            kind: tensor.dtype(),
            shape: tensor.shape().to_vec(),
            bytes: Cow::Borrowed(tensor.data()),
        };
        Ok(self.tensors.tensor(name).ok().map(raw))
    }
}

/// The numbers of the tensor `name`, however the model file stores them; `embedded` says whether the file relies on the
/// program's embedded teacher.
pub(super) fn values(
    source: &dyn RawSource,
    (model, embedded): (&Path, bool),
    name: &str,
    shape: &[usize],
) -> Result<Vec<f32>> {
    if is_left_out(embedded, name) {
        return of_embedded(model, name, shape);
    }
    let stored = |name: &str, shape: &[usize]| {
        let tensor = source.raw(name)?.ok_or_else(|| missing(model, name))?;
        check_shape(model, name, &tensor.shape, shape).map(|()| tensor)
    };
    let tensor = stored(name, shape)?;
    let values = match tensor.kind {
        Dtype::I8 => {
            let scale = format!("{name}{SCALE}");
            let scales = stored(&scale, &[shape.first().copied().unwrap_or(1)])?;
            numbers(scales.kind, &scales.bytes, &scale)
                .and_then(|scales| restored(&tensor.bytes, &scales, name))
        }
        kind => numbers(kind, &tensor.bytes, name),
    };
    values.map_err(|reason| Error::model(model, reason))
}

fn missing(file: &Path, tensor: &str) -> Error {
    Error::model(file, format!("has no tensor {tensor}; make the model anew with `aand train`"))
}

pub(super) fn check_shape(file: &Path, tensor: &str, found: &[usize], expected: &[usize]) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let reason = format!("tensor {tensor} has shape {found:?}, expected {expected:?}; wrong backbone?");
    Err(Error::model(file, reason))
}

/// The numbers of the tensor `name` from its bytes, or what is wrong with them.
///
/// With a number that is not finite, or a variance below zero, a GPU would give an ordinary-looking score:
/// its ReLU, a maximum, may turn NaN into 0.
pub(super) fn numbers(kind: Dtype, bytes: &[u8], name: &str) -> std::result::Result<Vec<f32>, String> {
    let values: Vec<f32> = match kind {
        Dtype::F32 => bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        Dtype::F16 => bytes.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b).to_f32()).collect(),
        other => {
            return Err(format!("tensor {name} is {other:?}, not F32, F16, or I8 with scales beside it"));
        }
    };
    usable(name, values)
}

/// The values of the tensor `name`, or what makes them unusable and what to do.
pub(super) fn usable(name: &str, values: Vec<f32>) -> std::result::Result<Vec<f32>, String> {
    match unusable(name, &values) {
        Some(reason) => Err(format!("{reason}; train or copy the model again")),
        None => Ok(values),
    }
}

/// What makes the values of the tensor `name` unusable, if anything does.
pub(crate) fn unusable(name: &str, values: &[f32]) -> Option<String> {
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return Some(format!("tensor {name} is not finite at element {at}"));
    }
    let at = values.iter().position(|&value| value < 0.0).filter(|_| name.ends_with("running_var"))?;
    Some(format!("tensor {name}, a variance, is negative at element {at}"))
}

/// The JSON header alone; `name` is for messages.
///
/// # Errors
/// The bytes are not a model, are truncated, or of another version.
pub fn header(bytes: &[u8], name: &Path) -> Result<Info> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| not_a_model(name, &e))?;
    info(&metadata, name)
}

/// The good pictures that the model file `bytes` keeps, and the usual embeddings; empty for older files, or if none
/// were asked for. `name` is for messages.
///
/// # Errors
/// As [`header`], or the kept pictures are damaged.
pub fn kept(bytes: &[u8], name: &Path) -> Result<Kept> {
    let info = header(bytes, name)?;
    Kept::read(&TensorStore::new(bytes, name)?, &info, name)
}

/// The bytes of a model file with another header; every tensor stays the same, to the bit.
///
/// # Errors
/// The bytes are not a model, or the header cannot be written.
pub fn with_info(bytes: &[u8], info: &Info, name: &Path) -> Result<Vec<u8>> {
    header(bytes, name)?;
    let failed = |e: &dyn std::fmt::Display| Error::model(name, format!("cannot be written anew: {e}"));
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| not_a_model(name, &e))?;
    let header = serde_json::to_string(info).map_err(|e| failed(&e))?;
    safetensors::serialize(tensors.iter(), Some([(KEY.to_owned(), header)].into())).map_err(|e| failed(&e))
}

/// The JSON header in a file's metadata.
pub(super) fn info(metadata: &Metadata, name: &Path) -> Result<Info> {
    let header = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).ok_or_else(|| {
        Error::model(name, "a safetensors file, but not an aand model; make one with `aand train`")
    })?;
    let damaged = |e| Error::model(name, format!("its header is damaged ({e}); train or copy it again"));
    let json: serde_json::Value = serde_json::from_str(header).map_err(damaged)?;
    let version = json.get("format_version").and_then(serde_json::Value::as_u64);
    if !version.is_some_and(|v| u32::try_from(v).is_ok_and(|v| FORMATS.contains(&v))) {
        let found = version.map_or("unknown".into(), |v| v.to_string());
        let reason = format!(
            "model format {found}, this program reads formats {} to {}; use a matching aand, or train again",
            FORMATS.start(),
            FORMATS.end()
        );
        return Err(Error::model(name, reason));
    }
    let info: Info = serde_json::from_value(json).map_err(damaged)?;
    match info.impossible() {
        Some(what) => {
            Err(Error::model(name, format!("its header is damaged ({what}); train or copy it again")))
        }
        None => match info.form.other_teacher() {
            Some(reason) => Err(Error::model(name, reason)),
            None => Ok(info),
        },
    }
}

/// The tensor `name` of the embedded teacher, for a model whose file leaves its teacher out.
///
/// # Errors
/// There is no such tensor, or this program has no teacher yet (in a browser it is fetched separately).
fn of_embedded(model: &Path, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    let Some(own) = name.strip_prefix("teacher.") else { return Err(missing(model, name)) };
    let bytes = crate::teacher::embedded_bytes().ok_or_else(|| {
        Error::model(model, "takes its teacher from the program, and it is not here; reload the page")
    })?;
    let file = SafeTensors::deserialize(bytes).map_err(|e| not_a_model(model, &e))?;
    let tensor = file.tensor(own).map_err(|_| missing(model, name))?;
    check_shape(model, name, tensor.shape(), shape)?;
    numbers(tensor.dtype(), tensor.data(), name).map_err(|reason| Error::model(model, reason))
}

/// The embedded teacher's tensors, under the names `teacher.*` of a model file.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedTeacher;

impl TensorSource for EmbeddedTeacher {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        of_embedded(Path::new("the embedded teacher"), name, shape)
    }

    fn contains(&self, name: &str) -> bool {
        name.starts_with("teacher.")
    }
}

/// Whether a tensor missing from a file belongs to the embedded teacher.
pub(super) fn is_left_out(names_teacher: bool, name: &str) -> bool {
    names_teacher && name.starts_with("teacher.")
}

fn not_a_model(name: &Path, error: &safetensors::SafeTensorError) -> Error {
    use safetensors::SafeTensorError::*;
    let reason = match error {
        MetadataIncompleteBuffer | HeaderTooSmall | InvalidHeaderLength => TRUNCATED,
        _ => NO_MODEL,
    };
    Error::model(name, reason)
}

/// Whether a file that begins with `head` is a model, of any version.
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
