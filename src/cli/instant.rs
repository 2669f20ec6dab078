//! `aand train DATA --instant`: a detector in seconds, from the nearest patches of the good pictures.

use super::{Saying, stop};
use crate::dataset::{Dataset, fingerprint};
use crate::files::{exact, text};
use crate::model::write_atomically;
use crate::nearest::{Learner, Wanted, chosen};
use crate::picture::{RangeChoice, Remarks, Size, View, open_ranged};
use crate::training::range_of;
use crate::{Error, Result, terminal};
use rayon::prelude::*;
use std::path::Path;
use std::time::Instant;

/// How many pictures are decoded at a time.
const TOGETHER: usize = 16;

/// Learns from the good pictures of `set` and writes the model to `out`.
pub fn one(
    saying: Saying,
    set: &Dataset,
    (size, view): (Size, View),
    (range, false_alarms): (Option<RangeChoice>, f64),
    out: &Path,
) -> Result<()> {
    let started = Instant::now();
    saying.advise(&set.advice());
    stop::listen();
    let range = range_of(range, set);
    let mut learner = Learner::new(Wanted { name: set.name.clone(), size, view, range, false_alarms })?;
    let picked = chosen(set.train.len(), size);
    if picked.len() < set.train.len() {
        saying.say(format!(
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
    remarks.lines().iter().for_each(|line| saying.say(format!("warning: {line}")));
    let (info, bytes) = learner.learn(fingerprint(set)?)?;
    if out.exists() {
        saying.say(format!("replaces the model {}", out.display()));
    }
    write_atomically(out, &bytes)?;
    let threshold = &info.threshold;
    saying.say(format!("threshold {:.4}: {}; {}", threshold.value, threshold.method, threshold.reliability));
    saying.say(format!(
        "wrote {} ({:.1} s): an instant detector, which compares patches with those of the {} good pictures; \
         without --instant a student is trained",
        out.display(),
        started.elapsed().as_secs_f64(),
        info.training_pictures
    ));
    if saying.json {
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
