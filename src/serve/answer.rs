//! What was found in a picture, in the form of `aand detect --json` and as a heat map.

use super::failure::{Failure, json};
use super::model::Loaded;
use crate::detection::{Detection, Found, Verdict, heat_map, told_ms};
use crate::picture::Size;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::io::Cursor;

/// What was found in a picture.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The model that judged.
    pub model: String,
    /// The raw score.
    pub score: f64,
    /// The score on the scale where 0.5 is the threshold.
    pub normalized: f64,
    /// Scores above it are anomalous.
    pub threshold: f64,
    /// `good` or `anomalous`.
    pub verdict: Verdict,
    /// Whether the verdict is `anomalous`.
    pub anomalous: bool,
    /// The regions above the threshold, in pixels of the picture; none in a good one.
    pub regions: Vec<Found>,
    /// Milliseconds of decoding, resizing and computing; waiting is not counted.
    pub ms: f64,
}

impl Answer {
    /// From what a model found.
    pub fn new(model: &Loaded, found: &Detection, ms: f64) -> Self {
        Self {
            model: model.name.clone(),
            score: found.score,
            normalized: found.normalized,
            threshold: model.detector.info.threshold.value,
            verdict: found.verdict,
            anomalous: found.verdict == Verdict::Anomalous,
            regions: found.regions.clone(),
            ms: told_ms(ms),
        }
    }

    /// As JSON.
    pub fn json(&self) -> Response {
        json(self)
    }

    /// A heat map, with score and verdict in headers.
    ///
    /// # Errors
    /// A number cannot be written in a header.
    pub fn with_map(&self, png: Vec<u8>) -> Result<Response, Failure> {
        let mut response = ([(CONTENT_TYPE, HeaderValue::from_static("image/png"))], png).into_response();
        for (name, value) in [
            ("aand-score", self.score.to_string()),
            ("aand-threshold", self.threshold.to_string()),
            ("aand-verdict", self.verdict.word().into()),
        ] {
            let value = HeaderValue::try_from(value).map_err(|e| Failure::inner(e.to_string()))?;
            response.headers_mut().insert(name, value);
        }
        Ok(response)
    }
}

/// The heat map of a picture of `native` size, as PNG.
///
/// # Errors
/// It cannot be encoded.
pub fn png(found: &Detection, native: Size, threshold: f64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = heat_map(&found.map, native, threshold);
    let written = picture.write_to(&mut bytes, image::ImageFormat::Png);
    written.map_err(|e| Failure::inner(format!("the heat map cannot be written: {e}")))?;
    Ok(bytes.into_inner())
}
