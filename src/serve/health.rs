//! The open inference protocol except inference: whether the service is alive, and which models there are.

use super::failure::{Failure, json};
use super::infer::describe;
use super::service::Service;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::sync::Arc;

/// `GET /v2`.
pub async fn server() -> Response {
    json(&json!({
        "name": "aand", "version": env!("CARGO_PKG_VERSION"), "extensions": ["binary_tensor_data"],
    }))
}

/// `GET /v2/health/live`.
pub async fn live() -> Response {
    json(&json!({ "live": true }))
}

/// `GET /v2/health/ready`: not ready when the service is about to end.
pub async fn ready(State(service): State<Arc<Service>>) -> Response {
    let ready = !service.is_stopping();
    let mut response = json(&json!({ "ready": ready }));
    if !ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// `GET /v2/models/NAME`.
pub async fn model(
    State(service): State<Arc<Service>>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    let Path(name) = name?;
    let model = service.model(Some(&name))?;
    let info = &model.detector.info;
    let mut words = describe(&name, info);
    words["parameters"] = json!({
        "threshold": info.threshold.value, "threshold_method": info.threshold.method,
        "width": info.size.width, "height": info.size.height, "backbone": info.backbone,
        "training_pictures": info.training_pictures, "data_fingerprint": info.data_fingerprint,
        "file_trouble": service.models.get(&name).and_then(|served| served.trouble()),
    });
    Ok(json(&words))
}

/// `GET /v2/models/NAME/ready`.
pub async fn model_ready(
    State(service): State<Arc<Service>>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Failure> {
    let Path(name) = name?;
    service.model(Some(&name))?;
    Ok(json(&json!({ "name": name, "ready": true })).into_response())
}
