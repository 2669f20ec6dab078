//! Fuzzing: runs everything that reads foreign files on changed copies of our own small files.
//!
//! Each target is an ordinary test that runs for some seconds on any toolchain; `fuzz/run 3600` gives each an hour.
//! What must hold for any bytes: an answer or an error of one line, never a panic, never more than ten seconds.
//! The input that breaks it is left as `aand-TARGET` in the temporary folder. With `cargo bolero test fuzz_picture` the
//! same targets run under a coverage-guided engine.

/// Runs a check on changed copies of seeds until the time is over.
macro_rules! fuzz {
    ($seeds:expr, $check:expr) => {{
        let (seeds, check): (&[Vec<u8>], _) = ($seeds, $check);
        bolero::check!()
            .with_type::<crate::change::Changed>()
            .with_test_time(crate::TIME)
            .for_each(|changed| crate::timed(&changed.apply(seeds), &check));
    }};
}

mod change;
#[path = "../tests/made_up/mod.rs"]
#[expect(dead_code, reason = "shared with the tests of the engines")]
mod made_up;
mod models;
mod pictures;
mod tables;
#[path = "../tests/stand_ins/checkpoint.rs"]
#[expect(dead_code, reason = "shared with the tests of the reader")]
mod test_checkpoint;
mod weights;

use std::time::{Duration, Instant};

/// How long a target runs, unless `BOLERO_RANDOM_TEST_TIME_MS` says otherwise.
const TIME: Duration = Duration::from_secs(3);

/// The longest that any answer may take; the slowest takes a twentieth of it.
const LONGEST: Duration = Duration::from_secs(10);

/// Runs `check`, which must not take long.
fn timed(bytes: &[u8], check: &impl Fn(&[u8])) {
    let _found = Found(bytes);
    let started = Instant::now();
    check(bytes);
    let took = started.elapsed();
    assert!(took < LONGEST, "{took:?}");
}

/// Writes the input of a check that panics to a file, since the report tells only how the seed was changed. It is written
/// again for every smaller input that panics as well.
struct Found<'a>(&'a [u8]);

impl Drop for Found<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let target = std::thread::current().name().unwrap_or("fuzz").replace("::", "-");
            let _ = std::fs::write(std::env::temp_dir().join(format!("aand-{target}")), self.0);
        }
    }
}

/// One line that is not empty.
fn said(error: &aand::Error) {
    let message = error.to_string();
    assert!(!message.trim().is_empty() && !message.contains('\n'), "{message}");
}
