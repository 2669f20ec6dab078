//! Conversion of handmade networks, small ones and one of full size.

use std::path::{Path, PathBuf};

use super::{convert, converted_path};
use crate::error::Error;
use crate::weights::test_checkpoint::{Entry, zip_checkpoint};
use crate::weights::{TensorFile, norm_of};

/// Different numbers in (0.1, 1.1).
fn varied(count: usize, phase: f32) -> Vec<f32> {
    (0..count).map(|i| 0.6 + 0.5 * (1.7 * i as f32 + phase).sin()).collect()
}

/// A network with torchvision's names, one convolution per stage, and tensors beyond the trunk.
fn network() -> Vec<Entry> {
    let mut tensors = Vec::new();
    let convolutions = [
        ("conv1", "bn1", vec![3, 2, 3, 3]),
        ("layer1.0.conv1", "layer1.0.bn1", vec![3, 3, 1, 1]),
        ("layer2.0.conv2", "layer2.0.bn2", vec![4, 3, 3, 3]),
        ("layer2.0.downsample.0", "layer2.0.downsample.1", vec![4, 3, 1, 1]),
        ("layer3.0.conv3", "layer3.0.bn3", vec![2, 4, 1, 1]),
        ("layer4.0.conv1", "layer4.0.bn1", vec![2, 2, 1, 1]),
    ];
    for (number, (convolution, norm, shape)) in convolutions.into_iter().enumerate() {
        let phase = number as f32;
        let out = shape[0];
        let count = shape.iter().product();
        tensors.push((format!("{convolution}.weight"), shape, varied(count, phase)));
        for (at, part) in ["weight", "bias", "running_mean", "running_var"].into_iter().enumerate() {
            let numbers = varied(out, phase + 10.0 * (at + 1) as f32);
            tensors.push((format!("{norm}.{part}"), vec![out], numbers));
        }
    }
    tensors.push(("fc.weight".into(), vec![2, 2], varied(4, 0.0)));
    tensors
}

fn saved(dir: &Path, tensors: &[Entry]) -> PathBuf {
    let path = dir.join("net.pth");
    std::fs::write(&path, zip_checkpoint(tensors)).unwrap();
    path
}

#[test]
fn the_trunk_alone_is_kept_and_computes_what_convolution_and_normalization_do() {
    let dir = tempfile::tempdir().unwrap();
    let input = saved(dir.path(), &network());
    let output = dir.path().join("out.safetensors");
    let done = convert(&input, &output, false).unwrap();
    assert_eq!(done.convolutions, 5);
    assert_eq!(done.bytes, std::fs::metadata(&output).unwrap().len());
    let file = TensorFile::open(&output).unwrap();
    assert_eq!(
        file.names().collect::<Vec<_>>(),
        [
            "conv1.bias",
            "conv1.weight",
            "layer1.0.conv1.bias",
            "layer1.0.conv1.weight",
            "layer2.0.conv2.bias",
            "layer2.0.conv2.weight",
            "layer2.0.downsample.0.bias",
            "layer2.0.downsample.0.weight",
            "layer3.0.conv3.bias",
            "layer3.0.conv3.weight"
        ]
    );

    // At one position a convolution is a dot product, here with all ones.
    let source = TensorFile::open(&input).unwrap();
    let shape = [4, 3, 3, 3];
    let before = source.get_f64("layer2.0.conv2.weight", &shape).unwrap();
    let norm = |part: &str| source.get_f64(&format!("layer2.0.bn2.{part}"), &[4]).unwrap();
    let (gamma, beta, mean, variance) =
        (norm("weight"), norm("bias"), norm("running_mean"), norm("running_var"));
    let after = file.get_f64("layer2.0.conv2.weight", &shape).unwrap();
    let bias = file.get_f64("layer2.0.conv2.bias", &[4]).unwrap();
    for out in 0..4 {
        let sum = |weights: &[f64]| weights[27 * out..27 * (out + 1)].iter().sum::<f64>();
        let expected = (sum(&before) - mean[out]) / (variance[out] + 1e-5).sqrt() * gamma[out] + beta[out];
        let found = sum(&after) + bias[out];
        assert!((found - expected).abs() < 1e-5, "channel {out}: {found} for {expected}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_and_a_converted_file_converts_to_itself() {
    let dir = tempfile::tempdir().unwrap();
    let input = saved(dir.path(), &network());
    let [first, second, again] = ["1", "2", "3"].map(|name| dir.path().join(name));
    convert(&input, &first, false).unwrap();
    convert(&input, &second, false).unwrap();
    assert!(std::fs::read(&first).unwrap() == std::fs::read(&second).unwrap());
    convert(&first, &again, false).unwrap();
    let (a, b) = (TensorFile::open(&first).unwrap(), TensorFile::open(&again).unwrap());
    for name in a.names() {
        let shape = a.shape(name).unwrap();
        assert_eq!(a.get(name, shape).unwrap(), b.get(name, shape).unwrap(), "{name}");
    }
}

#[test]
fn half_precision_is_half_the_size_and_close() {
    let dir = tempfile::tempdir().unwrap();
    let input = saved(dir.path(), &network());
    let [single, half] = ["single", "half"].map(|name| dir.path().join(name));
    let parameters = convert(&input, &single, false).unwrap().parameters;
    convert(&input, &half, true).unwrap();
    let (a, b) = (TensorFile::open(&single).unwrap(), TensorFile::open(&half).unwrap());
    for name in a.names() {
        let shape = a.shape(name).unwrap();
        for (x, y) in a.get(name, shape).unwrap().iter().zip(b.get(name, shape).unwrap()) {
            // Half precision has 11 significant bits.
            assert!((x - y).abs() <= x.abs() / 2048.0 + 1e-7, "{name}: {x} became {y}");
        }
    }
    let header = |path: &Path, width: usize| std::fs::read(path).unwrap().len() - width * parameters;
    assert!(header(&single, 4).abs_diff(header(&half, 2)) < 64);
}

#[test]
fn what_cannot_be_converted_is_said_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("out.safetensors");
    let mut tensors = network();
    let at = tensors.iter().position(|(name, ..)| name == "layer1.0.bn1.running_mean").unwrap();
    tensors.remove(at);
    let message = convert(&saved(dir.path(), &tensors), &output, false).unwrap_err().to_string();
    assert!(message.contains("'layer1.0.bn1.running_mean' is missing"), "{message}");

    let mut tensors = network();
    let variance = tensors.iter_mut().find(|(name, ..)| name == "bn1.running_var").unwrap();
    variance.2[1] = -1.0;
    let message = convert(&saved(dir.path(), &tensors), &output, false).unwrap_err().to_string();
    assert!(message.contains("'bn1.running_var' is negative at element 1"), "{message}");

    let mut tensors = network();
    tensors[0].2[0] = 1e6;
    let message = convert(&saved(dir.path(), &tensors), &output, true).unwrap_err().to_string();
    assert!(message.contains("'conv1.weight' has numbers beyond half precision"), "{message}");

    // Scale and variance are finite, but the folded weights are not.
    let mut tensors = network();
    tensors.iter_mut().find(|(name, ..)| name == "bn1.weight").unwrap().2[0] = 3e38;
    tensors.iter_mut().find(|(name, ..)| name == "bn1.running_var").unwrap().2[0] = 0.0;
    let message = convert(&saved(dir.path(), &tensors), &output, false).unwrap_err().to_string();
    assert!(message.contains("'conv1' is not finite once"), "{message}");

    // A tensor that is not a convolution's and would be left out silently.
    let mut tensors = network();
    tensors.push(("layer1.0.se.fc1.weight".into(), vec![1], vec![1.0]));
    let message = convert(&saved(dir.path(), &tensors), &output, false).unwrap_err().to_string();
    assert!(message.contains("'layer1.0.se.fc1.weight'"), "{message}");

    let tensors = network().into_iter().filter(|(name, ..)| !name.starts_with("layer3")).collect::<Vec<_>>();
    let message = convert(&saved(dir.path(), &tensors), &output, false).unwrap_err().to_string();
    assert!(message.contains("no convolution 'layer3.…'"), "{message}");

    let input = saved(dir.path(), &network());
    assert!(matches!(convert(&input, &input, false), Err(Error::Setting(_))));
    assert!(matches!(convert(&input, &dir.path().join("no/such/folder/out"), false), Err(Error::Io { .. })));
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["net.pth"]);
}

