//! The state that all requests share, and the way of a picture through the service.

use super::body::{Received, receive};
use super::failure::{Failure, Outcome};
use super::guard::Guard;
use super::jobs::Jobs;
use super::limits::{Budget, Limits};
use super::metrics::Metrics;
use super::model::{Loaded, Models};
use super::page::Page;
use super::picture::{Given, ready};
use super::queue::Queue;
use super::{Host, Options, watch};
use crate::detection::Detection;
use crate::picture::Size;
use crate::{Error, Result};
use axum::body::Body;
use axum::http::HeaderMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Bytes of a thread's stack: as many as the main thread has, where `aand train` and `aand detect` compute.
const STACK: usize = 8 << 20;

/// The state that all requests share.
pub struct Service {
    /// The models.
    pub models: Arc<Models>,
    /// Decides who may send requests.
    pub guard: Guard,
    /// The limits.
    pub limits: Limits,
    /// The memory for bodies.
    pub budget: Budget,
    /// Pictures waiting to be computed.
    pub queue: Queue,
    /// Counters and times.
    pub metrics: Metrics,
    /// The page, if it is served, and the trainings that it may begin.
    pub ui: Option<(Page, Arc<Jobs>)>,
    /// The device in words.
    pub device: String,
    stopping: AtomicBool,
}

/// What was found in a picture.
#[derive(Debug)]
pub struct Judged {
    /// Map, score, verdict and regions.
    pub found: Detection,
    /// The picture's size.
    pub native: Size,
    /// Milliseconds, waiting not counted.
    pub ms: f64,
}

impl Service {
    /// A service that listens at `address`.
    pub fn new(
        options: Options,
        address: SocketAddr,
        models: Arc<Models>,
        ui: Option<(Page, Arc<Jobs>)>,
    ) -> Self {
        let Options { token, hosts, limits, device, .. } = options;
        Self {
            models,
            guard: Guard::new(address, token, hosts, ui.is_some()),
            budget: Budget::new(&limits),
            queue: Queue::new(limits.queue),
            limits,
            metrics: Metrics::default(),
            ui,
            device,
            stopping: AtomicBool::new(false),
        }
    }

    /// Starts the threads that compute, watch the model files, and run trainings.
    ///
    /// # Errors
    /// The system has no threads left.
    pub fn start(self: &Arc<Self>, host: &Arc<dyn Host>) -> Result<Vec<JoinHandle<()>>> {
        let failed = |e| Error::Network(format!("the service cannot begin: {e}"));
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).stack_size(STACK).spawn(work).map_err(failed)
        };
        let (computing, watching) = (Arc::clone(self), Arc::clone(self));
        let (batch, wait, host) = (self.limits.batch, self.limits.wait, Arc::clone(host));
        let mut threads = vec![
            spawn("detector", Box::new(move || computing.queue.work(batch, wait, &computing.metrics)))?,
            spawn(
                "reload",
                Box::new(move || {
                    watch::watch(&watching.models, &watching.metrics, &*host, &watching.stopping);
                }),
            )?,
        ];
        if let Some((_, jobs)) = &self.ui {
            let jobs = Arc::clone(jobs);
            threads.push(spawn("training", Box::new(move || jobs.work()))?);
        }
        Ok(threads)
    }

    /// Ends the threads; waiting pictures are still computed.
    pub fn stop(&self) {
        self.begin_to_stop();
        self.queue.close();
    }

    /// Whether the service is stopping, so that new requests should go elsewhere.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Marks the service as stopping; requests already received are still answered.
    pub fn begin_to_stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        if let Some((_, jobs)) = &self.ui {
            jobs.stop();
        }
    }

    /// The current model of that name; without a name, the only one.
    ///
    /// # Errors
    /// There is no such model, or there are several and none was named.
    pub fn model(&self, name: Option<&str>) -> Outcome<Arc<Loaded>> {
        let all = self.models.all();
        let names = || all.iter().map(|served| served.name.as_str()).collect::<Vec<_>>().join(", ");
        match (name, all.as_slice()) {
            (_, []) => Err(Failure::unknown("no model is served yet; train one on the page")),
            (Some(name), _) => {
                let served = all.iter().find(|served| served.name == name);
                let unknown =
                    || Failure::unknown(format!("there is no model {name:?}; there are: {}", names()));
                served.map(|served| served.current()).ok_or_else(unknown)
            }
            (None, [only]) => Ok(only.current()),
            (None, _) => Err(Failure::bad(format!("say which model, with ?model=NAME: {}", names()))),
        }
    }

    /// Receives a request's body.
    ///
    /// # Errors
    /// As [`receive`].
    pub async fn receive(&self, body: Body, headers: &HeaderMap) -> Outcome<Received> {
        receive(body, headers, &self.limits, &self.budget).await
    }

    /// Judges the pictures of a request. They are decoded in parallel, and computed together with those of
    /// other requests.
    ///
    /// # Errors
    /// The queue is full, a picture cannot be used, or the device failed.
    pub async fn judge(self: &Arc<Self>, model: &Arc<Loaded>, given: Vec<Given>) -> Outcome<Vec<Judged>> {
        let places = self.queue.enter(given.len())?;
        let one = |(given, place)| {
            let (service, model) = (Arc::clone(self), Arc::clone(model));
            blocking(move || {
                let info = &model.detector.info;
                let ready = ready(given, info, service.limits.pixels, &service.budget)?;
                let (native, ms) = (ready.seen.native, ready.ms);
                Ok((service.queue.push(model, ready, place), native, ms))
            })
        };
        // All are started before the first is awaited.
        let begun: Vec<_> = given.into_iter().zip(places).map(one).collect();
        let mut judged = Vec::with_capacity(begun.len());
        let mut waiting = Vec::with_capacity(begun.len());
        for begun in begun {
            waiting.push(begun.await?);
        }
        for (found, native, ms) in waiting {
            let ended = |_| Failure::inner("the service is ending; ask again");
            let (found, share) = found.await.map_err(ended)??;
            self.metrics.judged(&model.name, found.verdict);
            judged.push(Judged { found, native, ms: ms + share });
        }
        Ok(judged)
    }
}

/// Runs work that would block the network on another thread, starting at once. A panic in it becomes an error
/// response.
pub fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Outcome<T> + Send + 'static,
) -> impl Future<Output = Outcome<T>> {
    let begun = tokio::task::spawn_blocking(work);
    async move {
        let failed = |_| Failure::inner("this request's work failed; this is a fault of aand");
        begun.await.map_err(failed)?
    }
}
