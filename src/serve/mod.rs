//! A service: pictures in over HTTP, scores, regions and heat maps out (`docs/serve.md`).
//!
//! A request passes these steps, each with a limit of its own:
//!
//! 1. `http`: the connection; their number and duration are limited;
//! 2. `guard`: who sent the request: host, origin, token;
//! 3. `body`: its bytes, limited for each request and for all together;
//! 4. `picture`: decoding and resizing, on separate threads, with a limit on pixels;
//! 5. `queue`: one thread computes for all requests, in batches of the pictures that have arrived; the length is
//!    limited;
//! 6. `answer` or `infer`: what was found, as JSON, as a heat map, or in the open inference protocol.
//!
//! If the page is served (`page`), trainings are possible too: `native` answers the page, `jobs` trains, `events`
//! reports the progress.
//!
//! A request keeps the model that it began with (`src/serve/model.rs`): a changed model file takes effect with the next
//! request, and no request is lost.

mod answer;
mod body;
mod detect;
mod events;
mod failure;
mod guard;
mod health;
mod http;
mod infer;
mod jobs;
mod limits;
mod metrics;
mod model;
mod native;
mod page;
mod picture;
mod queue;
mod routes;
mod service;
mod watch;

pub use guard::Token;
pub use limits::Limits;

use crate::gpu::Processor;
use crate::model::Precision;
use crate::{Error, Result};
use jobs::Jobs;
use model::Models;
use page::Page;
use service::Service;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// The page, and where its trainings go.
#[derive(Debug)]
pub struct Ui {
    /// The folder of the built page.
    pub page: PathBuf,
    /// The folder for trainings and their models; the models in it are served.
    pub models: PathBuf,
}

/// What to serve, and to whom.
#[derive(Debug)]
pub struct Options {
    /// The model files; each model is named like its file without the ending.
    pub models: Vec<PathBuf>,
    /// The page, if it should be served.
    pub ui: Option<Ui>,
    /// The address to listen on; port 0 for any free one.
    pub address: SocketAddr,
    /// The token that requests must have, if any.
    pub token: Option<Token>,
    /// Names by which requests may address this machine, besides IP addresses and `localhost`.
    pub hosts: Vec<String>,
    /// The device that computes.
    pub processor: Processor,
    /// The device in words.
    pub device: String,
    /// What a GPU computes with.
    pub precision: Precision,
    /// The limits of the service.
    pub limits: Limits,
}

/// The program that runs a service: receives its messages, and tells it when to end.
pub trait Host: Send + Sync {
    /// The service listens on `address`, and serves models with these names.
    fn ready(&self, address: SocketAddr, models: &[String]);
    /// Shows a line to people.
    fn say(&self, line: &str);
    /// Whether the service should end.
    fn ends(&self) -> bool;
}

/// Serves until `host` asks to end; requests in flight are still answered.
///
/// # Errors
/// There is neither model nor page, one cannot be opened, or two models have the same name; the address cannot be
/// listened on, or it can be reached from other machines and there is no token.
pub fn serve(options: Options, host: &Arc<dyn Host>) -> Result<()> {
    if !options.address.ip().is_loopback() && options.token.is_none() {
        return Err(Error::Usage(format!(
            "`address` {}: others can reach it, so a token is needed: give `token_file` or the environment variable \
             AAND_TOKEN, or listen on 127.0.0.1",
            options.address.ip()
        )));
    }
    let failed = |e| Error::Network(format!("the service cannot begin: {e}"));
    // One thread for the network, which only moves bytes; decoding and drawing have other threads.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(options.limits.decoders)
        .build()
        .map_err(failed)?;
    let listener = runtime.block_on(http::listen(options.address))?;
    let address = listener.local_addr().map_err(failed)?;
    let Options { ui, processor, precision, .. } = &options;
    // Without the page no more models can come.
    let models = Arc::new(match (ui, options.models.as_slice()) {
        (Some(_), []) => Models::none(processor, *precision),
        (_, paths) => Models::open(paths, processor, *precision)?,
    });
    let ui = match ui {
        Some(Ui { page, models: folder }) => {
            let page = Page::open(page)?;
            Some((page, Jobs::open(folder, &models, &options.limits, Arc::clone(host))?))
        }
        None => None,
    };
    let service = Arc::new(Service::new(options, address, models, ui));
    let threads = service.start(host)?;
    host.ready(address, &service.models.names());
    runtime.block_on(http::run(listener, routes::router(&service), &service, host));
    service.stop();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    // Pictures still being decoded are of no use to anyone.
    runtime.shutdown_background();
    Ok(())
}
