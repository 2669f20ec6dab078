//! The embedded teacher: a compact trunk that ships with the program (docs/teacher.md).

use super::{Backbone, Teacher};
use crate::Result;
use crate::weights::TensorFile;
use burn::tensor::Device;
use std::path::Path;

/// The weights, f16, batch normalisation folded in; made by `aand pretrain`.
pub const EMBEDDED: &[u8] = include_bytes!("embedded.safetensors");

impl Teacher {
    /// The compact teacher that needs no file.
    ///
    /// # Errors
    /// None, unless the program itself is damaged.
    pub fn embedded(device: &Device) -> Result<Self> {
        let file = TensorFile::from_safetensors_bytes(EMBEDDED, Path::new("the embedded teacher"))?;
        Self::load(Backbone::Compact, &file, device)
    }
}
