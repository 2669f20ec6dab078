//! A model learns from corrections in the page: `aand refine` for a file in memory.

use super::error::thrown;
use super::remark::remark;
use super::training_device::processor;
use super::training_watch::TrainingObserver;
use crate::hash::sha256_of;
use crate::model::{Correction, Info, encode_async, header};
use crate::refinement::{Corrected, Refined, Settings, refine_async};
use crate::{Error, Result};
use serde::Deserialize;
use std::path::Path;
use wasm_bindgen::prelude::*;

/// The page's request; fields left out are as in `aand refine`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Decides everything random.
    seed: Option<u64>,
    /// How often the student sees each picture.
    epochs: Option<usize>,
    /// The share by which the model may become worse.
    margin: Option<f64>,
}

/// A refinement in preparation.
#[wasm_bindgen]
pub struct Refiner {
    bytes: Vec<u8>,
    info: Info,
    settings: Settings,
    good: Vec<Corrected>,
    defects: Vec<Corrected>,
    /// The outcome of a finished refinement.
    outcome: Option<String>,
}

#[wasm_bindgen]
impl Refiner {
    /// A refinement of the model file `bytes` as `wanted` (JSON: seed, epochs, margin; each may be left out), on the
    /// GPU that the browser prefers or on the CPU.
    ///
    /// # Errors
    /// `ModelError`: the bytes are not a model. `TrainingError`: a setting is unknown. `DetectionError`: there is no
    /// GPU.
    pub async fn open(bytes: Vec<u8>, wanted: String, gpu: bool) -> std::result::Result<Refiner, JsValue> {
        Self::new(bytes, &wanted, gpu).await.map_err(thrown)
    }

    /// Adds a picture that is `good`, or shows a defect. `file` are the bytes of its file if `bytes` are a decoded
    /// copy: by these it is recognized when it is given again. Returns a remark on how its values are stored, as the
    /// training does.
    ///
    /// # Errors
    /// `PictureError`: the bytes are not a picture, are damaged, or too large.
    pub fn add(
        &mut self,
        bytes: Vec<u8>,
        name: String,
        good: bool,
        file: Option<Vec<u8>>,
    ) -> std::result::Result<Option<String>, JsValue> {
        let read = Corrected::read(&bytes, Path::new(&name), &self.info);
        let (mut corrected, details) = read.map_err(thrown)?;
        if let Some(file) = file {
            corrected.correction = Correction { sha256: sha256_of(file), ..corrected.correction };
        }
        if good { &mut self.good } else { &mut self.defects }.push(corrected);
        Ok(remark(&details, self.info.range))
    }

    /// Refines and returns the file of the refined model, which the caller may reject: [`outcome`](Self::outcome) says
    /// why. `tell` receives every event of the student's trainings as JSON and may answer `stop`; there are three
    /// trainings if there are four new pictures or more (two for the threshold), else one. The promise that `idle`
    /// returns is awaited after each event.
    ///
    /// # Errors
    /// `ModelError`: the model keeps no pictures or has no student. `TrainingError`: there are no good pictures, no new ones,
    /// a loss is not a number, or it was stopped. `DetectionError`: the device failed.
    pub async fn refine(
        &mut self,
        tell: js_sys::Function,
        idle: js_sys::Function,
    ) -> std::result::Result<Vec<u8>, JsValue> {
        self.run(TrainingObserver::new(tell, idle, None)).await.map_err(thrown)
    }

    /// What a finished refinement has changed, as JSON: the `sentence`; `worse`, why the model should be rejected (null
    /// if it need not be); `leftOut`, the number of pictures it was refined on before; its `threshold`; the
    /// `refinement` as recorded in the file.
    pub fn outcome(&mut self) -> Option<String> {
        self.outcome.take()
    }
}

impl Refiner {
    async fn new(bytes: Vec<u8>, wanted: &str, gpu: bool) -> Result<Self> {
        let wanted = serde_json::from_str(wanted);
        let wanted: Wanted = wanted.map_err(|e| Error::Setting(format!("unknown settings: {e}")))?;
        let info = header(&bytes, Path::new("the model"))?;
        let defaults = Settings::default();
        let settings = Settings {
            seed: wanted.seed.unwrap_or(defaults.seed),
            epochs: wanted.epochs.unwrap_or(defaults.epochs),
            margin: wanted.margin.unwrap_or(defaults.margin),
            processor: processor(gpu).await?,
            // Seconds since 1970.
            when: Some((js_sys::Date::now() / 1000.0) as u64),
            ..defaults
        };
        Ok(Self { bytes, info, settings, good: Vec::new(), defects: Vec::new(), outcome: None })
    }

    async fn run(&mut self, mut watch: TrainingObserver) -> Result<Vec<u8>> {
        let model = (self.bytes.as_slice(), Path::new("the model"));
        let found = refine_async(model, &self.good, &self.defects, &self.settings, &mut watch).await?;
        self.outcome = Some(told(&found));
        encode_async(&found.model).await
    }
}

fn told(found: &Refined) -> String {
    let told = serde_json::json!({
        "sentence": found.sentence(),
        "worse": found.worse,
        "leftOut": found.left_out,
        "threshold": found.model.info.threshold,
        "refinement": found.record(),
    });
    told.to_string()
}
