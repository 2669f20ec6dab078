//! The state of a training, complete enough to continue as if it had never stopped.
//!
//! One file: safetensors with Burn's records of the modules and the optimizer as byte tensors, and the position
//! and the history in its metadata; then the SHA-256 of all that, because a flipped bit in a weight would
//! silently give another model. No random state is stored: every stream follows from the seed and the position
//! ([`super::stream`]).

use super::config::Settings;
use crate::model::{History, collect_async, seal, unseal, unusable, write_atomically};
use crate::synthesis::Textures;
use crate::teacher::Teacher;
use crate::{Error, Result};
use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use burn::tensor::Bytes;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

const KEY: &str = "aand-checkpoint";

/// The current stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Stage 1.
    Amplify,
    /// Stage 2.
    Distill,
}

/// The next step to take.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// The stage.
    pub stage: Stage,
    /// The epoch, from 0.
    pub epoch: usize,
    /// The step within the epoch, from 0.
    pub step: usize,
    /// Sums of the two losses over the steps of the epoch so far.
    pub sums: [f64; 2],
}

/// SHA-256, in hexadecimal, of a training's inputs besides its pictures: a file of the same name may have
/// another content when the training continues.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Of the teacher's weights.
    pub teacher: String,
    /// Of the textures.
    pub textures: String,
}

impl Contents {
    /// The hashes of these two.
    pub fn of(teacher: &Teacher, textures: &Textures) -> Self {
        Self { teacher: teacher.fingerprint.clone(), textures: textures.fingerprint() }
    }
}

/// Everything but the tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The next step.
    pub position: Position,
    /// The epochs so far.
    pub history: History,
    /// The settings with which the training began.
    pub settings: Settings,
    /// The teacher's network and source.
    pub teacher: String,
    /// The hashes of the teacher and the textures.
    pub contents: Contents,
    /// The fingerprint of the data with which the training began.
    pub data_fingerprint: String,
    /// The best score so far and its epoch, if weights are selected on test data.
    #[serde(default)]
    pub best: Option<(f64, usize)>,
}

impl Checkpoint {
    /// Writes the checkpoint with its named records, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path, records: &[(&str, Vec<u8>)]) -> Result<()> {
        let unwritable =
            |e: &dyn std::fmt::Display| Error::Training(format!("cannot encode a checkpoint: {e}"));
        let mut views = Vec::new();
        for (name, bytes) in records {
            let view = TensorView::new(Dtype::U8, vec![bytes.len()], bytes).map_err(|e| unwritable(&e))?;
            views.push((*name, view));
        }
        let header = serde_json::to_string(self).map_err(|e| unwritable(&e))?;
        let metadata = HashMap::from([(KEY.to_string(), header)]);
        let bytes = safetensors::serialize(views, Some(metadata)).map_err(|e| unwritable(&e))?;
        write_atomically(path, &seal(bytes))
    }

    /// Reads a checkpoint and its records.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or is not a checkpoint of this version.
    pub fn open(path: &Path) -> Result<(Self, HashMap<String, Vec<u8>>)> {
        Self::decode(crate::model::read_bytes(path)?, path)
    }

    /// As [`open`](Self::open), from the bytes of the file; `path` is for messages.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn decode(bytes: Vec<u8>, path: &Path) -> Result<(Self, HashMap<String, Vec<u8>>)> {
        let damaged = |_| Error::model(path, "not a checkpoint of this aand; delete it and train anew");
        let bytes = unseal(bytes).ok_or_else(|| {
            Error::model(path, "a damaged checkpoint, or one of another aand; delete it and train anew")
        })?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let header = metadata.metadata().as_ref().and_then(|m| m.get(KEY));
        let checkpoint = header.and_then(|h| serde_json::from_str(h).ok());
        let checkpoint = checkpoint
            .ok_or_else(|| Error::model(path, "not a checkpoint of this aand; delete it and train anew"))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(damaged)?;
        let records = tensors.iter().map(|(name, view)| (name.to_string(), view.data().to_vec())).collect();
        Ok((checkpoint, records))
    }
}

/// Whether a file that begins with `head` is a checkpoint, of any version.
#[cfg(not(target_arch = "wasm32"))]
pub fn is_own_checkpoint(head: &[u8]) -> bool {
    let key = format!("\"{KEY}\":");
    head.windows(key.len()).any(|part| part == key.as_bytes())
}

/// The record of a module in training, running statistics included.
pub(super) fn module_record<M: Module>(module: &M) -> Result<Vec<u8>> {
    // This call merges running statistics into the module's own (burn-core, RunningState).
    let _ = module.valid();
    let bytes = module.clone().into_record().into_bytes();
    Ok(bytes.map_err(|e| Error::Training(format!("cannot record the weights: {e}")))?.to_vec())
}

/// Refuses a module with which a training cannot continue; `name` is for the message.
pub(super) async fn check_usable<M: Module>(module: &M, name: &str) -> Result<()> {
    let tensors = collect_async(module, name).await?;
    match tensors.iter().find_map(|tensor| unusable(&tensor.name, &tensor.values)) {
        None => Ok(()),
        Some(reason) => Err(Error::Training(format!(
            "the checkpoint cannot be gone on with: {reason}; train anew without `resume`"
        ))),
    }
}

/// The record of an optimizer.
pub(super) fn optimizer_record(optimizer: &ModuleOptimizer) -> Result<Vec<u8>> {
    let bytes = optimizer.into_bytes();
    Ok(bytes.map_err(|e| Error::Training(format!("cannot record the optimizer: {e}")))?.to_vec())
}

/// Loads a record into a module of the same shape.
pub(super) fn restore_module<M: Module>(module: M, bytes: Option<&Vec<u8>>) -> Result<M> {
    let bytes = Bytes::from_bytes_vec(bytes.ok_or_else(incomplete)?.clone());
    let record = ModuleRecord::from_bytes(bytes).map_err(|_| incomplete())?;
    module.try_load_record(record).map_err(|_| incomplete())
}

/// Loads a record into an optimizer.
pub(super) fn restore_optimizer(optimizer: ModuleOptimizer, bytes: Vec<u8>) -> Result<ModuleOptimizer> {
    let bytes = Bytes::from_bytes_vec(bytes);
    optimizer.from_bytes(bytes).map_err(|_| incomplete())
}

/// The error about a checkpoint that lacks a part.
pub(super) fn incomplete() -> Error {
    Error::Training("the checkpoint is incomplete or of other settings; train anew without `resume`".into())
}
