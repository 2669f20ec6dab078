//! Chooses a teacher from the flags given.

use super::{Backbone, Teacher};
use crate::weights::{TensorFile, refuse_left_over};
use crate::{Error, Result};
use burn::tensor::Device;
use std::path::Path;

impl Backbone {
    /// The network whose tensors a weight file holds.
    ///
    /// # Errors
    /// It has none of the networks that this program knows, or a larger or differently built relative of one.
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
        let found = found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            Error::weights(
                file.path(),
                format!(
                    "not the weights of a known backbone ({known}); convert or fetch them with `aand weights`"
                ),
            )
        })?;
        let convolutions = found.convolutions();
        refuse_left_over(file, convolutions.iter().map(String::as_str), found.name())?;
        Ok(found)
    }
}

impl Teacher {
    /// The teacher of a training, and its origin in words: the weight file if one is given; the embedded
    /// teacher if neither a file nor another backbone is given; otherwise the official weights from the
    /// cache.
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
                "these are weights of {found}, not of {asked}; give `backbone {found}`, or other weights"
            );
            return Err(Error::weights(path, reason));
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok((Self::load(found, &file, device)?, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::Dtype;
    use safetensors::tensor::TensorView;

    /// The trunk of a backbone under torchvision's names, all zeros, with `prefix` before every name and
    /// `more` tensors.
    fn file(backbone: Backbone, prefix: &str, more: &[&str]) -> Result<TensorFile> {
        let bytes = vec![0; 4 * 1024 * 1024];
        let mut shapes: Vec<(String, Vec<usize>)> = Vec::new();
        for name in backbone.convolutions() {
            // Only the tensors that identify the backbone have their true width.
            let width = match name.as_str() {
                "conv1" => backbone.stem(),
                "layer1.0.conv1" => backbone.inner()[0],
                _ => 1,
            };
            shapes.push((format!("{name}.weight"), vec![width, 1, 1, 1]));
            let norm = crate::weights::norm_of(&name).unwrap();
            let parts = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
            shapes.extend(parts.map(|part| (format!("{norm}.{part}"), vec![width])));
        }
        shapes.extend(more.iter().map(|name| (name.to_string(), vec![1])));
        let views = shapes.iter().map(|(name, shape)| {
            let length = 4 * shape.iter().product::<usize>();
            let view = TensorView::new(Dtype::F32, shape.clone(), &bytes[..length]).unwrap();
            (format!("{prefix}{name}"), view)
        });
        let file = safetensors::serialize(views, None).unwrap();
        TensorFile::from_safetensors_bytes(&file, Path::new("net.safetensors"))
    }

    #[test]
    fn each_backbone_is_known_by_its_tensors_whatever_is_before_their_names() {
        for backbone in Backbone::ALL {
            for prefix in ["", "module.", "backbone.", "state_dict.model."] {
                // Tensors beyond the trunk do not count.
                let more = ["fc.weight", "layer4.0.conv1.weight"];
                assert_eq!(Backbone::of(&file(backbone, prefix, &more).unwrap()).unwrap(), backbone);
            }
        }
    }

    #[test]
    fn a_larger_or_otherwise_built_relative_is_refused() {
        for (backbone, more) in [
            // ResNet-101 and Wide ResNet-101-2 have 23 blocks in layer 3.
            (Backbone::Resnet50, "layer3.6.conv1.weight"),
            (Backbone::WideResnet50_2, "layer3.22.conv3.weight"),
            (Backbone::Resnet34, "layer2.4.conv1.weight"),
            // Squeeze-and-excitation, antialiasing, a deeper stem.
            (Backbone::Resnet18, "layer1.0.se.fc1.weight"),
            (Backbone::Resnet50, "layer2.0.conv2.filt"),
            (Backbone::Resnet50, "conv2.weight"),
        ] {
            let message = Backbone::of(&file(backbone, "", &[more]).unwrap()).unwrap_err().to_string();
            assert!(message.contains(more) && message.contains(backbone.name()), "{message}");
        }
    }
}
