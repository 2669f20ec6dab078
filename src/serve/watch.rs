//! Hot reload: looks at the model files, and puts a changed one in the place of what is served.

use super::Host;
use super::metrics::Metrics;
use super::model::{Models, Served, Stamp};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often to look. Looking, and not being told by the system, works on network drives and in containers too.
const PERIOD: Duration = Duration::from_millis(500);

/// What is known of a file.
#[derive(Default)]
struct Known {
    /// As it was at the last look.
    seen: Option<Stamp>,
    /// As it was when it could not be used.
    refused: Option<Stamp>,
    /// Whether it was said that it is gone.
    gone: bool,
}

/// Looks until `stopping`.
pub fn watch(models: &Models, metrics: &Metrics, host: &dyn Host, stopping: &AtomicBool) {
    let mut known: Vec<Known> = Vec::new();
    while !stopping.load(Ordering::SeqCst) {
        std::thread::park_timeout(PERIOD);
        let all = models.all();
        // More may come, at the end; none goes.
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
    // One that is still being written looks another way each time.
    let settled = known.seen.replace(now) == Some(now);
    let current = served.current();
    if now == current.stamp {
        // It is back, or back to what it was.
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
