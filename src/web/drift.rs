//! Has something changed since the training? `aand watch` for the pictures that the page has judged.

use super::detection::Detector;
use super::error::thrown;
use crate::drift::{self, FEWEST, Finding, Reference, Signal};
use crate::embedding::Familiar;
use crate::model::{TensorStore, kept};
use crate::picture;
use crate::{Error, Result};
use serde::Deserialize;
use std::path::Path;
use wasm_bindgen::prelude::*;

/// What the page knows about one picture.
#[derive(Deserialize)]
struct Seen {
    score: f64,
    good: bool,
    distance: Option<f64>,
    corrected: Option<bool>,
}

#[wasm_bindgen]
impl Detector {
    /// Loads the embeddings of the training, for [`distance`](Self::distance); returns whether the model keeps any.
    /// `bytes` are those of its file.
    ///
    /// # Errors
    /// `ModelError`: as when loading.
    #[wasm_bindgen(js_name = prepareDistance)]
    pub fn prepare_distance(&mut self, bytes: Vec<u8>, name: String) -> std::result::Result<bool, JsValue> {
        self.familiar = self.familiar_of(&bytes, Path::new(&name)).map_err(thrown)?;
        Ok(self.familiar.is_some())
    }

    /// The distance of a picture's embedding from the nearest of the training, as in `aand detect --distance`; the
    /// teacher computes it on the CPU. `None` if the model keeps no embeddings.
    ///
    /// # Errors
    /// `PictureError`: the bytes are not a picture, are damaged, or too large.
    pub fn distance(&self, bytes: Vec<u8>, name: String) -> std::result::Result<Option<f64>, JsValue> {
        self.distance_of(&bytes, Path::new(&name)).map_err(thrown)
    }

    /// What the judged pictures, in the order in which they were taken, say about a change. JSON in: `score`, `good`,
    /// `distance` or null, `corrected` or null for each. JSON out: `fewest`, the number of pictures below which nothing
    /// can be said; and for each of the `signals` its `signal`, `finding` (`changed`, `usual`, `unknown`), `sentence`
    /// and, if it changed, `since` which picture, from 0.
    ///
    /// # Errors
    /// `TrainingError`: the JSON has another form.
    pub fn drift(&self, pictures: String) -> std::result::Result<String, JsValue> {
        self.drift_of(&pictures).map_err(thrown)
    }
}

impl Detector {
    fn familiar_of(&self, bytes: &[u8], name: &Path) -> Result<Option<Familiar>> {
        Familiar::new(self.header(), &TensorStore::new(bytes, name)?, kept(bytes, name)?.embeddings)
    }

    fn distance_of(&self, bytes: &[u8], name: &Path) -> Result<Option<f64>> {
        let Some(familiar) = &self.familiar else { return Ok(None) };
        let info = self.header();
        let (picture, _) = picture::decode_ranged(bytes, name, info.range)?;
        Ok(familiar.distances(&[info.view.see(&picture, info.size)])?.pop())
    }

    fn drift_of(&self, pictures: &str) -> Result<String> {
        let seen: Vec<Seen> = serde_json::from_str(pictures)
            .map_err(|e| Error::Setting(format!("the pictures cannot be read: {e}")))?;
        let threshold = &self.header().threshold;
        let mut watch = drift::Watch::new(Reference {
            scores: threshold.scores.clone(),
            distances: self.familiar.as_ref().map(Familiar::usual).unwrap_or_default(),
            false_alarms: threshold.stated.map(|stated| stated.false_alarms),
        });
        for Seen { score, good, distance, corrected } in seen {
            watch.see(&drift::Seen { score, good, distance, corrected });
        }
        let signals: Vec<serde_json::Value> = watch.signals().iter().map(told).collect();
        Ok(serde_json::json!({ "fewest": FEWEST, "signals": signals }).to_string())
    }
}

fn told(signal: &Signal) -> serde_json::Value {
    let since = match signal.finding {
        Finding::Changed { since } => Some(since),
        _ => None,
    };
    serde_json::json!({
        "signal": signal.name, "finding": signal.finding.word(), "sentence": signal.sentence, "since": since,
    })
}
