//! Progress bars of the command line.

use super::Verbosity;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// A bar over `length` things called `unit`, with rate and ETA; hidden when quiet.
pub fn bar(verbosity: Verbosity, length: u64, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if verbosity.quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let template =
        format!("{{prefix:>9}} [{{bar:28}}] {{pos}}/{{len}} {unit}, {{per_sec}}, ETA {{eta}} {{msg}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
