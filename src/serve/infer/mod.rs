//! `POST /v2/models/NAME/infer`: the open inference protocol, with tensors in the JSON or, with the binary extension,
//! after it.
//!
//! One input of two: `pixels`, u8 `[B, H, W, 3]` of any size, or `pictures`, `[B]` files of pictures. Outputs: `score`,
//! `normalized` (f64 `[B]`), `anomalous` (bool `[B]`), `threshold` (f64 `[1]`), and, only if requested, `regions`
//! (JSON text `[B]`) and `map` (f32 `[B, h, w]`).

mod request;
mod response;

use super::body::Received;
use super::failure::Failure;
use super::service::{Service, blocking};
use crate::model::Info;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// The header that says how many bytes of a body are JSON; the tensors follow.
pub const JSON_LENGTH: &str = "inference-header-content-length";

/// `POST /v2/models/NAME/infer`.
pub async fn infer(
    State(service): State<Arc<Service>>,
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let received = service.receive(body, &headers).await?;
    let Path(name) = name?;
    let model = service.model(Some(&name))?;
    let length = match headers.get(JSON_LENGTH) {
        None => received.bytes.len(),
        Some(length) => {
            let length = length.to_str().ok().and_then(|length| length.parse().ok());
            let length = length.filter(|&length| length <= received.bytes.len());
            length
                .ok_or_else(|| Failure::bad("Inference-Header-Content-Length: not a length of this body"))?
        }
    };
    // The body's share of the memory is held until the answer, since the pictures are as large.
    let Received { bytes, share: _share } = received;
    let reading = Arc::clone(&service);
    let (request, given) = blocking(move || request::read(&bytes, length, &reading.limits)).await?;
    let judged = service.judge(&model, given).await?;
    blocking(move || response::write(&request, &model, &judged)).await
}

/// A model's inputs and outputs.
pub fn describe(name: &str, info: &Info) -> Value {
    let output =
        |name: &str, kind: &str, shape: Value| json!({ "name": name, "datatype": kind, "shape": shape });
    let map = match info.view.tiles {
        Some(_) => json!([-1, -1, -1]),
        None => json!([-1, info.size.height, info.size.width]),
    };
    json!({
        "name": name, "versions": ["1"], "platform": "aand",
        "inputs": [
            { "name": "pixels", "datatype": "UINT8", "shape": [-1, -1, -1, 3] },
            { "name": "pictures", "datatype": "BYTES", "shape": [-1] },
        ],
        "outputs": [
            output("score", "FP64", json!([-1])),
            output("normalized", "FP64", json!([-1])),
            output("anomalous", "BOOL", json!([-1])),
            output("threshold", "FP64", json!([1])),
            output("regions", "BYTES", json!([-1])),
            output("map", "FP32", map),
        ],
    })
}
