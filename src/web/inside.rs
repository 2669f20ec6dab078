//! Look inside: every step of the method on one picture, and synthetic anomalies.

use super::detection::{Detector, opaque, rgba};
use super::error::thrown;
use crate::detection;
use crate::inference::{Axes, Engine, LevelFeatures, LevelMaps, Patch, Plan};
use crate::model::{Info, TensorStore};
use crate::picture::{self, Picture, normalize};
use crate::synthesis::plainest_defect;
use crate::{Error, Result};
use std::path::Path;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
impl Detector {
    /// Whether [`Self::inspect`] still needs [`Self::prepare_inspection`].
    #[wasm_bindgen(getter, js_name = needsInspector)]
    pub fn needs_inspector(&self) -> bool {
        self.engine().is_none()
    }

    /// Loads the model on the CPU too, since a GPU does not give access to features. `bytes` are those of its
    /// file.
    ///
    /// # Errors
    /// `ModelError`: as when loading.
    #[wasm_bindgen(js_name = prepareInspection)]
    pub fn prepare_inspection(&mut self, bytes: Vec<u8>, name: String) -> std::result::Result<(), JsValue> {
        let store = TensorStore::new(&bytes, Path::new(&name));
        let plan = store.and_then(|store| Plan::new(self.header(), &store)).map_err(thrown)?;
        self.inspector = Some(Engine::new(plan));
        Ok(())
    }

    /// A picture file as the network receives it: decoded, upright, at the network's size; RGBA.
    ///
    /// # Errors
    /// `PictureError`: the bytes are not a picture, are damaged, or too large.
    #[wasm_bindgen(js_name = inputOf)]
    pub fn input_of(&self, bytes: Vec<u8>, name: String) -> std::result::Result<Vec<u8>, JsValue> {
        let (picture, _) =
            picture::decode_ranged(&bytes, Path::new(&name), self.header().range).map_err(thrown)?;
        Ok(rgba(&self.header().view.input_of(&picture, self.header().size)))
    }

    /// A synthetic anomaly as in training: a texture within Perlin noise, on the part. The most visible of several
    /// draws is taken, since many are hardly visible; the same seed gives the same one.
    ///
    /// # Errors
    /// `PictureError`: the number of pixels, of four bytes each, is not that of the network's input.
    pub fn defect(&self, pixels: Vec<u8>, seed: u32) -> std::result::Result<Vec<u8>, JsValue> {
        let picture = self.input(&pixels).map_err(thrown)?;
        Ok(rgba(&plainest_defect(&picture, u64::from(seed)).picture))
    }

    /// Fixes the colors of [`IntermediateFeatures::colors`] with good pictures: `size x size` pixels of four bytes
    /// each, one picture after the other. Otherwise each picture has colors of its own.
    ///
    /// # Errors
    /// `PictureError`: a picture is incomplete, or there is none. `DetectionError`: the model is only on the GPU.
    #[wasm_bindgen(js_name = fixColors)]
    pub fn fix_colors(&mut self, pixels: Vec<u8>) -> std::result::Result<(), JsValue> {
        self.axes = Some(Rc::new(self.axes_of(&pixels).map_err(thrown)?));
        Ok(())
    }

    /// Every step of the method on the network's pixels of four bytes; without the residual if `amplify` is off.
    ///
    /// # Errors
    /// `PictureError`: the number of pixels is wrong. `DetectionError`: the map is not finite, or the model is
    /// only on the GPU.
    pub fn inspect(
        &self,
        pixels: Vec<u8>,
        amplify: bool,
    ) -> std::result::Result<IntermediateFeatures, JsValue> {
        self.look(&pixels, amplify).map_err(thrown)
    }
}

impl Detector {
    fn look(&self, pixels: &[u8], amplify: bool) -> Result<IntermediateFeatures> {
        let picture = self.input(pixels)?;
        let levels = self.inspector()?.look(&normalize(&picture), amplify);
        let side = |level: &LevelFeatures| [level.shape[1], level.shape[2]];
        let parts = levels.each_ref().map(|level| (level.discrepancy.as_slice(), side(level)));
        let Info { size, view, threshold, .. } = self.header();
        let map = detection::anomaly_map(&parts, *size);
        let score = view.pooling.score(&map, None);
        let found = detection::judge(map, score, threshold.value)?;
        // Everything after the levels is linear, so the parts add up to the whole.
        let shares = parts.map(|part| detection::anomaly_map(&[part], *size).data);
        let own = || Rc::new(levels.each_ref().map(|level| Axes::new(&[&level.teacher], level.shape[0])));
        let axes = self.axes.clone().unwrap_or_else(own);
        let maps = levels.each_ref().map(LevelFeatures::maps);
        Ok(IntermediateFeatures { maps, axes, levels, shares, found })
    }

