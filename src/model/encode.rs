//! Converts a model on a device to the bytes of its file and back.

use super::file::{TensorStore, Under, header, unusable};
use super::{
    Aand, Form, Info, Kept, NamedTensor, Precision, Score, StoredTensor, assemble, assign, collect_async,
};
#[cfg(not(target_arch = "wasm32"))]
use super::{read_bytes, write_atomically};
use crate::amplification::Amplifier;
use crate::student::Student;
use crate::teacher::Teacher;
use crate::{Error, Result};
use burn::tensor::{Device, read_sync};
use half::f16;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use safetensors::Dtype;
use std::path::Path;

/// All tensors of a model, under the names of its file.
///
/// # Errors
/// The device failed.
pub fn tensors(model: &Aand) -> Result<Vec<NamedTensor>> {
    read_sync(tensors_async(model))
}

/// As [`tensors`], if reading from the device must be awaited.
///
/// # Errors
/// As [`tensors`].
pub async fn tensors_async(model: &Aand) -> Result<Vec<NamedTensor>> {
    let mut tensors = Vec::new();
    for (name, weight, bias) in model.teacher.weights() {
        tensors.push(NamedTensor::read(format!("teacher.{name}.weight"), weight).await?);
        tensors.push(NamedTensor::read(format!("teacher.{name}.bias"), bias).await?);
    }
    tensors.extend(collect_async(&model.amplifier, "amplifier").await?);
    tensors.extend(collect_async(&model.student, "student").await?);
    Ok(tensors)
}

/// The bytes of a model file.
///
/// # Errors
/// The device failed, or the header cannot be written.
pub fn encode(model: &Aand) -> Result<Vec<u8>> {
    read_sync(encode_async(model))
}

/// As [`encode`], if reading from the device must be awaited.
///
/// # Errors
/// As [`encode`].
pub async fn encode_async(model: &Aand) -> Result<Vec<u8>> {
    let tensors = tensors_async(model).await?;
    if let Some(reason) = tensors.iter().find_map(|t| unusable(&t.name, &t.values)) {
        return Err(Error::Training(format!(
            "{reason}; train again with a lower `lr`, or with other `weights` if these were your own"
        )));
    }
    let stored = tensors.into_iter().map(|NamedTensor { name, shape, values }| {
        let (kind, bytes) = stored(&values, model.info.precision);
        StoredTensor { name, shape, kind, bytes }
    });
    // Whatever the form of the file it was read from, the written form is plain.
    let mut info = Info { form: Form::default(), ..model.info.clone() };
    info.format_version = info.needed_format();
    assemble(&info, &stored.collect::<Vec<_>>(), &model.kept)
}

/// How the values of a tensor are stored. A tensor with a value beyond f16's range (such as a running variance
/// of a teacher with large activations) stays f32: stored as infinity, the value would silently turn off its
/// channel.
fn stored(values: &[f32], precision: Precision) -> (Dtype, Vec<u8>) {
    let fits = || values.iter().all(|&v| f16::from_f32(v).is_finite());
    match precision {
        Precision::F16 if fits() => {
            (Dtype::F16, little_endian(values, |v: f32| f16::from_f32(v).to_le_bytes()))
        }
        _ => (Dtype::F32, little_endian(values, f32::to_le_bytes)),
    }
}

fn little_endian<const N: usize>(values: &[f32], bytes: impl Fn(f32) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&v| bytes(v)).collect()
}

/// A model from the bytes of its file; `name` is for messages.
///
/// # Errors
/// The bytes are not a model, are truncated or of another version, or a tensor is missing or misshapen.
pub fn decode(bytes: &[u8], name: &Path, device: &Device) -> Result<Aand> {
    let (info, store) = of_student(bytes, name)?;
    // Loaded before anything is allocated whose size only the header tells.
    let teacher = Teacher::load(info.backbone, &Under(&store, "teacher."), device)?;
    let (amplifier, student) = trained(&store, &info, device)?;
    let kept = Kept::read(&store, &info, name)?;
    Ok(Aand { teacher, amplifier, student, info, kept })
}

/// Only amplifier and student, to be trained further.
///
/// # Errors
/// As [`decode`].
pub fn decode_student(bytes: &[u8], name: &Path, device: &Device) -> Result<(Amplifier, Student)> {
    let (info, store) = of_student(bytes, name)?;
    trained(&store, &info, device)
}

/// Header and tensors of a model that has a student.
fn of_student<'a>(bytes: &'a [u8], name: &Path) -> Result<(Info, TensorStore<'a>)> {
    let info = header(bytes, name)?;
    if info.score == Score::Nearest {
        let reason =
            "is an instant detector: it has neither amplifier nor student; train one with `aand train`";
        return Err(Error::model(name, reason));
    }
    Ok((info, TensorStore::new(bytes, name)?))
}

/// The trained parts.
fn trained(store: &TensorStore<'_>, info: &Info, device: &Device) -> Result<(Amplifier, Student)> {
    // Checked before a memory is allocated whose size only the header tells.
    for (level, channels) in info.backbone.channels().into_iter().enumerate() {
        let memory = format!("amplifier.levels.{level}.gate.memory");
        store.check(&memory, &[2 * info.raa.memory_items, channels])?;
    }
    // The values are overwritten below; the generator only has to exist.
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let amplifier = Amplifier::new(info.backbone, info.size, info.raa.memory_items, &mut rng, device);
    let student = Student::new(info.backbone, &mut rng, device);
    Ok((assign(amplifier, "amplifier", store)?, assign(student, "student", store)?))
}

/// Reads a model file.
///
/// # Errors
/// As [`decode`], or the file cannot be read.
#[cfg(not(target_arch = "wasm32"))]
pub fn open(path: &Path, device: &Device) -> Result<Aand> {
    decode(&read_bytes(path)?, path, device)
}

/// Writes a model file: to a temporary file beside it, flushed, then renamed.
///
/// # Errors
/// As [`encode`], or the file cannot be written; an older file of that name then stays as it was.
#[cfg(not(target_arch = "wasm32"))]
pub fn save(model: &Aand, path: &Path) -> Result<()> {
    write_atomically(path, &encode(model)?)
}
