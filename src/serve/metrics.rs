//! The metrics for Prometheus (`/metrics`).

use super::queue::Queue;
use crate::detection::Verdict;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

type Labels<const N: usize> = [(&'static str, String); N];

/// Everything that is counted and timed.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels<2>, Counter>,
    times: Family<Labels<1>, Histogram>,
    pictures: Family<Labels<2>, Counter>,
    batches: Histogram,
    computing: Histogram,
    taken: Gauge,
    reloads: Family<Labels<2>, Counter>,
    unusable: Family<Labels<1>, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("aand");
        let seconds = || Histogram::new(exponential_buckets(0.001, 2.0, 16));
        let new = Self {
            requests: Family::default(),
            times: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 16))),
            pictures: Family::default(),
            batches: Histogram::new(exponential_buckets(1.0, 2.0, 8)),
            computing: seconds(),
            taken: Gauge::default(),
            reloads: Family::default(),
            unusable: Family::default(),
            registry: Registry::default(),
        };
        registry.register("requests", "Requests by route and status", new.requests.clone());
        let words = "From a request's head to its answer";
        registry.register_with_unit("request", words, Unit::Seconds, new.times.clone());
        registry.register("pictures", "Pictures judged, by model and verdict", new.pictures.clone());
        registry.register("batch_pictures", "Pictures computed at once", new.batches.clone());
        let words = "How long a batch was computed";
        registry.register_with_unit("compute", words, Unit::Seconds, new.computing.clone());
        registry.register("queue_pictures", "Pictures decoded, waiting or computed now", new.taken.clone());
        registry.register("reloads", "Changed model files, by model and result", new.reloads.clone());
        let words = "1 where the model's file as it is now cannot be used, and the one before is served on";
        registry.register("model_file_unusable", words, new.unusable.clone());
        Self { registry, ..new }
    }
}

impl Metrics {
    /// Counts an answered request.
    pub fn answered(&self, route: &str, status: u16, time: Duration) {
        self.requests.get_or_create(&[("route", route.into()), ("code", status.to_string())]).inc();
        self.times.get_or_create(&[("route", route.into())]).observe(time.as_secs_f64());
    }

    /// Counts a judged picture.
    pub fn judged(&self, model: &str, verdict: Verdict) {
        self.pictures.get_or_create(&[("model", model.into()), ("verdict", verdict.word().into())]).inc();
    }

    /// Records the number of pictures computed at once.
    pub fn batch(&self, pictures: usize) {
        self.batches.observe(pictures as f64);
    }

    /// Records the time of a batch.
    pub fn computed(&self, time: Duration) {
        self.computing.observe(time.as_secs_f64());
    }

    /// Counts a changed model file that was read, or could not be.
    pub fn reloaded(&self, model: &str, well: bool) {
        let result = if well { "ok" } else { "failed" };
        self.reloads.get_or_create(&[("model", model.into()), ("result", result.into())]).inc();
    }

    /// All metrics in the text format; `models` are the models' names and whether each one's file is usable.
    pub fn text(&self, queue: &Queue, models: impl Iterator<Item = (String, bool)>) -> String {
        self.taken.set(i64::try_from(queue.taken()).unwrap_or(i64::MAX));
        for (model, usable) in models {
            self.unusable.get_or_create(&[("model", model)]).set(i64::from(!usable));
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
