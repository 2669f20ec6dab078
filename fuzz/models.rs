//! Model files: header and tensors as detection reads them, and checkpoints.

use super::{made_up, said};
use aand::amplification::RaaOptions;
use aand::inference::Plan;
use aand::model::{History, Precision, Score, TensorStore, encode, header};
use aand::teacher::Backbone;
use aand::training::{Checkpoint, Contents, Position, Settings, Stage};
use sha2::{Digest, Sha256};
use std::path::Path;

#[test]
fn fuzz_model() {
    let raa = RaaOptions { memory_items: 3, ..RaaOptions::default() };
    let mut model = made_up::model(Backbone::Compact, 32, raa, Score::Discrepancy);
    model.info.precision = Precision::F16;
    let seeds = [encode(&model).unwrap()];
    let read = |bytes: &[u8]| {
        let name = Path::new("fuzzed");
        let info = header(bytes, name)?;
        Plan::new(&info, &TensorStore::new(bytes, name)?).map(|_| info)
    };
    read(&seeds[0]).unwrap();
    fuzz!(&seeds, |bytes: &[u8]| match read(bytes) {
        Ok(info) => assert!(info.size.longer() <= 2048 && info.threshold.value > 0.0),
        Err(error) => said(&error),
    });
}

/// A checkpoint's bytes with the sum at their end put right, so that what lies behind the sum is reached.
fn signed(body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    bytes.extend(Sha256::digest(body));
    bytes
}

#[test]
fn fuzz_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.aand.checkpoint");
    let checkpoint = Checkpoint {
        position: Position { stage: Stage::Distill, epoch: 3, step: 1, sums: [0.25, 1e-9] },
        history: History::default(),
        settings: Settings::default(),
        teacher: "compact from the embedded teacher".into(),
        contents: Contents::default(),
        data_fingerprint: "00".into(),
        best: Some((0.5, 2)),
    };
    checkpoint.save(&path, &[("amplifier", vec![1; 40]), ("optimizer", vec![2; 9])]).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let body = whole[..whole.len() - 32].to_vec();
    assert_eq!(signed(&body), whole);
    let name = Path::new("fuzzed");
    fuzz!(&[body], |bytes: &[u8]| {
        match Checkpoint::decode(signed(bytes), name) {
            Ok((_, records)) => assert!(records.values().map(Vec::len).sum::<usize>() <= bytes.len()),
            Err(error) => said(&error),
        }
        // Without the right sum nothing is read.
        assert!(Checkpoint::decode(bytes.to_vec(), name).is_err());
    });
}
