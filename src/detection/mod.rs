//! Detection: from pictures to anomaly maps, scores and verdicts (method.md 5; the paper's Section III-D).

mod colour;
mod map;
mod threshold;

pub use colour::{colour, enlarge, feature_picture, heat_map, overlay, scale_position};
pub use map::{add_upsampled, anomaly_map, gaussian};
pub use threshold::{ENOUGH, FALSE_ALARMS, FEWEST, from_good_scores, held_out_count, normalised};

use crate::model::Aand;
use crate::picture::{Picture, ScoreMap, normalise, resize};
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData, Transaction};
use serde::{Deserialize, Serialize};

/// What is said of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The score does not exceed the threshold.
    Good,
    /// It does.
    Anomalous,
}

/// What was found in one picture.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The smoothed anomaly map at the model's input size.
    pub map: ScoreMap,
    /// Its maximum.
    pub score: f64,
    /// [`normalised`]: 0.5 is the threshold.
    pub normalized: f64,
    /// Whether the score exceeds the threshold.
    pub verdict: Verdict,
}

/// Runs a model on pictures.
#[derive(Clone, Debug)]
pub struct Detector {
    /// The model.
    pub model: Aand,
}

impl Detector {
    /// A detector on the model's device.
    pub fn new(model: Aand) -> Self {
        Self { model }
    }

    /// Finds anomalies in pictures of any size, all of them in one batch.
    ///
    /// # Errors
    /// The device failed, or the map has numbers that are not finite.
    pub fn detect(&self, pictures: &[Picture]) -> Result<Vec<Detection>> {
        let size = self.model.info.size;
        let resized = pictures.iter().map(|p| resize(p, size as u32, size as u32));
        let pixels: Vec<f32> = resized.flat_map(|p| normalise(&p)).collect();
        self.maps(pixels, pictures.len())?.into_iter().map(|map| self.judge(map)).collect()
    }

    /// Anomaly maps of `count` pictures given as normalised pixels `[count, 3, S, S]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn maps(&self, pixels: Vec<f32>, count: usize) -> Result<Vec<ScoreMap>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let size = self.model.info.size;
        let x = batch(pixels, count, size, &self.model.device());
        let discrepancy = self.model.forward(x).discrepancy;
        let dims = discrepancy.each_ref().map(|d| [d.dims()[2], d.dims()[3]]);
        let levels = read_together(discrepancy)?;
        let map = |i: usize| {
            let level = |k: usize| {
                let length = dims[k][0] * dims[k][1];
                (levels[k][i * length..][..length].to_vec(), dims[k])
            };
            anomaly_map(&[level(0), level(1), level(2)], size)
        };
        Ok((0..count).map(map).collect())
    }

    /// Score and verdict of an anomaly map.
    ///
    /// # Errors
    /// The map has numbers that are not finite.
    pub fn judge(&self, map: ScoreMap) -> Result<Detection> {
        let score = f64::from(map.data.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        if !score.is_finite() || map.data.iter().any(|v| !v.is_finite()) {
            let reason = "the anomaly map is not finite; the model is damaged or the device is faulty (try --device cpu)";
            return Err(Error::Device(reason.into()));
        }
        let threshold = self.model.info.threshold.value;
        let verdict = if score > threshold { Verdict::Anomalous } else { Verdict::Good };
        Ok(Detection { map, score, normalized: normalised(score, threshold), verdict })
    }
}

/// Normalised pixels as a tensor `[count, 3, size, size]`.
pub fn batch(pixels: Vec<f32>, count: usize, size: usize, device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(pixels, [count, 3, size, size]), device)
}

/// Three tensors read back in one go.
fn read_together(tensors: [Tensor<4>; 3]) -> Result<Vec<Vec<f32>>> {
    let transaction = tensors.into_iter().fold(Transaction::default(), Transaction::register);
    let values = transaction.execute().into_iter().map(|data| data.try_into_vec::<f32>());
    values.map(|v| v.map_err(|e| Error::Device(format!("cannot read the result back: {e:?}")))).collect()
}
