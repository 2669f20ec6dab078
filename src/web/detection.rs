//! Loads a model and judges pictures.

use super::compute::Compute;
use super::error::thrown;
use super::remark::remark;
use crate::detection::{self, Executor, Verdict};
use crate::embedding::Familiar;
use crate::inference::{Axes, Engine, Plan};
use crate::model::{Info, Precision, TensorStore, header};
use crate::nearest::Gallery;
use crate::picture::{self, Picture, resize};
use crate::{Error, Result};
use std::path::Path;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wgpu::web_sys::OffscreenCanvas;

/// A model, ready to judge pictures.
#[wasm_bindgen]
pub struct Detector {
    pub(super) compute: Compute,
    /// The model on the CPU, for looking inside while a GPU detects.
    pub(super) inspector: Option<Engine>,
    /// The axes of the features' colors, by level.
    pub(super) axes: Option<Rc<[Axes; 3]>>,
    /// Good pictures to compare with, once they have been asked for.
    pub(super) gallery: Option<Gallery>,
    /// The embeddings of the training, once a distance to them has been asked for.
    pub(super) familiar: Option<Familiar>,
}

#[wasm_bindgen]
impl Detector {
    /// A model from the bytes of its file, on the GPU that the browser prefers or on the CPU. A GPU computes with
    /// f16 if `half`, and shows its heat maps on `canvas`, if any.
    ///
    /// # Errors
    /// `ModelError`: the bytes are not a model, are truncated or damaged, or of another version.
    /// `DetectionError`: there is no GPU, or it lacks f16 or is out of memory.
    pub async fn load(
        bytes: Vec<u8>,
        name: String,
        gpu: bool,
        half: bool,
        canvas: Option<OffscreenCanvas>,
    ) -> std::result::Result<Detector, JsValue> {
        let gpu = gpu.then_some(if half { Precision::F16 } else { Precision::F32 });
        Self::open(bytes, Path::new(&name), gpu, canvas).await.map_err(thrown)
    }

    /// The device that computes: `cpu` or `gpu`.
    #[wasm_bindgen(getter)]
    pub fn compute(&self) -> String {
        self.compute.name().into()
    }

    /// The header of the model file as JSON.
    ///
    /// # Errors
    /// None is expected.
    #[wasm_bindgen(getter)]
    pub fn info(&self) -> std::result::Result<String, JsValue> {
        let unwritable = |e| Error::Setting(format!("the model's header cannot be written: {e}"));
        serde_json::to_string(&self.compute.detector.info).map_err(unwritable).map_err(thrown)
    }

    /// Judges a picture file as `aand detect` does: the same code decodes it, turns it upright and resizes
    /// it. `progress` is called with the number of layers done and of all layers.
    ///
    /// # Errors
    /// `PictureError`: the bytes are not a picture, are damaged, or too large. `DetectionError`: the device
    /// failed.
    #[wasm_bindgen(js_name = detectFile)]
    pub async fn detect_file(
        &mut self,
        bytes: Vec<u8>,
        name: String,
        progress: js_sys::Function,
    ) -> std::result::Result<Detection, JsValue> {
        let (picture, details) =
            picture::decode_ranged(&bytes, Path::new(&name), self.header().range).map_err(thrown)?;
        drop(bytes);
        let remark = remark(&details, self.header().range);
        let found = self.judge(picture, &progress).await.map_err(thrown)?;
        Ok(Detection { remark, ..found })
    }

    /// Whether [`show`](Self::show) draws: a canvas was given, and the GPU has the whole map.
    #[wasm_bindgen(getter)]
    pub fn draws(&self) -> bool {
        self.compute.draws()
    }

    /// Columns of the network's input.
    #[wasm_bindgen(getter, js_name = inputWidth)]
    pub fn input_width(&self) -> usize {
        self.header().size.width
    }

    /// Draws the heat map of the last judged picture on the canvas of [`load`](Self::load): in solid colors,
    /// or to be laid over the picture.
    ///
    /// # Errors
    /// `DetectionError`: there is no canvas, or the device failed.
    pub fn show(&mut self, see_through: bool) -> std::result::Result<(), JsValue> {
        self.compute.show(see_through).map_err(thrown)
    }

    /// Judges pixels, four bytes each (the fourth is ignored), row by row.
    ///
    /// # Errors
    /// `PictureError`: not `4 * width * height` bytes, or none. `DetectionError`: the device failed.
    #[wasm_bindgen(js_name = detectPixels)]
    pub async fn detect_pixels(
        &mut self,
        rgba: Vec<u8>,
        width: u32,
        height: u32,
        progress: js_sys::Function,
    ) -> std::result::Result<Detection, JsValue> {
        let picture = opaque(&rgba, width, height).map_err(thrown)?;
        self.judge(picture, &progress).await.map_err(thrown)
    }
}

