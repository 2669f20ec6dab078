//! Why a place looks odd: the good patch that is most like it, among the good pictures that the model keeps.

use super::detection::{Detector, rgba};
use super::error::thrown;
use crate::Result;
use crate::model::{TensorStore, kept};
use crate::nearest::{Gallery, Likeness};
use crate::picture::{Seen, Size};
use std::borrow::Cow;
use std::path::Path;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
impl Detector {
    /// Looks at the good pictures that the model keeps; how many there are. `bytes` are those of its file. None where the
    /// map does not show all of a picture.
    ///
    /// # Errors
    /// `ModelError`: as when loading.
    #[wasm_bindgen(js_name = prepareWhy)]
    pub fn prepare_why(&mut self, bytes: Vec<u8>, name: String) -> std::result::Result<usize, JsValue> {
        self.gallery = self.gallery_of(&bytes, Path::new(&name)).map_err(thrown)?;
        Ok(self.gallery.as_ref().map_or(0, Gallery::len))
    }

    /// The good patch that is most like the one at `x`, `y` (shares of width and height) of the network's pixels of four
    /// bytes; nothing without good pictures.
    ///
    /// # Errors
    /// `PictureError`: not as many pixels.
    pub fn why(&self, pixels: Vec<u8>, x: f64, y: f64) -> std::result::Result<Option<Why>, JsValue> {
        let picture = self.input(&pixels).map_err(thrown)?;
        // All of a picture is in them; how large that one was nobody asks.
        let seen = Seen { native: Size::of(&picture), picture: Cow::Owned(picture) };
        Ok(self.gallery.as_ref().and_then(|gallery| gallery.nearest(&seen, [x, y])).map(Why))
    }
}

impl Detector {
    /// The good pictures, looked at; `None` where there are none, before anything is computed.
    fn gallery_of(&self, bytes: &[u8], name: &Path) -> Result<Option<Gallery>> {
        let info = self.header();
        if !info.view.shows_whole_maps() {
            return Ok(None);
        }
        Gallery::new(info, &TensorStore::new(bytes, name)?, kept(bytes, name)?)
    }
}

/// An odd patch and the good one that is most like it.
#[wasm_bindgen]
pub struct Why(Likeness);

#[wasm_bindgen]
impl Why {
    /// The cosine of their features.
    #[wasm_bindgen(getter)]
    pub fn cosine(&self) -> f64 {
        self.0.cosine
    }

    /// Columns and rows of both.
    #[wasm_bindgen(getter)]
    pub fn side(&self) -> u32 {
        self.0.odd.pixels.width()
    }

    /// Around the odd patch, RGBA.
    #[wasm_bindgen(getter)]
    pub fn odd(&self) -> Vec<u8> {
        rgba(&self.0.odd.pixels)
    }

    /// Around the good patch, RGBA.
    #[wasm_bindgen(getter)]
    pub fn good(&self) -> Vec<u8> {
        rgba(&self.0.good.pixels)
    }
}
