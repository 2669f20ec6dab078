//! The functions that a page calls: models and pictures in as bytes, scores and maps out.
//!
//! They are meant for a worker; `web/js/module/worker.js` is the page's own. Errors
//! are JavaScript errors whose `name` is `PictureError`, `ModelError`, `DetectionError` or `TrainingError`, and
//! whose message is the reason and the remedy without the file's name.

// There are two modules: the small one, without Burn, detects; the one with Burn trains, and leaves detection to
// the other.
#[cfg(not(feature = "burn"))]
mod compute;
#[cfg(not(feature = "burn"))]
mod detection;
#[cfg(not(feature = "burn"))]
mod drift;
mod error;
#[cfg(not(feature = "burn"))]
mod inside;
#[cfg(not(feature = "burn"))]
mod instant;
#[cfg(feature = "burn")]
mod refining;
mod remark;
#[cfg(feature = "burn")]
mod rendered;
#[cfg(feature = "burn")]
mod training;
#[cfg(feature = "burn")]
mod training_device;
#[cfg(feature = "burn")]
mod training_watch;
#[cfg(not(feature = "burn"))]
mod why;

#[cfg(not(feature = "burn"))]
pub use detection::{Detection, Detector};
#[cfg(not(feature = "burn"))]
pub use inside::{IntermediateFeatures, PatchNumbers};
#[cfg(not(feature = "burn"))]
pub use instant::{Instant, needs_teacher, provide_teacher};
#[cfg(feature = "burn")]
pub use refining::Refiner;
#[cfg(feature = "burn")]
pub use rendered::rendered;
#[cfg(feature = "burn")]
pub use training::Trainer;
use wasm_bindgen::prelude::*;
#[cfg(not(feature = "burn"))]
pub use why::Why;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(message: &str);
}

/// Writes panics to the console. None is expected; after one, the module must be reloaded.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| console_error(&panic.to_string())));
}

/// The program's version.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

/// The colors of heat maps: 256 times red, green, blue; the first for 0, the last for twice the threshold.
#[wasm_bindgen(js_name = colorTable)]
pub fn color_table() -> Vec<u8> {
    (0..=255u8).flat_map(|i| crate::detection::color(f64::from(i) / 255.0).0).collect()
}