#[test]
fn the_default_output_lies_beside_the_input() {
    let input = Path::new("a/resnet18-f37072fd.pth");
    assert_eq!(converted_path(input, false), Path::new("a/resnet18-f37072fd_to_layer3.safetensors"));
    assert_eq!(converted_path(input, true), Path::new("a/resnet18-f37072fd_to_layer3_f16.safetensors"));
    let again = Path::new("resnet18_to_layer3.safetensors");
    assert_eq!(converted_path(again, true), Path::new("resnet18_to_layer3_f16.safetensors"));
}

#[test]
fn a_whole_network_converts_without_loss() {
    let dir = tempfile::tempdir().unwrap();
    let input = saved(dir.path(), &neutral());
    let output = dir.path().join("out.safetensors");
    let done = convert(&input, &output, false).unwrap();
    // Two blocks of two convolutions in each of three stages, two shortcuts and the stem.
    assert_eq!(done.convolutions, 3 * 4 + 2 + 1);
    let (before, after) = (TensorFile::open(&input).unwrap(), TensorFile::open(&output).unwrap());
    // Its normalizations change nothing: scale 1 up to rounding, so only the bias is left.
    let shape = [64, 3, 7, 7];
    let pairs = before.get("conv1.weight", &shape).unwrap().into_iter();
    for (x, y) in pairs.zip(after.get("conv1.weight", &shape).unwrap()) {
        assert!((x - y).abs() <= 1e-6 * x.abs(), "{x} became {y}");
    }
    assert_eq!(before.get("bn1.bias", &[64]).unwrap(), after.get("conv1.bias", &[64]).unwrap());
}

/// A ResNet-18, stem to layer3, with normalizations that only add a bias.
fn neutral() -> Vec<Entry> {
    let mut convolutions = vec![("conv1".to_owned(), vec![64, 3, 7, 7])];
    let mut input = 64;
    for (stage, output) in [64, 128, 256].into_iter().enumerate() {
        for block in 0..2 {
            let prefix = format!("layer{}.{block}", stage + 1);
            convolutions.push((format!("{prefix}.conv1"), vec![output, input, 3, 3]));
            convolutions.push((format!("{prefix}.conv2"), vec![output, output, 3, 3]));
            if input != output {
                convolutions.push((format!("{prefix}.downsample.0"), vec![output, input, 1, 1]));
            }
            input = output;
        }
    }
    let mut tensors = Vec::new();
    for (name, shape) in convolutions {
        let (norm, out) = (norm_of(&name).unwrap(), shape[0]);
        let count = shape.iter().product();
        tensors.push((format!("{name}.weight"), shape, varied(count, 1.0)));
        tensors.push((format!("{norm}.weight"), vec![out], vec![1.0; out]));
        tensors.push((format!("{norm}.bias"), vec![out], varied(out, 2.0)));
        tensors.push((format!("{norm}.running_mean"), vec![out], vec![0.0; out]));
        // The epsilon added before the square root is 1e-5.
        tensors.push((format!("{norm}.running_var"), vec![out], vec![1.0 - 1e-5; out]));
    }
    tensors
}
