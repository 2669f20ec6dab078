//! Model files in stored form: assembled from tensors, and made small.
//!
//! A tensor `[n, …]` in 8 bits has a scale for each of its `n` rows, stored beside it as `NAME.scale`, and
//! `value = scale[row] byte`. The largest magnitude of a row has the byte 127, so the error is at most 1/254 of
//! that magnitude.

use super::file::{KEY, header, numbers, usable};
use super::{FORMAT_WITH_FORM, Form, Info, Kept, Score};
use crate::teacher::{Backbone, EMBEDDED_SHA256};
use crate::{Error, Result};
use half::f16;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::path::Path;

/// The ending of the name of a tensor's scales.
pub(super) const SCALE: &str = ".scale";

/// A tensor in its stored form.
#[derive(Clone, Debug)]
pub struct StoredTensor {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// The number type in which it is stored.
    pub kind: Dtype,
    /// The numbers, little-endian.
    pub bytes: Vec<u8>,
}

impl StoredTensor {
    /// Numbers stored as f16.
    pub fn half(name: String, shape: Vec<usize>, values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect();
        Self { name, shape, kind: Dtype::F16, bytes }
    }
}

/// The bytes of a model file with these tensors and kept pictures.
///
/// # Errors
/// A tensor's bytes do not fit its shape, or a picture cannot be encoded.
pub fn assemble(info: &Info, tensors: &[StoredTensor], kept: &Kept) -> Result<Vec<u8>> {
    let failed = |e: &dyn std::fmt::Display| Error::Setting(format!("cannot encode the model: {e}"));
    let mut views = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let view = TensorView::new(tensor.kind, tensor.shape.clone(), &tensor.bytes);
        views.push((tensor.name.as_str(), view.map_err(|e| failed(&e))?));
    }
    let kept = kept.parts()?;
    for (name, kind, shape, bytes) in &kept {
        views.push((*name, TensorView::new(*kind, shape.clone(), bytes).map_err(|e| failed(&e))?));
    }
    let header = serde_json::to_string(info).map_err(|e| failed(&e))?;
    safetensors::serialize(views, Some([(KEY.to_owned(), header)].into())).map_err(|e| failed(&e))
}

/// The same model in a small file: weights of amplifier and student in 8 bits, and only the hash of the embedded
/// teacher. Scores change by less than 1 %; everything else stays the same, to the bit.
///
/// # Errors
/// The bytes are not a model, have impossible numbers, or are a nearest-neighbor detector, which is small already.
pub fn eight_bit(bytes: &[u8], name: &Path) -> Result<Vec<u8>> {
    let info = header(bytes, name)?;
    if info.score == Score::Nearest {
        return Err(Error::model(name, "is an instant detector, which is small already"));
    }
    if info.form.eight_bit {
        return Err(Error::model(name, "has 8 bits already"));
    }
    let failed = |e: &dyn std::fmt::Display| Error::model(name, format!("cannot be written anew: {e}"));
    let file = SafeTensors::deserialize(bytes).map_err(|e| failed(&e))?;
    let embedded = info.backbone == Backbone::Compact && has_embedded_teacher(&file);
    let mut tensors = Vec::new();
    for (tensor, view) in file.tensors() {
        if embedded && tensor.starts_with("teacher.") {
            continue;
        }
        let weights = ["amplifier.", "student."].iter().any(|part| tensor.starts_with(part));
        // Only numbers are checked here; a missing or misshapen tensor is found when the model is loaded.
        let values = match weights || matches!(view.dtype(), Dtype::F32 | Dtype::F16) {
            true => numbers(view.dtype(), view.data(), &tensor).map_err(|e| Error::model(name, e))?,
            // Kept pictures are not numbers.
            false => Vec::new(),
        };
        if !weights || view.shape().len() < 2 {
            let (shape, kind, bytes) = (view.shape().to_vec(), view.dtype(), view.data().to_vec());
            tensors.push(StoredTensor { name: tensor, shape, kind, bytes });
            continue;
        }
        let rows = view.shape()[0];
        let (bytes, scales) = rounded(&values, rows);
        let scale = format!("{tensor}{SCALE}");
        tensors.push(StoredTensor { name: tensor, shape: view.shape().to_vec(), kind: Dtype::I8, bytes });
        let bytes = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
        tensors.push(StoredTensor { name: scale, shape: vec![rows], kind: Dtype::F32, bytes });
    }
    let teacher = embedded.then(|| EMBEDDED_SHA256.to_owned());
    let form = Form { items: None, eight_bit: true, teacher };
    assemble(&Info { format_version: FORMAT_WITH_FORM, form, ..info }, &tensors, &Kept::default())
}

