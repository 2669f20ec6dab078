//! The advanced teacher's features of the training pictures, which are constant in stage 2 and so computed
//! only once.

use crate::{Error, Result};

/// Features of pictures in order, `length` numbers each: in memory up to a budget, beyond it in a temporary
/// file that is removed with the process.
pub struct FeatureCache {
    length: usize,
    in_memory: Vec<Vec<f32>>,
    most_in_memory: usize,
    on_disk: usize,
    #[cfg(not(target_arch = "wasm32"))]
    file: Option<std::fs::File>,
}

impl FeatureCache {
    /// A cache for pictures of `length` numbers each that keeps at most `budget` bytes in memory.
    pub fn new(length: usize, budget: u64) -> Self {
        // A browser has no temporary files, so everything stays in memory.
        let budget = if cfg!(target_arch = "wasm32") { u64::MAX } else { budget };
        let most_in_memory = usize::try_from(budget / (4 * length.max(1) as u64)).unwrap_or(usize::MAX);
        Self {
            length,
            in_memory: Vec::new(),
            most_in_memory,
            on_disk: 0,
            #[cfg(not(target_arch = "wasm32"))]
            file: None,
        }
    }

    /// Pictures in the cache.
    pub fn len(&self) -> usize {
        self.in_memory.len() + self.on_disk
    }

    /// Whether nothing is in the cache.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds the next picture's features.
    ///
    /// # Errors
    /// The temporary file cannot be written.
    pub fn push(&mut self, features: Vec<f32>) -> Result<()> {
        debug_assert_eq!(features.len(), self.length);
        if self.in_memory.len() < self.most_in_memory && self.on_disk == 0 {
            self.in_memory.push(features);
            return Ok(());
        }
        self.append(&features).map_err(|e| failed(&e))?;
        self.on_disk += 1;
        Ok(())
    }

    /// Copies the features of picture `index` to the end of `target`.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub fn extend(
        &mut self,
        index: usize,
        range: std::ops::Range<usize>,
        target: &mut Vec<f32>,
    ) -> Result<()> {
        if let Some(features) = self.in_memory.get(index) {
            target.extend_from_slice(&features[range]);
            return Ok(());
        }
        let features = self.read(index - self.in_memory.len(), range).map_err(|e| failed(&e))?;
        target.extend(features);
        Ok(())
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn append(&mut self, features: &[f32]) -> std::io::Result<()> {
        use std::io::{Seek, SeekFrom, Write};
        if self.file.is_none() {
            self.file = Some(tempfile::tempfile()?);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.seek(SeekFrom::End(0))?;
        let bytes: Vec<u8> = features.iter().flat_map(|v| v.to_le_bytes()).collect();
        file.write_all(&bytes)
    }

    #[cfg(not(target_arch = "wasm32"))]
    fn read(&mut self, index: usize, range: std::ops::Range<usize>) -> std::io::Result<Vec<f32>> {
        use std::io::{Read, Seek, SeekFrom};
        let Some(file) = &mut self.file else { return Err(std::io::ErrorKind::NotFound.into()) };
        file.seek(SeekFrom::Start(4 * (index * self.length + range.start) as u64))?;
        let mut bytes = vec![0; 4 * range.len()];
        file.read_exact(&mut bytes)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    #[cfg(target_arch = "wasm32")]
    fn append(&mut self, _: &[f32]) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    #[cfg(target_arch = "wasm32")]
    fn read(&mut self, _: usize, _: std::ops::Range<usize>) -> std::io::Result<Vec<f32>> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

/// It is in the system's folder for temporary files, whatever `--out` is.
fn failed(error: &std::io::Error) -> Error {
    #[cfg(target_arch = "wasm32")]
    let place = std::path::Path::new("memory");
    #[cfg(not(target_arch = "wasm32"))]
    let place = std::env::temp_dir();
    let full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
    let kind = if full { Error::Temporary } else { Error::Training };
    kind(format!(
        "{}: the temporary file of the features: {error}; free some space there, name another folder in the variable \
         TMPDIR, or keep more in memory with `cache_memory`",
        place.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_a_remedy_that_helps() {
        let said = failed(&std::io::ErrorKind::StorageFull.into()).to_string();
        assert!(
            said.contains("TMPDIR") && said.contains("`cache_memory`") && !said.contains("`out`"),
            "{said}"
        );
    }

    #[test]
    fn what_goes_beyond_the_budget_comes_back_from_disk() {
        let mut cache = FeatureCache::new(3, 24);
        for i in 0..5u8 {
            let first = f32::from(i);
            cache.push(vec![first, first + 0.25, first + 0.5]).unwrap();
        }
        assert_eq!((cache.len(), cache.in_memory.len()), (5, 2));
        let mut out = Vec::new();
        for i in [4, 0, 2] {
            cache.extend(i, 1..3, &mut out).unwrap();
        }
        assert_eq!(out, [4.25, 4.5, 0.25, 0.5, 2.25, 2.5]);
    }
}
