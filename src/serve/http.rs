//! Connections: so many at a time, each with a time limit for the head of a request and for taking the answer.

use super::Host;
use super::service::Service;
use crate::{Error, Result};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

/// How often to ask whether to end.
const PERIOD: Duration = Duration::from_millis(50);

/// How long requests that are in flight may take when the service is asked to end.
const GRACE: Duration = Duration::from_secs(60);

/// Listens at an address.
///
/// # Errors
/// Someone else does, or it is none of this machine.
pub async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let words =
        |error: std::io::Error, remedy: &str| format!("cannot listen on {address}: {error}; {remedy}");
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        // Whoever has it may end, as the service before does when this one takes its place.
        ErrorKind::AddrInUse => {
            Error::Temporary(words(error, "choose another `port`, or 0 for any that is free"))
        }
        ErrorKind::PermissionDenied => Error::Setting(words(error, "choose a `port` from 1024 on")),
        _ => Error::Setting(words(error, "choose an `address` of this machine")),
    })
}

/// Serves until `host` asks to end, and then those requests that have come.
pub async fn run(listener: TcpListener, router: Router, service: &Arc<Service>, host: &Arc<dyn Host>) {
    let (open, graceful) = (Arc::new(Semaphore::new(service.limits.connections)), GracefulShutdown::new());
    let patience = service.limits.patience;
    let mut place = None;
    while !host.ends() {
        if place.is_none() {
            // One more than there may be waits with the system until another one closes.
            let next = timeout(PERIOD, Arc::clone(&open).acquire_owned()).await;
            place = next.ok().and_then(std::result::Result::ok);
            if place.is_none() {
                continue;
            }
        }
        let stream = match timeout(PERIOD, listener.accept()).await {
            Err(_) => continue,
            Ok(Ok((stream, _))) => stream,
            Ok(Err(_)) => {
                // Too many open files, mostly: soon there will be fewer.
                sleep(PERIOD).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        // Reading has limits of its own: for the head here, for the body in `body`.
        stream.set_write_timeout(Some(patience));
        let handler = TowerToHyperService::new(router.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .serve_connection(TokioIo::new(Box::pin(stream)), handler);
        let (connection, place) = (graceful.watch(connection), place.take());
        tokio::spawn(async move {
            // A client that breaks the rules or goes away is no concern of others.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    service.begin_to_stop();
    if timeout(GRACE, graceful.shutdown()).await.is_err() {
        host.say(&format!("warning: some requests took longer than {} s and were cut off", GRACE.as_secs()));
    }
}
