//! A service: pictures in over HTTP, scores, regions and heat maps out (`docs/serve.md`).
//!
//! A request passes these steps, each with a limit of its own:
//!
//! 1. `http`: connections, of which there is a number, and which may take only so long;
//! 2. `guard`: whose request it is: host, origin, token;
//! 3. `body`: its bytes, of which each request and all of them together may have so many;
//! 4. `picture`: decoded and resized, on threads of its own, so many pixels at most;
//! 5. `queue`: one thread computes for all, what has come in meanwhile in one batch; so many may wait;
//! 6. `answer` or `infer`: what was found, as JSON, as a heat map, or in the open inference protocol.
//!
//! With the page (`page`) trainings come too: `native` is what the page asks, `jobs` trains, `events` tells how far it is.
//!
//! A request keeps the model that it began with (`src/serve/model.rs`): a changed model file takes effect with the next one, and
//! none is lost.

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

/// The page, and what it may do here.
#[derive(Debug)]
pub struct Ui {
    /// The folder of the built page.
    pub page: PathBuf,
    /// The folder for trainings and the models that come of them; those that lie there are served.
    pub models: PathBuf,
}

/// What is to be served, and to whom.
#[derive(Debug)]
pub struct Options {
    /// The model files; each is called by its name without the ending.
    pub models: Vec<PathBuf>,
    /// The page, if it is to be served.
    pub ui: Option<Ui>,
    /// Where to listen; port 0 for any that is free.
    pub address: SocketAddr,
    /// What a request must prove to know, if anything.
    pub token: Option<Token>,
    /// Names, besides addresses and `localhost`, that a request may call this machine by.
    pub hosts: Vec<String>,
    /// What computes.
    pub processor: Processor,
    /// The same in words.
    pub device: String,
    /// What a GPU computes with.
    pub precision: Precision,
    /// How much of everything.
    pub limits: Limits,
}

/// What a service says, and what it is told.
pub trait Host: Send + Sync {
    /// It listens there, and serves models of these names.
    fn ready(&self, address: SocketAddr, models: &[String]);
    /// A line for people.
    fn say(&self, line: &str);
    /// Whether it is asked to end.
    fn ends(&self) -> bool;
}

/// Serves until `host` asks to end; what is in flight then is still answered.
///
/// # Errors
/// There is neither model nor page, one cannot be opened, or two models have the same name; the address cannot be listened on, or it is not one
/// of this machine alone and there is no token.
pub fn serve(options: Options, host: &Arc<dyn Host>) -> Result<()> {
    if !options.address.ip().is_loopback() && options.token.is_none() {
        return Err(Error::Usage(format!(
            "`address` {}: others can reach it, so a token is needed: give `token_file` or the environment variable \
             AAND_TOKEN, or listen on 127.0.0.1",
            options.address.ip()
        )));
    }
    let failed = |e| Error::Network(format!("the service cannot begin: {e}"));
    // One thread for the network, which only moves bytes; decoding and drawing have others.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(options.limits.decoders)
        .build()
        .map_err(failed)?;
    let listener = runtime.block_on(http::listen(options.address))?;
    let address = listener.local_addr().map_err(failed)?;
    let Options { ui, processor, precision, .. } = &options;
    // Only with the page others may come.
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
    // What may still be decoded is of no use to anyone.
    runtime.shutdown_background();
    Ok(())
}
