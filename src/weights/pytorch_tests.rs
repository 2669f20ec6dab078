//! Reads checkpoints of every layout: good, truncated and malicious ones.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::weights::TensorFile;
use crate::weights::test_checkpoint::{
    Entry, Pickle, legacy_checkpoint, tar_checkpoint, zip, zip_checkpoint, zip_checkpoint_of_views,
    zip_checkpoint_with, zip64_checkpoint,
};

fn tensors() -> Vec<Entry> {
    vec![
        ("conv1.weight".into(), vec![2, 1, 2, 1], vec![1.0, -2.0, 3.5, 0.25]),
        ("bn1.running_var".into(), vec![2], vec![0.5, 1e-20]),
    ]
}

fn saved(bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    // The name does not matter: files are recognized by their content.
    let path = dir.path().join("weights.bin");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

fn refusal(bytes: &[u8]) -> String {
    let (_dir, path) = saved(bytes);
    let message = TensorFile::open(&path).unwrap_err().to_string();
    assert!(message.starts_with(&path.display().to_string()), "{message}");
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn every_layout_that_torch_save_ever_wrote_is_read() {
    for bytes in [zip_checkpoint(&tensors()), legacy_checkpoint(&tensors()), tar_checkpoint(&tensors())] {
        let (_dir, path) = saved(&bytes);
        let file = TensorFile::open(&path).unwrap();
        assert_eq!(file.names().collect::<Vec<_>>(), ["bn1.running_var", "conv1.weight"]);
        assert_eq!(file.get("conv1.weight", &[2, 1, 2, 1]).unwrap(), [1.0, -2.0, 3.5, 0.25]);
        assert_eq!(file.get_f64("bn1.running_var", &[2]).unwrap(), [0.5, f64::from(1e-20_f32)]);
        assert_eq!(file.shape("conv1.weight").unwrap(), [2, 1, 2, 1]);
    }
}

#[test]
fn archives_of_every_length_of_name_are_read() {
    for length in 1..40 {
        let (_dir, path) = saved(&zip64_checkpoint(&"r".repeat(length), &tensors()));
        let file = TensorFile::open(&path).unwrap();
        assert_eq!(file.get("conv1.weight", &[2, 1, 2, 1]).unwrap(), [1.0, -2.0, 3.5, 0.25], "{length}");
        drop(file);
    }
}

#[test]
fn names_lose_the_nesting_of_a_training_checkpoint() {
    let nested: Vec<Entry> = [
        ("state_dict.module.conv1.weight", 1.0),
        ("state_dict.module.layer1.0.conv1.weight", 2.0),
        ("optimizer.conv1.step", 3.0),
    ]
    .map(|(name, number)| (name.into(), vec![1], vec![number]))
    .into();
    let (_dir, path) = saved(&zip_checkpoint(&nested));
    let file = TensorFile::open(&path).unwrap();
    assert_eq!(file.names().collect::<Vec<_>>(), ["conv1.weight", "layer1.0.conv1.weight"]);
    assert_eq!(file.get("layer1.0.conv1.weight", &[1]).unwrap(), [2.0]);
}

#[test]
fn a_file_cut_off_anywhere_is_an_error_and_never_a_panic() {
    for whole in [zip_checkpoint(&tensors()), legacy_checkpoint(&tensors()), tar_checkpoint(&tensors())] {
        // The two empty blocks at the end of a TAR archive may be missing.
        let needed = if whole.len() % 512 == 0 { whole.len() - 1024 - 512 } else { whole.len() };
        for length in (0..needed).step_by(7).chain([needed - 1]) {
            let (_dir, path) = saved(&whole[..length]);
            if let Ok(file) = TensorFile::open(&path) {
                let read = file.get("conv1.weight", &[2, 1, 2, 1]).and(file.get("bn1.running_var", &[2]));
                assert!(read.is_err(), "{length} of {} bytes pass for a whole file", whole.len());
            }
        }
    }
    let zip = zip_checkpoint(&tensors());
    let message = refusal(&zip[..zip.len() / 2]);
    assert!(message.contains("truncated or damaged") && message.contains("fetch it again"), "{message}");
}

#[test]
fn a_storage_shorter_than_its_tensor_is_named() {
    let mut short = tensors();
    short[0].2.pop();
    let (_dir, path) = saved(&zip_checkpoint(&short));
    let file = TensorFile::open(&path).unwrap();
    let message = file.get("conv1.weight", &[2, 1, 2, 1]).unwrap_err().to_string();
    assert!(message.contains("tensor 'conv1.weight' is truncated or damaged"), "{message}");
    assert!(file.get("bn1.running_var", &[2]).is_ok());
}

/// A view with steps of 0 repeats one number as often as its shape says; it is refused before anything is
/// read.
#[test]
fn a_shape_beyond_the_file_is_refused() {
    for shape in [vec![600_000_000], vec![1 << 20, 1 << 9], vec![64, 64, 7, 7]] {
        let bytes = zip_checkpoint_of_views(&[("conv1.weight".into(), shape, vec![1.0])]);
        let message = refusal(&bytes);
        assert!(message.contains("'conv1.weight' claims the shape"), "{message}");
    }
    // Four repeats of one number are fewer bytes than the file has.
    let (_dir, path) = saved(&zip_checkpoint_of_views(&[("conv1.weight".into(), vec![4], vec![1.5])]));
    assert_eq!(TensorFile::open(&path).unwrap().get("conv1.weight", &[4]).unwrap(), [1.5; 4]);
}

#[test]
fn a_changed_byte_is_found_by_the_checksum() {
    let mut bytes = zip_checkpoint(&tensors());
    let number = 3.5_f32.to_le_bytes();
    let at = bytes.windows(4).position(|window| window == number).unwrap();
    bytes[at] ^= 1;
    let (_dir, path) = saved(&bytes);
    let file = TensorFile::open(&path).unwrap();
    let message = file.get("conv1.weight", &[2, 1, 2, 1]).unwrap_err().to_string();
    assert!(message.contains("'conv1.weight'"), "{message}");
}

#[test]
fn a_pickle_that_wants_to_run_a_command_is_refused_and_runs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("executed");
    let command = format!("touch {}", trace.display());

    let beside = zip_checkpoint_with(&tensors(), |pickle| pickle.text("note").system(&command));
    let message = refusal(&beside);
    assert!(message.contains("nothing was executed") && message.contains("posix.system"), "{message}");

    let alone = Pickle::new().system(&command).end();
    for bytes in [zip(&[("archive/data.pkl".into(), alone.clone())]), alone] {
        let message = refusal(&bytes);
        assert!(message.contains("nothing was executed") && message.contains("posix.system"), "{message}");
    }

    // Called and discarded before the real content: nothing to refuse, and still not executed.
    let discarded = zip_checkpoint_with(&tensors(), |pickle| pickle.system(&command).op(b"0"));
    let (_dir, path) = saved(&discarded);
    assert!(TensorFile::open(&path).is_ok());
    assert!(!trace.exists());
}

#[test]
fn harmless_company_of_the_tensors_is_accepted() {
    let bytes = zip_checkpoint_with(&tensors(), |pickle| {
        let pickle = pickle.text("epoch").int(3).text("kind").global("torch", "float32");
        pickle.text("where").global("torch", "device").op(b"(").text("cpu").op(b"tR")
    });
    let (_dir, path) = saved(&bytes);
    assert_eq!(TensorFile::open(&path).unwrap().names().count(), 2);
}

#[test]
fn what_is_no_weight_file_is_told_so() {
    assert!(refusal(b"").contains("empty"));
    assert!(refusal(b"<!DOCTYPE html><title>Log in</title>").contains("neither a PyTorch nor a safetensors"));
    assert!(refusal(&zip(&[("word/document.xml".into(), b"<w/>".to_vec())])).contains("damaged"));
    assert!(refusal(&zip_checkpoint(&[])).contains("holds no tensors"));
}
