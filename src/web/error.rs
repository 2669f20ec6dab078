//! Converts errors to JavaScript errors.

use crate::Error;
use wasm_bindgen::JsValue;

/// A JavaScript error with the name of its kind.
pub(super) fn thrown(error: Error) -> JsValue {
    let (name, message) = match error {
        Error::Picture { reason, .. } => ("PictureError", reason),
        Error::Model { reason, .. } => ("ModelError", reason),
        Error::Training(reason) | Error::Setting(reason) => ("TrainingError", reason),
        other => ("DetectionError", other.to_string()),
    };
    let thrown = js_sys::Error::new(&message);
    thrown.set_name(name);
    thrown.into()
}
