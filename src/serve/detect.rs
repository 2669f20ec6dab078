//! `POST /detect` and `POST /models/NAME/detect`: a picture as the body, what was found as the answer.

use super::answer::{Answer, png};
use super::failure::Failure;
use super::picture::Given;
use super::service::{Service, blocking};
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;

/// The parameters after the `?`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    model: Option<String>,
    map: Option<String>,
}

/// Detects with the only model, or the one named after the `?`.
pub async fn detect(
    State(service): State<Arc<Service>>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    answer(&service, asked, Ok(None), &headers, body).await
}

/// Detects with the model in the path.
pub async fn detect_by(
    State(service): State<Arc<Service>>,
    name: Result<Path<String>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    answer(&service, asked, name.map(|Path(name)| Some(name)), &headers, body).await
}

async fn answer(
    service: &Arc<Service>,
    asked: Result<Query<Asked>, QueryRejection>,
    name: Result<Option<String>, PathRejection>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    // The whole body is received before anything is refused, since an answer may be lost if the body is not
    // read.
    let received = service.receive(body, headers).await?;
    let Query(asked) = asked?;
    let model = service.model(name?.or(asked.model).as_deref())?;
    let wants_map = match asked.map.as_deref() {
        Some("png") => true,
        Some(other) => return Err(Failure::bad(format!("map={other}: there is only map=png"))),
        None => named(headers, &ACCEPT).is_some_and(|kinds| kinds.trim_start().starts_with("image/png")),
    };
    if named(headers, &CONTENT_TYPE).is_some_and(|kind| kind.starts_with("multipart/")) {
        let reason = "send the picture itself as the body, not a form: curl --data-binary @picture.jpg";
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    let mut judged = service.judge(&model, vec![Given::Encoded(received.bytes)]).await?;
    let judged = judged.pop().ok_or_else(|| Failure::inner("no result"))?;
    let answer = Answer::new(&model, &judged.found, judged.ms);
    if !wants_map {
        return Ok(answer.json());
    }
    let threshold = model.detector.info.threshold.value;
    answer.with_map(blocking(move || png(&judged.found, judged.native, threshold)).await?)
}

fn named<'a>(headers: &'a HeaderMap, name: &axum::http::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
