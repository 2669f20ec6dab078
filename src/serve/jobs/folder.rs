//! The folders of trainings. Within the folder for models each training has its own, `trainings/N`, with `job.json`,
//! its pictures and its checkpoint. The models lie beside `trainings`.

use super::record::Record;
use crate::files::{clear_leftovers, write_atomically, write_whole};
use crate::weights::sha256;
use crate::{Error, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The endings of picture files' names.
const ENDINGS: [&str; 5] = ["png", "jpg", "bmp", "tiff", "webp"];

/// The folder for models.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Opens a folder, and makes it if it does not exist.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn open(root: &Path) -> Result<Self> {
        let trainings = root.join("trainings");
        fs::create_dir_all(&trainings).map_err(|e| Error::io(&trainings, e))?;
        clear_leftovers(root);
        Ok(Self(root.into()))
    }

    /// The model files in it, sorted.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn models(&self) -> Result<Vec<PathBuf>> {
        let mut paths = listed(&self.0)?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "aand") && path.is_file());
        Ok(paths)
    }

    /// The numbers of the trainings' folders, and each one's record; `None` if that cannot be read.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn records(&self) -> Result<Vec<(u64, Option<Record>)>> {
        let mut all = Vec::new();
        for folder in listed(&self.0.join("trainings"))? {
            let number = folder.file_name().and_then(|name| name.to_str()?.parse().ok());
            let Some(id) = number.filter(|_| folder.is_dir()) else { continue };
            clear_leftovers(&folder);
            clear_leftovers(&self.pictures(id));
            let record = fs::read(folder.join("job.json")).ok();
            let record = record.and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok());
            all.push((id, record.filter(|record| record.id == id)));
        }
        Ok(all)
    }

    /// Makes a folder for a training, with number `id` or the next free one; returns the number.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn make(&self, mut id: u64) -> Result<u64> {
        loop {
            let folder = self.of(id);
            match fs::create_dir(&folder) {
                Ok(()) => break,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => id += 1,
                Err(error) => return Err(Error::io(&folder, error)),
            }
        }
        let pictures = self.pictures(id);
        fs::create_dir(&pictures).map_err(|e| Error::io(&pictures, e))?;
        Ok(id)
    }

    fn of(&self, id: u64) -> PathBuf {
        self.0.join("trainings").join(id.to_string())
    }

    /// The folder of a training's pictures.
    pub fn pictures(&self, id: u64) -> PathBuf {
        self.of(id).join("pictures")
    }

    /// A training's checkpoint.
    pub fn checkpoint(&self, id: u64) -> PathBuf {
        self.of(id).join("checkpoint")
    }

    /// The file of the model of that name.
    pub fn model(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.aand"))
    }

    /// Whether the model's file has that SHA-256.
    pub fn holds(&self, name: &str, made: &str) -> bool {
        sha256(&self.model(name)).is_ok_and(|found| found == made)
    }

    /// Writes a training's record.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, record: &Record) -> Result<()> {
        let path = self.of(record.id).join("job.json");
        let bytes = serde_json::to_vec(record).map_err(|e| Error::io(&path, e.into()))?;
        write_atomically(&path, &bytes)
    }

    /// Writes picture `n` and replaces an earlier one with that number; returns the size in bytes of the earlier
    /// one, if there was one.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn put(&self, id: u64, n: usize, bytes: &[u8]) -> Result<Option<u64>> {
        // Named by its number, since people's names for pictures may say that they are not good ones.
        let path = |ending: &str| self.pictures(id).join(format!("picture{n:05}.{ending}"));
        let new = path(ending(bytes));
        let earlier =
            ENDINGS.map(path).into_iter().filter_map(|path| Some((fs::metadata(&path).ok()?.len(), path)));
        let earlier: Vec<_> = earlier.collect();
        write_whole(&new, |writer| writer.write_all(bytes))?;
        for (_, path) in earlier.iter().filter(|(_, path)| *path != new) {
            fs::remove_file(path).map_err(|e| Error::io(path, e))?;
        }
        Ok((!earlier.is_empty()).then(|| earlier.iter().map(|(length, _)| length).sum()))
    }

    /// Removes a training's folder; its model stays. Files that cannot be removed do no harm.
    pub fn clear(&self, id: u64) {
        let _ = fs::remove_dir_all(self.of(id));
    }

    /// Removes what a training needed and its model does not: pictures and checkpoint.
    pub fn strip(&self, id: u64) {
        let _ = fs::remove_dir_all(self.pictures(id));
        let _ = fs::remove_file(self.checkpoint(id));
    }
}

/// The ending of a picture file's name, decided by its content.
fn ending(bytes: &[u8]) -> &'static str {
    let format = image::guess_format(bytes).ok();
    let own =
        format.and_then(|format| format.extensions_str().iter().find(|own| ENDINGS.contains(own)).copied());
    // A readable file without another signature is a BigTIFF.
    own.unwrap_or("tiff")
}

/// The content of a folder, sorted.
fn listed(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|e| Error::io(folder, e))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Whether a file may have this name on any system.
pub fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=64).contains(&name.len()) && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_picture_and_a_folder_of_others_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        fs::create_dir(root.path().join("trainings/1")).unwrap();
        fs::write(root.path().join("trainings/1/job.json"), "{").unwrap();
        assert_eq!(folder.make(1).unwrap(), 2);
        let (png, jpg) = (b"\x89PNG\r\n\x1a\nxx".as_slice(), b"\xff\xd8\xff\xe0".as_slice());
        assert_eq!(folder.put(2, 0, png).unwrap(), None);
        assert_eq!(folder.put(2, 0, jpg).unwrap(), Some(10));
        assert_eq!(listed(&folder.pictures(2)).unwrap(), [folder.pictures(2).join("picture00000.jpg")]);
        let records = folder.records().unwrap();
        assert!(records.iter().map(|(id, record)| (*id, record.is_none())).eq([(1, true), (2, true)]));
        folder.clear(2);
        assert_eq!(folder.records().unwrap().len(), 1);
    }
}
