//! Everything needed to continue after a stop, in one safetensors file followed by its SHA-256.

use crate::{Error, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// The progress of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps taken.
    pub step: usize,
    /// Pictures painted so far: where the endless stream continues.
    pub pictures: u64,
    /// Seconds of training so far.
    pub seconds: f64,
    /// The seed of pictures and first weights.
    pub seed: u64,
    /// The factor by which the learning rate was reduced after divergence.
    pub caution: f64,
}

/// The saved state of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Its progress.
    pub progress: Progress,
    /// Flat vectors by name.
    pub vectors: BTreeMap<String, Vec<f32>>,
}

impl Checkpoint {
    /// The checkpoint that belongs to an output file.
    pub fn path(out: &Path) -> PathBuf {
        let mut name = out.as_os_str().to_owned();
        name.push(".checkpoint");
        name.into()
    }

    /// Writes to a temporary file that is then renamed: a stop at any moment leaves the last one whole.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let fail = |e: String| Error::Training(format!("{}: {e}", path.display()));
        let bytes = |v: &Vec<f32>| v.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let all: Vec<(&String, Vec<u8>)> = self.vectors.iter().map(|(name, v)| (name, bytes(v))).collect();
        let views = all.iter().map(|(name, bytes)| {
            let view = TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes);
            view.map(|view| (name.as_str(), view)).map_err(|e| fail(e.to_string()))
        });
        let views = views.collect::<Result<Vec<_>>>()?;
        let progress = serde_json::to_string(&self.progress).map_err(|e| fail(e.to_string()))?;
        let metadata = HashMap::from([("progress".to_owned(), progress)]);
        let bytes = safetensors::serialize(views, Some(metadata)).map_err(|e| fail(e.to_string()))?;
        crate::files::write_atomically(path, &crate::model::seal(bytes))
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// There is no such file, or it is not a checkpoint.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, e))?;
        let fail = |e: String| {
            Error::Training(format!("{}: not a checkpoint ({e}); start without --resume", path.display()))
        };
        let bytes = crate::model::unseal(bytes).ok_or_else(|| fail("damaged, or of another aand".into()))?;
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|e| fail(e.to_string()))?;
        let progress = metadata.metadata().as_ref().and_then(|m| m.get("progress"));
        let progress = progress.ok_or_else(|| fail("no progress in it".into()))?;
        let progress = serde_json::from_str(progress).map_err(|e| fail(e.to_string()))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| fail(e.to_string()))?;
        let vectors = file.iter().map(|(name, view)| {
            let numbers = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            (name.to_owned(), numbers.collect())
        });
        Ok(Self { progress, vectors: vectors.collect() })
    }

    /// The vector `name`, which must have `length` numbers.
    ///
    /// # Errors
    /// It is missing or of another length.
    pub fn vector(&self, name: &str, length: usize) -> Result<Vec<f32>> {
        match self.vectors.get(name) {
            Some(v) if v.len() == length => Ok(v.clone()),
            _ => Err(Error::Training(format!(
                "the checkpoint's {name} is missing or not {length} numbers; start without --resume"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = Checkpoint::path(&folder.path().join("out.safetensors"));
        let progress = Progress { step: 7, pictures: 1 << 40, seconds: 1.5, seed: u64::MAX, caution: 0.5 };
        let vectors = BTreeMap::from([("weights".to_owned(), vec![1.0, -2.5]), ("m".to_owned(), vec![])]);
        let checkpoint = Checkpoint { progress, vectors };
        checkpoint.write(&path).unwrap();
        checkpoint.write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path).unwrap(), checkpoint);
        assert!(Checkpoint::read(&path).unwrap().vector("weights", 3).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.iter_mut().rev().nth(40).unwrap() ^= 4;
        std::fs::write(&path, bytes).unwrap();
        assert!(Checkpoint::read(&path).unwrap_err().to_string().contains("damaged"));
    }
}