/// Bytes and scales of `values`, which have `rows` rows.
fn rounded(values: &[f32], rows: usize) -> (Vec<u8>, Vec<f32>) {
    let row = values.len() / rows.max(1);
    let scales: Vec<f32> = values
        .chunks(row.max(1))
        .map(|row| row.iter().fold(0.0f32, |most, value| most.max(value.abs())) / 127.0)
        .collect();
    let bytes = values.chunks(row.max(1)).zip(&scales).flat_map(|(row, &scale)| {
        let byte = move |value: &f32| if scale > 0.0 { (value / scale).round() as i8 as u8 } else { 0 };
        row.iter().map(byte)
    });
    (bytes.collect(), scales)
}

/// The numbers of the tensor `name` from its bytes and its rows' scales, or what is wrong with them.
pub(super) fn restored(bytes: &[u8], scales: &[f32], name: &str) -> std::result::Result<Vec<f32>, String> {
    let row = bytes.len() / scales.len().max(1);
    let value = |(i, &byte): (usize, &u8)| f32::from(byte as i8) * scales[i / row.max(1)];
    usable(name, bytes.iter().enumerate().map(value).collect())
}

/// Whether the file's teacher has the numbers of the embedded one. Comparing the stem is enough: any other training
/// changes every weight.
fn has_embedded_teacher(file: &SafeTensors<'_>) -> bool {
    let Some(own) = crate::teacher::embedded_bytes() else { return false };
    let (Ok(own), Ok(stem)) = (SafeTensors::deserialize(own), file.tensor("teacher.conv1.weight")) else {
        return false;
    };
    let Ok(own) = own.tensor("conv1.weight") else { return false };
    let values = |view: &TensorView<'_>| numbers(view.dtype(), view.data(), "teacher.conv1.weight").ok();
    own.shape() == stem.shape() && values(&own) == values(&stem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TensorStore;
    use crate::teacher::TensorSource;

    #[test]
    fn each_row_keeps_its_own_precision() {
        let values = [1.0, -0.5, 0.0, 0.002, -0.004, 0.001, 0.0, 0.0, 0.0];
        let (bytes, scales) = rounded(&values, 3);
        assert_eq!(scales.len(), 3);
        let restored = restored(&bytes, &scales, "w").unwrap();
        for (row, (found, right)) in restored.chunks(3).zip(values.chunks(3)).enumerate() {
            let most = right.iter().fold(0.0f32, |m, v| m.max(v.abs()));
            for (found, right) in found.iter().zip(right) {
                assert!((found - right).abs() <= most / 253.0, "row {row}: {found} is not {right}");
            }
        }
    }

    /// A file may be damaged or hostile: products of bytes and scales are checked like any other numbers.
    #[test]
    fn eight_bits_that_are_no_number_or_no_variance_are_refused() {
        let beyond = restored(&[1, 127], &[f32::MAX], "student.w").unwrap_err();
        assert!(beyond.contains("student.w is not finite at element 1"), "{beyond}");
        let negative = restored(&[3, (-3i8) as u8], &[1.0, 1.0], "student.bn.running_var").unwrap_err();
        assert!(negative.contains("negative at element 1"), "{negative}");
        let scale = f32::MAX.to_le_bytes();
        let tensors = [
            ("w", TensorView::new(Dtype::I8, vec![1, 2], &[1, 127]).unwrap()),
            ("w.scale", TensorView::new(Dtype::F32, vec![1], &scale).unwrap()),
        ];
        let bytes = safetensors::serialize(tensors, None).unwrap();
        let store = TensorStore::new(&bytes, Path::new("m.aand")).unwrap();
        let said = store.get("w", &[1, 2]).unwrap_err().to_string();
        assert!(said.starts_with("m.aand: tensor w is not finite at element 1"), "{said}");
    }
}
