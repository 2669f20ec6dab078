//! Weight files, PyTorch's and safetensors.

use super::said;
use super::test_checkpoint::{Entry, legacy_checkpoint, tar_checkpoint, zip_checkpoint, zip64_checkpoint};
use aand::teacher::Backbone;
use aand::weights::{TensorFile, convert};
use std::path::Path;

/// A network small enough to be changed many times a second.
fn network() -> Vec<Entry> {
    let convolutions =
        ["conv1", "layer1.0.conv1", "layer2.0.conv1", "layer2.0.downsample.0", "layer3.0.conv1"];
    convolutions
        .iter()
        .flat_map(|name| {
            let norm = aand::weights::norm_of(name).unwrap();
            let parts = ["weight", "bias", "running_mean", "running_var"];
            let norm = parts.map(|part| (format!("{norm}.{part}"), vec![2], vec![0.5, 1.5]));
            std::iter::once((format!("{name}.weight"), vec![2, 1, 1, 1], vec![0.25, -3.0])).chain(norm)
        })
        .collect()
}

/// Reads everything in a file, and converts it.
fn read(path: &Path, out: &Path) -> aand::Result<()> {
    let file = TensorFile::open(path)?;
    for name in file.names() {
        let shape = file.shape(name)?;
        if let Ok(numbers) = file.get(name, shape) {
            assert_eq!(numbers.len(), shape.iter().product::<usize>());
            assert!(numbers.iter().all(|number| number.is_finite()));
        }
    }
    if let Err(error) = Backbone::of(&file) {
        said(&error);
    }
    convert(path, out, false)?;
    let made = TensorFile::open(out)?;
    for name in made.names() {
        made.get(name, made.shape(name)?)?;
    }
    Ok(())
}

/// What is done with each file; the seeds themselves must pass.
fn check(seeds: &[Vec<u8>]) -> impl Fn(&[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let [path, out] = ["weights", "out"].map(|name| folder.path().join(name));
    for seed in seeds {
        std::fs::write(&path, seed).unwrap();
        read(&path, &out).unwrap();
    }
    move |bytes| {
        let _kept = &folder;
        std::fs::write(&path, bytes).unwrap();
        if let Err(error) = read(&path, &out) {
            said(&error);
        }
    }
}

#[test]
fn fuzz_pytorch() {
    let network = network();
    let seeds = [
        zip_checkpoint(&network),
        zip64_checkpoint("archive", &network),
        legacy_checkpoint(&network),
        tar_checkpoint(&network),
    ];
    fuzz!(&seeds, check(&seeds));
}

#[test]
fn fuzz_safetensors() {
    let network = network();
    let bytes: Vec<Vec<u8>> = network
        .iter()
        .map(|(_, _, numbers)| numbers.iter().flat_map(|n| n.to_le_bytes()).collect())
        .collect();
    let views = network.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (name.as_str(), view.unwrap())
    });
    let file = safetensors::serialize(views, None).unwrap();
    let seeds = [file];
    fuzz!(&seeds, check(&seeds));
}
