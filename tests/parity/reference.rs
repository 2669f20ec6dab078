//! The reference files, and comparison within a tolerance.

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};
use std::path::PathBuf;

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", name].iter().collect()
}

/// One reference file.
pub struct Reference(Vec<u8>);

impl Reference {
    /// Reads `tests/fixtures/{name}.safetensors`.
    pub fn open(name: &str) -> Self {
        let path = fixture(&format!("{name}.safetensors"));
        Self(std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    fn raw<T>(&self, name: &str, dtype: Dtype, read: impl Fn(&[u8]) -> T) -> (Vec<usize>, Vec<T>) {
        let tensors = SafeTensors::deserialize(&self.0).unwrap();
        let view = tensors.tensor(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(view.dtype(), dtype, "{name}");
        let length = dtype.bitsize() / 8;
        (view.shape().to_vec(), view.data().chunks_exact(length).map(read).collect())
    }

    /// Shape and values of an f32 tensor.
    pub fn shaped(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        self.raw(name, Dtype::F32, |b| f32::from_le_bytes(b.try_into().unwrap()))
    }

    /// Values of an f32 tensor.
    pub fn values(&self, name: &str) -> Vec<f32> {
        self.shaped(name).1
    }

    /// Values of an f64 tensor.
    pub fn doubles(&self, name: &str) -> Vec<f64> {
        self.raw(name, Dtype::F64, |b| f64::from_le_bytes(b.try_into().unwrap())).1
    }

    /// Values of an i64 tensor.
    pub fn integers(&self, name: &str) -> Vec<i64> {
        self.raw(name, Dtype::I64, |b| i64::from_le_bytes(b.try_into().unwrap())).1
    }

    /// Values of a 0/1 tensor.
    pub fn flags(&self, name: &str) -> Vec<bool> {
        self.raw(name, Dtype::U8, |b| b[0] > 0).1
    }

    /// An f32 tensor as a tensor on `device`.
    pub fn tensor<const D: usize>(&self, name: &str, device: &Device) -> Tensor<D> {
        let (shape, values) = self.shaped(name);
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// Asserts that `ours` is `name` to within `tolerance`, element by element.
    pub fn check<const D: usize>(&self, name: &str, ours: Tensor<D>, tolerance: f64) {
        self.check_values(name, &read(ours), tolerance);
    }

    /// As [`Self::check`], for values already on the host.
    pub fn check_values(&self, name: &str, ours: &[f32], tolerance: f64) {
        close(name, ours, &self.values(name), tolerance);
    }
}

/// A tensor's values.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().unwrap()
}

/// Asserts that `ours` is `expected` to within `tolerance`, element by element, and prints the largest error.
pub fn close(name: &str, ours: &[f32], expected: &[f32], tolerance: f64) {
    assert_eq!(ours.len(), expected.len(), "{name}: length");
    let error = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).abs();
    within(name, ours.iter().zip(expected).map(error), tolerance);
}

/// Asserts that the largest of `errors` is within `tolerance`, and prints it.
pub fn within(name: &str, errors: impl IntoIterator<Item = f64>, tolerance: f64) {
    // A NaN must not pass: `f64::max` would drop it.
    let largest = errors.into_iter().fold(0.0, |a, b| if b.is_nan() || b > a { b } else { a });
    println!("{name}: error {largest:.1e}, tolerance {tolerance:.0e}");
    assert!(largest <= tolerance, "{name}: error {largest:e} exceeds {tolerance:e}");
}

/// `|a - b|_2 / |b|_2`.
pub fn relative_l2(ours: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(ours.len(), expected.len());
    let difference: Vec<f32> = ours.iter().zip(expected).map(|(a, b)| a - b).collect();
    norm(&difference) / norm(expected)
}

/// L2 norm, the squares summed in f64.
pub fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}

#[test]
#[should_panic(expected = "exceeds")]
fn a_number_that_is_not_one_is_out_of_tolerance() {
    within("not a number", [0.0, f64::NAN, 0.0], 1.0);
}
