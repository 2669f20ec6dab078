//! A model file whose tensors are read one by one, so that the whole file is never in memory.

use super::file::{NO_MODEL, TRUNCATED, info, is_left_out, values};
use super::kept::{Raw, RawSource, embeddings};
use super::{Info, Kept};
use crate::teacher::TensorSource;
use crate::{Error, Result};
use safetensors::tensor::Metadata;
use std::borrow::Cow;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The longest header a safetensors file may have.
const MOST_HEADER: u64 = 100_000_000;

/// An open model file.
pub struct StoredModel {
    path: PathBuf,
    file: Mutex<File>,
    metadata: Metadata,
    /// Where the tensors begin.
    start: u64,
    /// Everything about the model that is not a tensor.
    pub info: Info,
}

impl StoredModel {
    /// Opens a file and checks its header.
    ///
    /// # Errors
    /// As [`super::open`], except for errors in a tensor.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |e| Error::io(path, e);
        let mut file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut size = [0; 8];
        file.read_exact(&mut size).map_err(|_| Error::model(path, TRUNCATED))?;
        let header = u64::from_le_bytes(size);
        if header > MOST_HEADER {
            return Err(Error::model(path, NO_MODEL));
        }
        let start = 8 + header;
        if start > length {
            return Err(Error::model(path, TRUNCATED));
        }
        let mut header = Vec::new();
        file.by_ref().take(start - 8).read_to_end(&mut header).map_err(failed)?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|_| Error::model(path, NO_MODEL))?;
        if start + metadata.data_len() as u64 != length {
            return Err(Error::model(path, TRUNCATED));
        }
        let info = info(&metadata, path)?;
        Ok(Self { path: path.into(), file: Mutex::new(file), metadata, start, info })
    }

    /// The good pictures that it keeps, and the usual embeddings; empty for older files, or if none were asked for.
    ///
    /// # Errors
    /// The file cannot be read, or what is kept is damaged.
    pub fn kept(&self) -> Result<Kept> {
        Kept::read(self, &self.info, &self.path)
    }

    /// Only the embeddings that it keeps; no picture is decoded.
    ///
    /// # Errors
    /// The file cannot be read, or they are damaged.
    pub fn embeddings(&self) -> Result<Vec<Vec<f32>>> {
        embeddings(self, &self.info, &self.path)
    }

    /// Whether its teacher is the embedded one, which the file leaves out.
    fn embedded(&self) -> bool {
        self.info.form.teacher.is_some()
    }

    /// The bytes of the tensor at these offsets.
    fn bytes(&self, (from, to): (usize, usize)) -> Result<Vec<u8>> {
        let mut bytes = vec![0; to - from];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let place = SeekFrom::Start(self.start + from as u64);
        file.seek(place).and_then(|_| file.read_exact(&mut bytes)).map_err(|e| Error::io(&self.path, e))?;
        Ok(bytes)
    }
}

impl RawSource for StoredModel {
    fn raw(&self, name: &str) -> Result<Option<Raw<'_>>> {
        let Some(tensor) = self.metadata.info(name) else { return Ok(None) };
        let bytes = Cow::Owned(self.bytes(tensor.data_offsets)?);
        Ok(Some(Raw { kind: tensor.dtype, shape: tensor.shape.clone(), bytes }))
    }
}

impl TensorSource for StoredModel {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        values(self, (&self.path, self.embedded()), name, shape)
    }

    fn refused(&self, reason: String) -> Error {
        Error::model(&self.path, reason)
    }

    fn contains(&self, name: &str) -> bool {
        self.metadata.info(name).is_some() || is_left_out(self.embedded(), name)
    }
}
