//! `aand train DATA --instant`: a detector in seconds, from the nearest patches of the good pictures.

use super::{Verbosity, stop};
use crate::dataset::{Dataset, contents, fingerprint};
use crate::files::{exact, text};
use crate::gpu::Choice;
use crate::model::{Learned, Score, write_atomically};
use crate::nearest::{Learner, Wanted, chosen};
use crate::picture::{RangeChoice, Remarks, open_ranged};
use crate::training::{Settings, range_of};
use crate::{Error, Result, terminal};
use rayon::prelude::*;
use std::path::Path;
use std::time::Instant;

/// How many pictures are decoded at a time.
const TOGETHER: usize = 16;

/// Refuses a device or score that an instant detector cannot have.
///
/// # Errors
/// A GPU is asked for, or the gate is to be the score.
pub fn check(device: Choice, score: Score) -> Result<()> {
    if let Choice::Gpu(_) = device {
        return Err(Error::Usage(
            "`instant` computes on the CPU, in seconds; drop `device`, or give `device cpu`".into(),
        ));
    }
    if score == Score::Gate {
        return Err(Error::Usage("`instant` has no gate to score by; drop `score gate`".into()));
    }
    Ok(())
}

/// Learns from the good pictures of `set`, with those settings that apply, and writes the model to `out`.
pub fn one(
    verbosity: Verbosity,
    (set, range): (&Dataset, Option<RangeChoice>),
    Settings { size, view, false_alarms, .. }: Settings,
    out: &Path,
) -> Result<()> {
    let started = Instant::now();
    verbosity.advise(&set.advice());
    stop::listen();
    let range = range_of(range, set);
    let mut learner = Learner::new(Wanted { name: set.name.clone(), size, view, range, false_alarms })?;
    let picked = chosen(set.train.len(), size);
    if picked.len() < set.train.len() {
        verbosity.say(format!(
            "{}: looks at {} of {} good pictures, evenly spread; more would not fit into memory",
            set.name,
            picked.len(),
            set.train.len()
        ));
    }
    let mut remarks = Remarks::new(range);
    for some in picked.chunks(TOGETHER) {
        if stop::asked() {
            return Err(Error::Interrupted("stopped: nothing was written".into()));
        }
        let read: Vec<_> =
            some.par_iter().map(|&i| open_ranged(&set.train[i], range)).collect::<Result<Vec<_>>>()?;
        for (&i, (picture, details)) in some.iter().zip(&read) {
            remarks.add(details);
            learner.add(picture).map_err(|error| match error {
                Error::Setting(reason) => Error::picture(&set.train[i], reason),
                other => other,
            })?;
        }
    }
    remarks.lines().iter().for_each(|line| verbosity.say(format!("warning: {line}")));
    let contents = contents(&set.train)?;
    let learned = Learned::of(picked.iter().map(|&i| &contents[i]));
    let (info, bytes) = learner.learn(fingerprint(set, &contents), learned)?;
    if out.exists() {
        verbosity.say(format!("replaces the model {}", out.display()));
    }
    write_atomically(out, &bytes)?;
    let threshold = &info.threshold;
    verbosity
        .say(format!("threshold {:.4}: {}; {}", threshold.value, threshold.method, threshold.reliability));
    verbosity.say(format!(
        "wrote {} ({:.1} s): an instant detector, which compares patches with those of the {} good pictures; \
         without --instant a student is trained",
        out.display(),
        started.elapsed().as_secs_f64(),
        info.training_pictures
    ));
    if verbosity.json {
        let mut summary = serde_json::json!({
            "model": text(out), "name": info.name, "instant": true, "backbone": info.backbone,
            "training_pictures": info.training_pictures, "threshold": info.threshold, "left_out": set.left_out,
        });
        if let Some(bytes) = exact(out) {
            summary["model_bytes"] = bytes.into();
        }
        terminal::print(summary);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cli::train::TrainArgs;
    use clap::{Args, Command};

    /// The flags it obeys, some only as far as [`check`](super::check) allows; it must refuse all others.
    const FOLLOWED: [&str; 14] = [
        "data",
        "instant",
        "out",
        "category",
        "category_index",
        "layout",
        "all_good",
        "range",
        "size",
        "fit",
        "roi",
        "score",
        "false_alarms",
        "device",
    ];

    #[test]
    fn no_flag_is_dropped_in_silence() {
        let command = TrainArgs::augment_args(Command::new("train"));
        let by_id = |id: &str| command.get_arguments().find(|argument| argument.get_id() == id);
        let refused = command.get_arg_conflicts_with(by_id("instant").unwrap());
        for argument in command.get_arguments() {
            let id = argument.get_id().as_str();
            // These only shape the output, or need a flag that is refused.
            let harmless = ["quiet", "json", "overlap", "film_of", "film_frames"].contains(&id);
            let refused = refused.iter().any(|other| other.get_id() == id);
            assert_ne!(FOLLOWED.contains(&id) || harmless, refused, "{id}");
        }
        assert!(FOLLOWED.iter().all(|id| by_id(id).is_some()));
    }
}
