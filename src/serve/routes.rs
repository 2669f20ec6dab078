//! The routes of the service.

use super::body::drain;
use super::failure::Failure;
use super::service::Service;
use super::{detect, health, infer, native, page};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;
use std::time::Instant;

/// All paths; if the page is served, including those of its files and of its requests.
pub fn router(service: &Arc<Service>) -> Router {
    let router = Router::new()
        .route("/detect", only(post(detect::detect)))
        .route("/models/{name}/detect", only(post(detect::detect_by)))
        .route("/v2", only(get(health::server)))
        .route("/v2/health/live", only(get(health::live)))
        .route("/v2/health/ready", only(get(health::ready)))
        .route("/v2/models/{name}", only(get(health::model)))
        .route("/v2/models/{name}/ready", only(get(health::model_ready)))
        .route("/v2/models/{name}/infer", only(post(infer::infer)))
        .route("/metrics", only(get(metrics)));
    let router = match &service.ui {
        Some(_) => router.merge(native::router()).fallback(page::file),
        None => router.fallback(unknown),
    };
    router.layer(from_fn_with_state(Arc::clone(service), around)).with_state(Arc::clone(service))
}

/// A path that accepts some methods, and answers others with an error in words.
pub fn only(route: MethodRouter<Arc<Service>>) -> MethodRouter<Arc<Service>> {
    route.fallback(wrong_method)
}

/// Wraps every request: checks who may send it, measures the time, and adds headers for browsers.
async fn around(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    // The route's pattern, not the path, of which there are infinitely many.
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let mut response = match service.guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(failure) => {
            drain(request.into_body()).await;
            failure.into_response()
        }
    };
    service.metrics.answered(&route, response.status().as_u16(), started.elapsed());
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "SAMEORIGIN"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    // Results must not be cached.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

/// The answer for an unknown path.
pub async fn unknown(request: Request) -> Failure {
    let ways = "POST /detect, POST /models/NAME/detect, GET /v2, GET /metrics";
    let path = request.uri().path().to_owned();
    drain(request.into_body()).await;
    Failure::unknown(format!("there is nothing at {path}; there are: {ways}"))
}

async fn wrong_method(method: Method, request: Request) -> Failure {
    drain(request.into_body()).await;
    Failure::new(axum::http::StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not for this path"))
}

async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let models = service.models.all();
    let models = models.iter().map(|served| (served.name.clone(), served.trouble().is_none()));
    let text = service.metrics.text(&service.queue, models);
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(CONTENT_TYPE, kind)], text).into_response()
}
