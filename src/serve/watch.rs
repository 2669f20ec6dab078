//! Hot reload: watches the model files, and replaces a served model when its file changes.

use super::Host;
use super::metrics::Metrics;
use super::model::{Models, Served, Stamp};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often to check. Polling, unlike notification by the system, also works on network drives and in
/// containers.
const PERIOD: Duration = Duration::from_millis(500);

/// What is known about a file.
#[derive(Default)]
struct Known {
    /// Its stamp at the last check.
    seen: Option<Stamp>,
    /// Its stamp when it could not be used.
    refused: Option<Stamp>,
    /// Whether it has been reported as missing.
    gone: bool,
}

/// Checks until `stopping`.
pub fn watch(models: &Models, metrics: &Metrics, host: &dyn Host, stopping: &AtomicBool) {
    let mut known: Vec<Known> = Vec::new();
    while !stopping.load(Ordering::SeqCst) {
        std::thread::park_timeout(PERIOD);
        let all = models.all();
        // More models may be appended; none is removed.
        known.resize_with(all.len(), Known::default);
        for (served, known) in all.iter().zip(&mut known) {
            look(models, served, known, metrics, host);
        }
    }
}

fn look(models: &Models, served: &Served, known: &mut Known, metrics: &Metrics, host: &dyn Host) {
    let Some(now) = Stamp::of(&served.path) else {
        if !std::mem::replace(&mut known.gone, true) {
            let words = format!("{} is gone; what was read of it is served on", served.path.display());
            host.say(&format!("warning: {words}"));
            served.set_trouble(Some(words));
        }
        return;
    };
    known.gone = false;
    // A file that is still being written has another stamp at each check.
    let settled = known.seen.replace(now) == Some(now);
    let current = served.current();
    if now == current.stamp {
        // The file is back, or has its former content again.
        if served.trouble().is_some() {
            served.set_trouble(None);
            known.refused = None;
        }
        return;
    }
    if !settled || known.refused == Some(now) {
        return;
    }
    match models.load(&served.name, &served.path) {
        Ok(loaded) => {
            let threshold = loaded.detector.info.threshold.value;
            served.replace(loaded);
            known.refused = None;
            metrics.reloaded(&served.name, true);
            host.say(&format!("{}: now serves the changed file (threshold {threshold:.4})", served.name));
        }
        Err(error) => {
            known.refused = Some(now);
            served.set_trouble(Some(error.to_string()));
            metrics.reloaded(&served.name, false);
            host.say(&format!("warning: {}: the model read before is served on: {error}", served.name));
        }
    }
}
