//! A teacher's weight file for tests that need real shapes but no trained weights.

use super::{Backbone, Teacher};
use burn::tensor::{Device, TensorData};
use safetensors::tensor::{Dtype, TensorView};
use std::path::{Path, PathBuf};

/// Writes a random network with folded normalizations into `folder`, under torchvision's names.
pub fn write(backbone: Backbone, folder: &Path) -> PathBuf {
    let teacher = Teacher::random(backbone, 5, &Device::flex()).unwrap();
    let mut tensors = Vec::new();
    let mut add = |name: String, data: TensorData| {
        let bytes: Vec<u8> = data.iter::<f32>().flat_map(f32::to_le_bytes).collect();
        tensors.push((name, data.shape().to_vec(), bytes));
    };
    for (name, weight, bias) in teacher.weights() {
        add(format!("{name}.weight"), weight.into_data());
        add(format!("{name}.bias"), bias.into_data());
    }
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    let path = folder.join(format!("{backbone}.safetensors"));
    safetensors::serialize_to_file(views, None, &path).unwrap();
    path
}