    fn axes_of(&self, pixels: &[u8]) -> Result<[Axes; 3]> {
        let one = 4 * self.header().size.area();
        if pixels.is_empty() || !pixels.len().is_multiple_of(one) {
            let reason = format!("{} bytes are not whole pictures of {one}", pixels.len());
            return Err(Error::picture("pixels", reason));
        }
        let looked = pixels.chunks(one).map(|pixels| {
            let picture = self.input(pixels)?;
            Ok(self.inspector()?.look(&normalize(&picture), false))
        });
        let looked = looked.collect::<Result<Vec<_>>>()?;
        Ok([0, 1, 2].map(|k| {
            let teachers: Vec<&[f32]> = looked.iter().map(|levels| levels[k].teacher.as_slice()).collect();
            Axes::new(&teachers, looked[0][k].shape[0])
        }))
    }

    fn inspector(&self) -> Result<&Engine> {
        let missing = || Error::Device("the model is only on the GPU, which hands out no features".into());
        self.engine().ok_or_else(missing)
    }

    /// Pixels of four bytes as the network's picture.
    pub(super) fn input(&self, pixels: &[u8]) -> Result<Picture> {
        let (width, height) = self.header().size.pixels();
        opaque(pixels, width, height)
    }
}

/// Every step of the method on one picture.
#[wasm_bindgen]
pub struct IntermediateFeatures {
    maps: [LevelMaps; 3],
    levels: [LevelFeatures; 3],
    axes: Rc<[Axes; 3]>,
    shares: [Vec<f32>; 3],
    found: detection::Detection,
}

#[wasm_bindgen]
impl IntermediateFeatures {
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
        self.levels.get(level).map_or(0, |level| level.shape[2])
    }

    /// One map of a level, row by row: `teacher`, `gate`, `residual`, `advanced`, `student` or `discrepancy`;
    /// features as the mean over their channels, the residual as the mean of its magnitudes. `None` if the
    /// model has no such part.
    pub fn panel(&self, level: usize, name: &str) -> Option<Vec<f32>> {
        let level = self.maps.get(level)?;
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

    /// A level's features along three axes, `[3, side, side]`, mostly 0 to 1: `teacher`, `advanced` or
    /// `student`, all on the same axes. `None` if the model has no such part.
    pub fn colors(&self, level: usize, name: &str) -> Option<Vec<f32>> {
        let (features, axes) = (self.levels.get(level)?, self.axes.get(level)?);
        let compared = features.compared.as_ref();
        let features = match name {
            "teacher" => Some(&features.teacher),
            "advanced" => compared.map(|[advanced, _]| advanced),
            "student" => compared.map(|[_, student]| student),
            _ => None,
        };
        features.map(|features| axes.colors(features))
    }

    /// The share of the teacher's variance along each of the three axes of a level.
    #[wasm_bindgen(js_name = colorShares)]
    pub fn color_shares(&self, level: usize) -> Vec<f64> {
        self.axes.get(level).map(|axes| axes.shares.to_vec()).unwrap_or_default()
    }

    /// The numbers of a patch, counted row by row; `None` if there is no such patch.
    pub fn patch(&self, level: usize, position: usize) -> Option<PatchNumbers> {
        self.levels.get(level)?.patch(position).map(PatchNumbers)
    }

    /// How similar each patch is to one of them for the teacher: cosines, row by row.
    pub fn similar(&self, level: usize, position: usize) -> Option<Vec<f32>> {
        Some(self.levels.get(level)?.similar(position)?.data)
    }
}

/// The numbers of one patch.
#[wasm_bindgen]
pub struct PatchNumbers(Patch);

#[wasm_bindgen]
impl PatchNumbers {
    /// The teacher's vector.
    #[wasm_bindgen(getter)]
    pub fn teacher(&self) -> Vec<f32> {
        self.0.teacher.clone()
    }

    /// The advanced teacher's vector; `None` if the model scores by its gate.
    #[wasm_bindgen(getter)]
    pub fn advanced(&self) -> Option<Vec<f32>> {
        self.0.compared.as_ref().map(|[advanced, _]| advanced.clone())
    }

    /// The student's vector; `None` if the model scores by its gate.
    #[wasm_bindgen(getter)]
    pub fn student(&self) -> Option<Vec<f32>> {
        self.0.compared.as_ref().map(|[_, student]| student.clone())
    }

    /// The cosine of the two compared vectors.
    #[wasm_bindgen(getter)]
    pub fn cosine(&self) -> f64 {
        self.0.cosine
    }

    /// Cosines with the memory items, the normal ones first; `None` without a gate.
    #[wasm_bindgen(getter, js_name = memoryCosines)]
    pub fn memory_cosines(&self) -> Option<Vec<f64>> {
        self.0.gate.as_ref().map(|gate| gate.cosines.clone())
    }

    /// Their softmax; `None` without a gate.
    #[wasm_bindgen(getter, js_name = memoryShares)]
    pub fn memory_shares(&self) -> Option<Vec<f64>> {
        self.0.gate.as_ref().map(|gate| gate.shares.clone())
    }

    /// The gate.
    #[wasm_bindgen(getter)]
    pub fn gate(&self) -> Option<f64> {
        self.0.gate.as_ref().map(|gate| gate.weight)
    }
}
