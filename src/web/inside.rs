//! Looking inside: every step of the method on one picture, and made defects.

use super::detection::{Detector, opaque};
use super::error::thrown;
use crate::detection;
use crate::inference::{Engine, LevelMaps, Plan};
use crate::model::TensorStore;
use crate::picture::{self, Picture, ScoreMap, normalise, resize};
use crate::synthesis::{Foreground, SynthesisConfig, Synthesizer, Textures};
use crate::{Error, Result};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::path::Path;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
impl Detector {
    /// Whether [`Self::inspect`] still needs [`Self::prepare_inspection`].
    #[wasm_bindgen(getter, js_name = needsInspector)]
    pub fn needs_inspector(&self) -> bool {
        self.engine().is_none()
    }

    /// Loads the model for the CPU as well: a GPU hands out no features. `bytes` are those of its file.
    ///
    /// # Errors
    /// `ModelError`: as when loading.
    #[wasm_bindgen(js_name = prepareInspection)]
    pub fn prepare_inspection(&mut self, bytes: Vec<u8>, name: String) -> std::result::Result<(), JsValue> {
        let store = TensorStore::new(&bytes, Path::new(&name));
        let plan = store.and_then(|store| Plan::new(&self.info, &store)).map_err(thrown)?;
        self.inspector = Some(Engine::new(plan));
        Ok(())
    }

    /// A picture file as the network gets it: decoded, upright, `size x size`; RGBA.
    ///
    /// # Errors
    /// `PictureError`: the bytes are no picture, damaged, or too large.
    #[wasm_bindgen(js_name = inputOf)]
    pub fn input_of(&self, bytes: Vec<u8>, name: String) -> std::result::Result<Vec<u8>, JsValue> {
        let (picture, _) =
            picture::decode_ranged(&bytes, Path::new(&name), self.info.range).map_err(thrown)?;
        let size = self.info.size as u32;
        Ok(rgba(&resize(&picture, size, size)))
    }

    /// A defect as training makes them: a texture within Perlin noise, on the part. The same for the same seed.
    ///
    /// # Errors
    /// `PictureError`: not `size x size` pixels of four bytes.
    pub fn defect(&self, pixels: Vec<u8>, seed: u32) -> std::result::Result<Vec<u8>, JsValue> {
        let picture = self.input(&pixels).map_err(thrown)?;
        let config = SynthesisConfig { clean_share: 0.0, ..SynthesisConfig::default() };
        let synthesizer = Synthesizer::with_config(self.info.size, Textures::builtin(), config);
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(seed));
        let foreground = Foreground::Auto.mask(&picture);
        Ok(rgba(&synthesizer.sample(&picture, &foreground, &mut rng).picture))
    }

    /// Every step of the method on `size x size` pixels of four bytes; without the residual if `amplify` is off.
    ///
    /// # Errors
    /// `PictureError`: not as many pixels. `DetectionError`: the map is not finite, or the model is only on the
    /// GPU.
    pub fn inspect(&self, pixels: Vec<u8>, amplify: bool) -> std::result::Result<Insides, JsValue> {
        self.look(&pixels, amplify).map_err(thrown)
    }
}

impl Detector {
    fn look(&self, pixels: &[u8], amplify: bool) -> Result<Insides> {
        let picture = self.input(pixels)?;
        let missing = || Error::Device("the model is only on the GPU, which hands out no features".into());
        let levels = self.engine().ok_or_else(missing)?.inspect(&normalise(&picture), amplify);
        let parts = levels.each_ref().map(|level| {
            let ScoreMap { width, height, data } = &level.discrepancy;
            (data.as_slice(), [*height, *width])
        });
        let found =
            detection::judge(detection::anomaly_map(&parts, self.info.size), self.info.threshold.value)?;
        // All that follows the levels is linear, so that the parts add up to the whole.
        let shares = parts.map(|part| detection::anomaly_map(&[part], self.info.size).data);
        Ok(Insides { levels, shares, found })
    }

    /// Pixels of four bytes as the network's picture.
    fn input(&self, pixels: &[u8]) -> Result<Picture> {
        let size = self.info.size as u32;
        opaque(pixels, size, size)
    }
}

/// Every step of the method on one picture.
#[wasm_bindgen]
pub struct Insides {
    levels: [LevelMaps; 3],
    shares: [Vec<f32>; 3],
    found: detection::Detection,
}

#[wasm_bindgen]
impl Insides {
    /// The maximum of the anomaly map.
    #[wasm_bindgen(getter)]
    pub fn score(&self) -> f64 {
        self.found.score
    }

    /// The anomaly map, row by row.
    #[wasm_bindgen(getter)]
    pub fn map(&self) -> Vec<f32> {
        self.found.map.data.clone()
    }

    /// What a level (0 to 2) adds to the anomaly map; the three add up to it.
    pub fn share(&self, level: usize) -> Vec<f32> {
        self.shares.get(level).cloned().unwrap_or_default()
    }

    /// Rows and columns of a level's maps.
    pub fn side(&self, level: usize) -> usize {
        self.levels.get(level).map_or(0, |level| level.discrepancy.width)
    }

    /// One map of a level, row by row: `teacher`, `gate`, `residual`, `advanced`, `student` or `discrepancy`;
    /// features as the mean over their channels, the residual as that of its magnitudes. Nothing where the
    /// model has no such part.
    pub fn panel(&self, level: usize, name: &str) -> Option<Vec<f32>> {
        let level = self.levels.get(level)?;
        let compared = level.compared.as_ref();
        let map = match name {
            "teacher" => Some(&level.teacher),
            "gate" => level.gate.as_ref(),
            "residual" => compared.map(|c| &c.residual),
            "advanced" => compared.map(|c| &c.advanced),
            "student" => compared.map(|c| &c.student),
            "discrepancy" => Some(&level.discrepancy),
            _ => None,
        };
        map.map(|map| map.data.clone())
    }
}

fn rgba(picture: &Picture) -> Vec<u8> {
    picture.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect()
}
