//! A detector in seconds from a person's own good pictures, and its scores of synthetic anomalies.

use super::error::thrown;
use super::remark::remark;
use crate::detection::FALSE_ALARMS;
use crate::model::Learned;
use crate::nearest::{Learner, Wanted, most_pictures};
use crate::picture::{self, Range, Size, View};
use crate::teacher::provide;
use crate::{Error, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::path::Path;
use wasm_bindgen::prelude::*;

/// The page's request.
#[derive(Deserialize)]
struct Asked {
    /// The model's name.
    name: String,
    /// Input side in pixels.
    size: Size,
    /// The stored values that are black and white in pictures of more than 8 bits.
    range: Option<Range>,
}

/// Whether a model needs the teacher of [`provideTeacher`](provide_teacher); `false` if the bytes are not a
/// model.
#[wasm_bindgen(js_name = needsTeacher)]
pub fn needs_teacher(bytes: &[u8]) -> bool {
    crate::model::header(bytes, Path::new("the model")).is_ok_and(|info| info.form.teacher.is_some())
}

/// Provides the embedded teacher's file, once.
///
/// # Errors
/// `TrainingError`: it is another file.
#[wasm_bindgen(js_name = provideTeacher)]
pub fn provide_teacher(bytes: Vec<u8>) -> std::result::Result<(), JsValue> {
    provide(bytes).map_err(thrown)
}

/// Learns a nearest-neighbor detector from good pictures.
#[wasm_bindgen]
pub struct Instant {
    learner: Learner,
    range: Option<Range>,
    size: Size,
    identity: Vec<(String, [u8; 32])>,
}

#[wasm_bindgen]
impl Instant {
    /// Starts with `wanted` (JSON: name, size, range); the teacher must have been provided.
    ///
    /// # Errors
    /// `TrainingError`: a setting is impossible.
    pub fn open(wanted: String) -> std::result::Result<Instant, JsValue> {
        Self::new(&wanted).map_err(thrown)
    }

    /// Adds a good picture. Returns a remark on how its values are stored, as the training does.
    ///
    /// # Errors
    /// `PictureError`: the bytes are not a picture, are damaged, or too large.
    pub fn add(&mut self, bytes: Vec<u8>, name: String) -> std::result::Result<Option<String>, JsValue> {
        let decoded = picture::decode_ranged(&bytes, Path::new(&name), self.range);
        let (picture, details) = decoded.map_err(thrown)?;
        self.learner.add(&picture).map_err(thrown)?;
        self.identity.push((name, Sha256::digest(&bytes).into()));
        Ok(remark(&details, self.range))
    }

    /// How many pictures there is memory for.
    #[wasm_bindgen(getter)]
    pub fn most(&self) -> usize {
        most_pictures(self.size)
    }

    /// Learns from the added pictures; returns the bytes of the model file.
    ///
    /// # Errors
    /// `TrainingError`: there are too few pictures.
    pub fn learn(&mut self) -> std::result::Result<Vec<u8>, JsValue> {
        let identity =
            self.identity.iter().map(|(name, content)| (std::iter::once(name.as_bytes()), *content));
        let fingerprint = crate::hash::fingerprint_of(identity);
        let learned = Learned::of(self.identity.iter().map(|(_, content)| content));
        self.learner.learn(fingerprint, learned).map(|(_, bytes)| bytes).map_err(thrown)
    }

    /// Scores of picture `i` without and with a synthetic anomaly made from `seed`, by the patches of the other
    /// pictures; `None` if there is no such picture.
    pub fn trial(&self, i: usize, seed: u32) -> Option<Vec<f64>> {
        self.learner.trial(i, u64::from(seed)).map(|trial| vec![trial.good, trial.made])
    }
}

impl Instant {
    fn new(wanted: &str) -> Result<Self> {
        let wanted = serde_json::from_str(wanted);
        let Asked { name, size, range } =
            wanted.map_err(|e| Error::Setting(format!("unknown settings: {e}")))?;
        let view = View::default();
        let learner = Learner::new(Wanted { name, size, view, range, false_alarms: FALSE_ALARMS })?;
        Ok(Self { learner, range, size, identity: Vec::new() })
    }
}
