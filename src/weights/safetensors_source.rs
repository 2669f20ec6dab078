//! The `.safetensors` format: a JSON header with the position of every tensor, then the numbers.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::element::Element;
use super::tensor_file::{Data, Stored};
use crate::error::{Error, Result};

/// The header's length comes first, as a little-endian `u64`.
const LENGTH_BYTES: usize = 8;

/// The longest header that the format allows.
const LONGEST_HEADER: u64 = 100_000_000;

/// Whether a file that begins with `head` has this format.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn looks_like(head: &[u8]) -> bool {
    head.first_chunk().is_some_and(|length| u64::from_le_bytes(*length) <= LONGEST_HEADER)
        && head.get(LENGTH_BYTES) == Some(&b'{')
}

/// The tensors of a file of this format.
///
/// The header is read without the crate's own check of the file's length, which does not say which tensor is
/// truncated.
pub(super) fn read(bytes: &[u8], name: &Path) -> Result<BTreeMap<String, Stored>> {
    let damaged = |reason: String| Error::weights(name, reason);
    let length = bytes
        .first_chunk()
        .map(|length| u64::from_le_bytes(*length))
        .ok_or_else(|| damaged("too short for a safetensors file; fetch it again".into()))?;
    if length > LONGEST_HEADER {
        return Err(damaged("not a safetensors file; give one, or a torchvision .pth".into()));
    }
    let start = LENGTH_BYTES + length as usize;
    let header = bytes
        .get(LENGTH_BYTES..start)
        .ok_or_else(|| damaged("truncated inside its header; fetch it again".into()))?;
    let header: Metadata = serde_json::from_slice(header)
        .map_err(|e| damaged(format!("not a readable safetensors header: {e}; fetch the file again")))?;

    let mut tensors = BTreeMap::new();
    // In the order of the file, so that the first truncated tensor is named.
    for key in header.offset_keys() {
        let Some(info) = header.info(&key) else { continue };
        let (from, to) = info.data_offsets;
        if start + to > bytes.len() {
            return Err(damaged(format!(
                "tensor '{key}' is truncated: it ends at byte {} of a file of {}; fetch the file again",
                start + to,
                bytes.len()
            )));
        }
        let element = match info.dtype {
            Dtype::F16 => Element::F16,
            Dtype::BF16 => Element::Bf16,
            Dtype::F32 => Element::F32,
            Dtype::F64 => Element::F64,
            other => Element::Other(format!("{other:?}")),
        };
        let data = Data::Held(start + from..start + to);
        tensors.insert(key, Stored { element, shape: info.shape.clone(), data });
    }
    let surplus = bytes.len() - start - header.data_len();
    if surplus > 0 {
        return Err(damaged(format!("{surplus} bytes more than its header describes; fetch the file again")));
    }
    Ok(tensors)
}
