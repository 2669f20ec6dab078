//! Receives a request's bytes, within the limits, and only from clients that keep sending.

use super::failure::Failure;
use super::limits::{Budget, Limits, Share};
use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, EXPECT};
use axum::http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// How long to keep reading from a client that sends too much, so that it receives the answer that says why.
const DRAIN: Duration = Duration::from_secs(2);

/// How many times the allowed silence the whole body may take.
const WHOLE: u32 = 10;

/// The bytes of a body, and their share of the memory.
#[derive(Debug)]
pub struct Received {
    /// All of the body.
    pub bytes: Vec<u8>,
    /// To be kept as long as the bytes.
    pub share: Share,
}

/// Receives a body.
///
/// # Errors
/// It is too large, compressed or too slow, or there is no memory for it at the moment.
pub async fn receive(
    mut body: Body,
    headers: &HeaderMap,
    limits: &Limits,
    budget: &Budget,
) -> Result<Received, Failure> {
    if headers.get(CONTENT_ENCODING).is_some_and(|kind| !kind.as_bytes().eq_ignore_ascii_case(b"identity")) {
        drain(body).await;
        let reason = "a compressed body is not read; send the picture as it is";
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
    }
    let too_large = || {
        let most = limits.body as f64 / f64::from(1 << 20);
        Failure::large(format!(
            "the body is larger than {most} MiB; send a smaller picture, or raise --max-body"
        ))
    };
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limits.body as u64) {
        // A client that sent `Expect` waits for the answer; others are already sending.
        if !headers.contains_key(EXPECT) {
            drain(body).await;
        }
        return Err(too_large());
    }
    let mut received = Received { bytes: Vec::new(), share: Share::default() };
    let end = Instant::now() + limits.patience * WHOLE;
    loop {
        let next = timeout(limits.patience, timeout_at(end, body.frame())).await;
        let frame = match next {
            Err(_) | Ok(Err(_)) => {
                let reason = "the body came too slowly; send it again";
                return Err(Failure::new(StatusCode::REQUEST_TIMEOUT, reason));
            }
            Ok(Ok(None)) => return Ok(received),
            Ok(Ok(Some(Err(_)))) => return Err(Failure::bad("the body ended too early; send it again")),
            Ok(Ok(Some(Ok(frame)))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        let length = received.bytes.len() + data.len();
        if length > limits.body {
            drop(received);
            drain(body).await;
            return Err(too_large());
        }
        if let Err(failure) = budget.hold(&mut received.share, length) {
            drop(received);
            drain(body).await;
            return Err(failure);
        }
        received.bytes.extend_from_slice(&data);
    }
}

/// Reads and discards what is still arriving: a connection closed with unread bytes loses the answer too.
pub async fn drain(mut body: Body) {
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = timeout(DRAIN, rest).await;
}
