//! The served models: each one's name, and the version of its file in use.

use crate::detection::Detector;
use crate::files::plain_name;
use crate::gpu::Processor;
use crate::model::Precision;
use crate::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

/// A model in use.
#[derive(Debug)]
pub struct Loaded {
    /// Its name.
    pub name: String,
    /// Its detector.
    pub detector: Detector,
    /// The file it was read from.
    pub stamp: Stamp,
}

/// Identifies a version of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    number: u64,
}

impl Stamp {
    /// The stamp of the file now; none if it cannot be examined.
    pub fn of(path: &Path) -> Option<Self> {
        let facts = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        let number = std::os::unix::fs::MetadataExt::ino(&facts);
        #[cfg(not(unix))]
        let number = 0;
        Some(Self { length: facts.len(), modified: facts.modified().ok(), number })
    }
}

/// A model's name and file, and the loaded model in use.
#[derive(Debug)]
pub struct Served {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    current: RwLock<Arc<Loaded>>,
    /// Why the present file cannot be used, if so.
    trouble: Mutex<Option<String>>,
}

impl Served {
    /// The model with which a request that begins now is answered.
    pub fn current(&self) -> Arc<Loaded> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the model in use.
    pub fn replace(&self, loaded: Loaded) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(loaded);
        self.set_trouble(None);
    }

    /// Why the present file cannot be used, if so.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records why the present file cannot be used, if so.
    pub fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// A model's name: its file's name without the ending.
pub fn name_of(path: &Path) -> String {
    plain_name(path.file_stem().unwrap_or_default())
}

/// All models that are served.
#[derive(Debug)]
pub struct Models {
    /// In the order in which they were added.
    all: RwLock<Vec<Arc<Served>>>,
    processor: Processor,
    precision: Precision,
}

impl Models {
    /// Opens model files.
    ///
    /// # Errors
    /// There is none, one cannot be opened, or two have the same name.
    pub fn open(paths: &[PathBuf], processor: &Processor, precision: Precision) -> Result<Self> {
        if paths.is_empty() {
            return Err(Error::Usage("there is no model to serve; give one or more".into()));
        }
        let models = Self::none(processor, precision);
        paths.iter().try_for_each(|path| models.add(path))?;
        Ok(models)
    }

    /// No model yet: they come with [`add`](Self::add).
    pub fn none(processor: &Processor, precision: Precision) -> Self {
        Self { all: RwLock::default(), processor: processor.clone(), precision }
    }

    /// Opens one more.
    ///
    /// # Errors
    /// It cannot be opened, or its name is taken.
    pub fn add(&self, path: &Path) -> Result<()> {
        let name = name_of(path);
        let taken = |name: &str| {
            Error::Setting(format!(
                "{}: there is already a model called {name}; rename one, they are told apart by their files' names",
                path.display()
            ))
        };
        if self.get(&name).is_some() {
            return Err(taken(&name));
        }
        let current = RwLock::new(Arc::new(self.load(&name, path)?));
        let served = Served { name, path: path.into(), current, trouble: Mutex::new(None) };
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        if all.iter().any(|other| other.name == served.name) {
            return Err(taken(&served.name));
        }
        all.push(Arc::new(served));
        Ok(())
    }

    /// The device that computes.
    pub fn processor(&self) -> &Processor {
        &self.processor
    }

    /// Reads a model file, and makes sure that it does not change while being read.
    ///
    /// # Errors
    /// It cannot be opened, or it is being written.
    pub fn load(&self, name: &str, path: &Path) -> Result<Loaded> {
        let before = Stamp::of(path);
        let detector = Detector::open_in(self.precision, path, &self.processor)?;
        match (before, Stamp::of(path)) {
            (Some(stamp), Some(after)) if stamp == after => Ok(Loaded { name: name.into(), detector, stamp }),
            _ => Err(Error::model(path, "it changed while it was read; write it whole, then rename it")),
        }
    }

    /// The models that are served now.
    pub fn all(&self) -> Vec<Arc<Served>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The models' names.
    pub fn names(&self) -> Vec<String> {
        self.all().iter().map(|served| served.name.clone()).collect()
    }

    /// The model with that name.
    pub fn get(&self, name: &str) -> Option<Arc<Served>> {
        self.all().into_iter().find(|served| served.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_a_model() {
        let said = Models::open(&[], &Processor::Cpu, Precision::F32).unwrap_err();
        assert!(matches!(said, Error::Usage(_)), "{said}");
    }
}