impl Detector {
    async fn open(
        bytes: Vec<u8>,
        name: &Path,
        gpu: Option<Precision>,
        canvas: Option<OffscreenCanvas>,
    ) -> Result<Self> {
        let info = header(&bytes, name)?;
        let plan = Plan::new(&info, &TensorStore::new(&bytes, name)?)?;
        // Freed here, so that the weights are not held twice.
        drop(bytes);
        let compute = match gpu {
            Some(precision) => Compute::gpu(info, plan, precision, canvas).await?,
            None => Compute::cpu(info, plan),
        };
        Ok(Self { compute, inspector: None, axes: None, gallery: None, familiar: None })
    }

    /// The model on the CPU, if it is loaded there.
    pub(super) fn engine(&self) -> Option<&Engine> {
        match self.compute.detector.executor() {
            Executor::Cpu { engine, .. } => Some(engine.as_ref()),
            Executor::Gpu(_) => self.inspector.as_ref(),
        }
    }

    /// Everything about the model that is not a tensor.
    pub(super) fn header(&self) -> &Info {
        &self.compute.detector.info
    }

    async fn judge(&self, picture: Picture, progress: &js_sys::Function) -> Result<Detection> {
        let detector = &self.compute.detector;
        let seen = detector.info.view.see(&picture, detector.info.size);
        if let Some(reason) = detector.info.view.misfit(seen.native) {
            return Err(Error::picture("the picture", reason));
        }
        let mut tell = |done: usize, layers: usize| {
            // Exceptions of a listener are ignored.
            let _ = progress.call2(&JsValue::NULL, &JsValue::from(done), &JsValue::from(layers));
        };
        let native = seen.native;
        let mut maps = detector.look(std::slice::from_ref(&seen), &mut tell).await?;
        self.compute.check()?;
        let map = maps.pop().ok_or_else(|| Error::Device("a map is missing".into()))?;
        let found = detector.judge(map, native)?;
        drop(seen);
        Ok(Detection { found, picture, remark: None })
    }
}

/// What was found in one picture.
#[wasm_bindgen]
pub struct Detection {
    found: detection::Detection,
    picture: Picture,
    remark: Option<String>,
}

#[wasm_bindgen]
impl Detection {
    /// The maximum of the map.
    #[wasm_bindgen(getter)]
    pub fn score(&self) -> f64 {
        self.found.score
    }

    /// The score on the scale where 0.5 is the model's threshold.
    #[wasm_bindgen(getter)]
    pub fn normalized(&self) -> f64 {
        self.found.normalized
    }

    /// Whether the score exceeds the model's threshold.
    #[wasm_bindgen(getter)]
    pub fn anomalous(&self) -> bool {
        self.found.verdict == Verdict::Anomalous
    }

    /// A remark on how the picture's values are stored (the page's `Remark`, as JSON), if there is one.
    #[wasm_bindgen(getter)]
    pub fn remark(&self) -> Option<String> {
        self.remark.clone()
    }

    /// Width of the upright picture in pixels.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> u32 {
        self.picture.width()
    }

    /// Height of the upright picture in pixels.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> u32 {
        self.picture.height()
    }

    /// Columns of the map; its rows follow from its length.
    #[wasm_bindgen(getter)]
    pub fn side(&self) -> usize {
        self.found.map.width
    }

    /// The anomaly map, row by row.
    #[wasm_bindgen(getter)]
    pub fn map(&self) -> Vec<f32> {
        self.found.map.data.clone()
    }

    /// The regions above the threshold as JSON: `box` (left, upper edge, width, height), `center`, `area`, `maximum` and
    /// `mean`, in pixels of the upright picture, the highest first.
    ///
    /// # Errors
    /// None is expected.
    #[wasm_bindgen(getter)]
    pub fn regions(&self) -> std::result::Result<String, JsValue> {
        let unwritable = |e| Error::Setting(format!("the regions cannot be written: {e}"));
        serde_json::to_string(&self.found.regions).map_err(unwritable).map_err(thrown)
    }

    /// The upright picture as RGBA, `width x height`.
    pub fn preview(&self, width: u32, height: u32) -> Vec<u8> {
        // Only for display: skipping pixels first leaves less work for the bicubic resize.
        let (w, h) = self.picture.dimensions();
        let step = (w / width.max(1)).min(h / height.max(1)) / 2;
        let small = match step {
            0 | 1 => resize(&self.picture, width, height),
            _ => {
                let near =
                    Picture::from_fn(w / step, h / step, |x, y| *self.picture.get_pixel(x * step, y * step));
                resize(&near, width, height)
            }
        };
        rgba(&small)
    }
}

/// Pixels with a fourth byte.
pub(super) fn rgba(picture: &Picture) -> Vec<u8> {
    picture.pixels().flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255]).collect()
}

/// Pixels without their fourth byte.
pub(super) fn opaque(rgba: &[u8], width: u32, height: u32) -> Result<Picture> {
    let wrong = || {
        let reason = format!("{} bytes are not {width} x {height} pixels of 4", rgba.len());
        Error::picture("pixels", reason)
    };
    let wanted = 4 * u64::from(width) * u64::from(height);
    if wanted == 0 || rgba.len() as u64 != wanted {
        return Err(wrong());
    }
    let rgb = rgba.as_chunks::<4>().0.iter().flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    Picture::from_raw(width, height, rgb).ok_or_else(wrong)
}
