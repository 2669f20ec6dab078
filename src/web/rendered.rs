//! Rendered parts for people without pictures of their own, made in the browser for the lesson's trainings.

use super::error::thrown;
use crate::Error;
use crate::render::{ProductLine, render};
use image::ImageFormat;
use std::io::Cursor;
use wasm_bindgen::prelude::*;

/// A rendered part as a PNG file: `line` and `defect` are named as in `aand render`; without a `defect` it is a
/// good part. The same `seed` gives the same part.
///
/// # Errors
/// `TrainingError`: there is no such line or defect.
#[wasm_bindgen]
pub fn rendered(line: &str, seed: u32, defect: Option<String>) -> std::result::Result<Vec<u8>, JsValue> {
    png(line, seed, defect.as_deref()).map_err(thrown)
}

fn png(line: &str, seed: u32, defect: Option<&str>) -> crate::Result<Vec<u8>> {
    let part = render(line.parse::<ProductLine>()?, seed.into(), defect)?;
    let mut file = Cursor::new(Vec::new());
    let written = part.picture.write_to(&mut file, ImageFormat::Png);
    written.map_err(|e| Error::Setting(format!("a rendered picture cannot be encoded: {e}")))?;
    Ok(file.into_inner())
}
