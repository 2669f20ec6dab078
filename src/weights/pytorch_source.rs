//! PyTorch's `.pth`: a ZIP archive around a pickle, or the older pickle stream and TAR layouts.
//!
//! `pytorch-reader` (part of burn-store) interprets the few calls that rebuild tensors and keeps only the
//! name of any other call: nothing is ever executed. Files with such a call are still refused here, because a
//! weight file does not need one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use burn::store::pytorch_reader::{DType, PickleError, PickleValue, PytorchError, PytorchReader};

use super::crowded_zip::readable_copy;
use super::element::Element;
use super::tensor_file::{Data, Stored};
use crate::error::{Error, Result};

/// Names that a checkpoint may mention besides tensors: types, devices and numbers, none executed.
const HARMLESS: [&str; 4] = ["torch.", "numpy.", "collections.", "int"];

/// The tensors of a `.pth` file, under the file's names.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Stored>> {
    let copy =
        readable_copy(path).map_err(|e| Error::io(path, e))?.map(|copy| Arc::new(copy.into_temp_path()));
    let source = copy.as_ref().map_or(path, |copy| &***copy);
    let tensors = PytorchReader::new(source).map_err(|e| unreadable(path, e))?.into_tensors();
    let contents = PytorchReader::read_pickle_data(source, None).map_err(|e| unreadable(path, e))?;
    if let Some(name) = foreign_call(&contents) {
        return Err(Error::weights(
            path,
            format!(
                "refused, nothing was executed: the pickle mentions `{name}`, which no weight file needs; use \
                 the official file (`aand weights fetch NAME`)"
            ),
        ));
    }
    if tensors.is_empty() {
        return Err(Error::weights(path, "holds no tensors; give a file of network weights"));
    }
    let mut stored = BTreeMap::new();
    for (name, tensor) in tensors {
        let (_, dtype, shape, read) = tensor.into_parts();
        let element = match dtype {
            DType::F16 => Element::F16,
            DType::BF16 => Element::Bf16,
            DType::F32 => Element::F32,
            DType::F64 => Element::F64,
            other => Element::Other(format!("{other:?}")),
        };
        // The copy, if there is one, must exist as long as its tensors.
        let copy = copy.clone();
        let data = Data::OnDisk(Box::new(move || {
            let _kept = &copy;
            read()
        }));
        stored.insert(name, Stored { element, shape, data });
    }
    Ok(stored)
}

fn unreadable(path: &Path, error: PytorchError) -> Error {
    let reason = match error {
        PytorchError::Io(e) if e.raw_os_error().is_some() => return Error::io(path, e),
        PytorchError::InvalidFormat(reason) if reason.starts_with("not a PyTorch checkpoint") => {
            "neither a PyTorch nor a safetensors file; give torchvision weights (`aand weights fetch NAME`)"
                .into()
        }
        PytorchError::InvalidFormat(reason) if reason.contains("root of the PyTorch file") => {
            format!("refused, nothing was executed: {reason}; give a file of network weights")
        }
        PytorchError::Pickle(PickleError::UnsupportedType(name)) => {
            format!("refused, nothing was executed: it needs `{name}`; give a plain file of network weights")
        }
        other => format!("truncated or damaged PyTorch file: {other}; fetch it again"),
    };
    Error::weights(path, reason)
}

/// The first name in the pickle that is neither a tensor's nor harmless.
fn foreign_call(value: &PickleValue) -> Option<String> {
    match value {
        PickleValue::Unsupported(name) => {
            let harmless = HARMLESS.iter().any(|prefix| match prefix.ends_with('.') {
                true => name.starts_with(prefix),
                false => name == prefix,
            });
            (!harmless).then(|| name.clone())
        }
        PickleValue::List(items) => items.iter().find_map(foreign_call),
        // The smallest name, so that the message does not depend on the order of the map.
        PickleValue::Dict(entries) => entries.values().filter_map(foreign_call).min(),
        _ => None,
    }
}

#[cfg(test)]
#[path = "pytorch_tests.rs"]
mod tests;
