//! Connections: a limited number at a time, each with a time limit for the head of a request and for receiving
//! the answer.

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

/// How often to check whether to end.
const PERIOD: Duration = Duration::from_millis(50);

/// How long requests in flight may take once the service is asked to end.
const GRACE: Duration = Duration::from_secs(60);

/// Listens on an address.
///
/// # Errors
/// Another program listens on it, or it is not an address of this machine.
pub async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let words =
        |error: std::io::Error, remedy: &str| format!("cannot listen on {address}: {error}; {remedy}");
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        // The other program may be about to end, such as an earlier service that this one replaces.
        ErrorKind::AddrInUse => {
            Error::Temporary(words(error, "choose another `port`, or 0 for any that is free"))
        }
        ErrorKind::PermissionDenied => Error::Setting(words(error, "choose a `port` from 1024 on")),
        _ => Error::Setting(words(error, "choose an `address` of this machine")),
    })
}

/// Serves until `host` asks to end, then finishes the requests already received.
pub async fn run(listener: TcpListener, router: Router, service: &Arc<Service>, host: &Arc<dyn Host>) {
    let (open, graceful) = (Arc::new(Semaphore::new(service.limits.connections)), GracefulShutdown::new());
    let patience = service.limits.patience;
    let mut place = None;
    while !host.ends() {
        if place.is_none() {
            // A connection beyond the limit waits in the system's queue until another one closes.
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
                // Usually too many open files: wait until there are fewer.
                sleep(PERIOD).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        // Reading has other limits: for the head here, for the body in `body`.
        stream.set_write_timeout(Some(patience));
        let handler = TowerToHyperService::new(router.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .serve_connection(TokioIo::new(Box::pin(stream)), handler);
        let (connection, place) = (graceful.watch(connection), place.take());
        tokio::spawn(async move {
            // A client that breaks the protocol or disconnects does not affect others.
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
