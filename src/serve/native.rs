//! What the page may do with this program: ask about the machine, train, and fetch trained models.

use super::events::events;
use super::failure::{Failure, Outcome, json};
use super::jobs::{Jobs, Wanted};
use super::routes::{only, unknown};
use super::service::{Service, blocking};
use crate::picture::decode_within;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post, put};
use serde_json::json;
use std::sync::Arc;

type Shared = State<Arc<Service>>;
type Named<T> = Result<Path<T>, PathRejection>;

/// The page's paths.
pub fn router() -> Router<Arc<Service>> {
    Router::new()
        .route("/program.json", only(get(program)))
        .route("/api/state", only(get(state)))
        .route("/api/events", only(get(listen)))
        .route("/api/jobs", only(get(list).post(add)))
        .route("/api/jobs/{id}", only(delete(remove)))
        .route("/api/jobs/{id}/pictures/{n}", only(put(picture)))
        .route("/api/jobs/{id}/{order}", only(post(order)))
        .route("/api/models/{name}", only(get(file)))
        .route("/api", any(unknown))
        .route("/api/{*other}", any(unknown))
}

fn jobs(service: &Service) -> Outcome<Arc<Jobs>> {
    let (_, jobs) = service.ui.as_ref().ok_or_else(|| Failure::unknown("this service does not train"))?;
    Ok(Arc::clone(jobs))
}

/// Tells the page that this program serves it; a page served by something else has an empty file of this name.
async fn program(State(service): Shared) -> Response {
    json(&json!({
        "name": "aand", "version": env!("CARGO_PKG_VERSION"), "asks_token": service.guard.asks_token(),
    }))
}

/// The device, the models and the trainings.
async fn state(State(service): Shared) -> Outcome<Response> {
    let jobs = jobs(&service)?.list();
    let models: Vec<_> = (service.models.all().iter())
        .map(|served| {
            let info = &served.current().detector.info;
            json!({
                "name": served.name, "title": info.name, "threshold": info.threshold.value,
                "width": info.size.width, "height": info.size.height, "trouble": served.trouble(),
            })
        })
        .collect();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let limits = &service.limits;
    Ok(json(&json!({
        "version": env!("CARGO_PKG_VERSION"), "device": service.device, "cores": cores,
        "most_bytes": limits.body, "most_pixels": limits.pixels, "most_pictures": limits.training_pictures,
        "models": models, "jobs": jobs,
    })))
}

async fn listen(State(service): Shared) -> Outcome<Response> {
    Ok(events(jobs(&service)?)?.into_response())
}

async fn list(State(service): Shared) -> Outcome<Response> {
    Ok(json(&jobs(&service)?.list()))
}

async fn add(State(service): Shared, headers: HeaderMap, body: Body) -> Outcome<Response> {
    let received = service.receive(body, &headers).await?;
    let jobs = jobs(&service)?;
    let wanted: Wanted = serde_json::from_slice(&received.bytes)
        .map_err(|e| Failure::bad(format!("the settings of the training: {e}")))?;
    Ok(json(&blocking(move || jobs.add(wanted)).await?))
}

async fn picture(
    State(service): Shared,
    place: Named<(u64, usize)>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    let received = service.receive(body, &headers).await?;
    let (Path((id, n)), jobs, most) = (place?, jobs(&service)?, service.limits.pixels);
    let put = move || {
        // An unreadable picture is reported now, not when the training begins.
        decode_within(most, &received.bytes, std::path::Path::new("the picture sent"), None)?;
        jobs.put(id, n, &received.bytes)
    };
    Ok(json(&blocking(put).await?))
}

async fn order(
    State(service): Shared,
    named: Named<(u64, String)>,
    headers: HeaderMap,
    body: Body,
) -> Outcome<Response> {
    service.receive(body, &headers).await?;
    let (Path((id, order)), jobs) = (named?, jobs(&service)?);
    Ok(json(&blocking(move || jobs.order(id, &order)).await?))
}

async fn remove(State(service): Shared, id: Named<u64>) -> Outcome<Response> {
    let (Path(id), jobs) = (id?, jobs(&service)?);
    blocking(move || jobs.remove(id)).await?;
    Ok(json(&json!({ "removed": id })))
}

/// A model's file, to be saved or opened in the page.
async fn file(State(service): Shared, name: Named<String>) -> Outcome<Response> {
    let Path(name) = name?;
    let served = service.models.get(&name);
    let served = served.ok_or_else(|| Failure::unknown(format!("there is no model {name:?}")))?;
    let bytes =
        blocking(move || Ok(std::fs::read(&served.path).map_err(|e| crate::Error::io(&served.path, e))?));
    let kind = (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    let kept = (CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok(([kind, kept], bytes.await?).into_response())
}
