//! Choosing a teacher from the flags given.

use super::{Backbone, Teacher};
use crate::weights::TensorFile;
use crate::{Error, Result};
use burn::tensor::Device;
use std::path::Path;

impl Backbone {
    /// The network whose tensors a weight file holds.
    ///
    /// # Errors
    /// It holds none of those this program knows.
    pub fn of(file: &TensorFile) -> Result<Self> {
        let width = |name: &str| file.shape(name).ok().and_then(|s| s.first().copied());
        let deep = file.contains("layer1.2.conv1.weight");
        let found = match (width("conv1.weight"), width("layer1.0.conv1.weight")) {
            _ if file.contains("layer1.0.conv3.weight") => match width("layer1.0.conv1.weight") {
                Some(64) => Some(Self::Resnet50),
                Some(128) => Some(Self::WideResnet50_2),
                _ => None,
            },
            (Some(32), Some(64)) if !deep => Some(Self::Compact),
            (Some(64), Some(64)) if deep => Some(Self::Resnet34),
            (Some(64), Some(64)) => Some(Self::Resnet18),
            _ => None,
        };
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::weights(
                file.path(),
                format!(
                    "not the weights of a known backbone ({known}); convert or fetch them with `aand weights`"
                ),
            )
        })
    }
}

impl Teacher {
    /// The teacher of a training, and in words where it came from: the weight file if one is given, the
    /// embedded teacher if neither file nor another backbone is, else the official weights from the cache.
    ///
    /// # Errors
    /// The file is unusable or of another backbone, or official weights have not been fetched.
    pub fn resolve(
        backbone: Option<Backbone>,
        weights: Option<&Path>,
        device: &Device,
    ) -> Result<(Self, String)> {
        let cached;
        let path = match (weights, backbone.unwrap_or(Backbone::Compact)) {
            (Some(path), _) => path,
            (None, Backbone::Compact) => {
                return Ok((Self::embedded(device)?, "the embedded teacher".into()));
            }
            (None, other) => {
                cached = crate::weights::cached(other.name())
                    .ok_or_else(|| crate::weights::needs(other.name()))?;
                &cached
            }
        };
        let file = TensorFile::open(path)?;
        let found = Backbone::of(&file)?;
        if let Some(asked) = backbone.filter(|&asked| asked != found) {
            let reason = format!(
                "these are weights of {found}, not of {asked}; give --backbone {found}, or other weights"
            );
            return Err(Error::weights(path, reason));
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok((Self::load(found, &file, device)?, name))
    }
}
