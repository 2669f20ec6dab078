//! Reads safetensors; also tests the errors that all formats share.

use std::path::Path;

use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::TensorFile;

/// A file with four floats of each type, and a tensor of integers.
fn sample() -> Vec<u8> {
    let numbers = [1.5_f64, -0.25, 1024.0, 0.1];
    let bytes = |f: &dyn Fn(f64) -> Vec<u8>| numbers.iter().flat_map(|&n| f(n)).collect::<Vec<u8>>();
    let data = [
        ("double", Dtype::F64, bytes(&|n| n.to_le_bytes().into())),
        ("single", Dtype::F32, bytes(&|n| (n as f32).to_le_bytes().into())),
        ("half", Dtype::F16, bytes(&|n| f16::from_f64(n).to_le_bytes().into())),
        ("brain", Dtype::BF16, bytes(&|n| bf16::from_f64(n).to_le_bytes().into())),
        ("integers", Dtype::I64, bytes(&|n| (n as i64).to_le_bytes().into())),
    ];
    let views = data.iter().map(|(name, dtype, b)| (*name, TensorView::new(*dtype, vec![2, 2], b).unwrap()));
    safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap()
}

fn open(bytes: &[u8]) -> crate::Result<TensorFile> {
    TensorFile::from_safetensors_bytes(bytes, Path::new("sample.safetensors"))
}

#[test]
fn every_kind_of_float_is_read() {
    let file = open(&sample()).unwrap();
    for (name, tenth) in [
        ("double", 0.1),
        ("single", f64::from(0.1_f32)),
        ("half", f16::from_f32(0.1).to_f64()),
        ("brain", bf16::from_f32(0.1).to_f64()),
    ] {
        assert_eq!(file.get_f64(name, &[2, 2]).unwrap(), [1.5, -0.25, 1024.0, tenth], "{name}");
        assert_eq!(file.get(name, &[2, 2]).unwrap(), [1.5, -0.25, 1024.0, tenth as f32], "{name}");
    }
}

#[test]
fn a_tensor_that_is_missing_or_otherwise_shaped_or_no_float_is_named() {
    let file = open(&sample()).unwrap();
    let error = |name: &str, shape: &[usize]| file.get(name, shape).unwrap_err().to_string();
    assert_eq!(
        error("layer3.5.conv1.weight", &[1]),
        "sample.safetensors: tensor 'layer3.5.conv1.weight' is missing among the 5 in this file; these seem to be \
         the weights of another backbone: choose it with `backbone`, or give another file"
    );
    let message = error("single", &[4]);
    assert!(message.contains("tensor 'single' has shape [2, 2] where [4] is expected"), "{message}");
    assert!(error("integers", &[2, 2]).contains("tensor 'integers' holds I64"));
    assert!(file.contains("integers") && !file.contains("other"));
    assert!(file.shape("other").is_err());
}

#[test]
fn a_file_cut_off_anywhere_is_an_error_that_names_the_tensor_it_cuts() {
    let whole = sample();
    for length in 0..whole.len() {
        assert!(open(&whole[..length]).is_err(), "{length} bytes pass for a whole file");
    }
    // The narrowest types come last in the file.
    let message = open(&whole[..whole.len() - 1]).unwrap_err().to_string();
    let expected = format!("ends at byte {} of a file of {}", whole.len(), whole.len() - 1);
    assert!(message.contains("' is truncated") && message.contains(&expected), "{message}");
    assert!(message.contains("'half'") || message.contains("'brain'"), "{message}");

    let mut surplus = whole;
    surplus.extend([0; 3]);
    assert!(open(&surplus).unwrap_err().to_string().contains("3 bytes more than its header"));
}

#[test]
fn a_header_that_lies_is_an_error() {
    let mut bytes = u64::MAX.to_le_bytes().to_vec();
    bytes.extend(b"{}");
    assert!(open(&bytes).is_err());
    for header in [
        r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[18446744073709551615,4],"data_offsets":[0,4]}}"#,
        r#"{"a":"#,
    ] {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend([0; 8]);
        assert!(open(&bytes).is_err(), "{header}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_found() {
    let bytes: Vec<u8> = [1.0, f32::NAN].iter().flat_map(|n| n.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, vec![2], &bytes).unwrap();
    let file = safetensors::serialize([("bad", view)], None).unwrap();
    let message = open(&file).unwrap().get("bad", &[2]).unwrap_err().to_string();
    assert!(message.contains("tensor 'bad' is not finite at element 1"), "{message}");
}

#[test]
fn a_missing_file_is_told_with_its_path() {
    let message = TensorFile::open(Path::new("/nowhere/a.pth")).unwrap_err().to_string();
    assert!(message.starts_with("/nowhere/a.pth: ") && message.contains("check the path"), "{message}");
}
