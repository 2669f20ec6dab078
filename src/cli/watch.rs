//! `aand watch MODEL RESULTS…`: tells from results of `aand detect` whether something has changed since the
//! training.

use super::results::RESULTS;
use super::{ResultLine, Verbosity};
use crate::detection::Verdict;
use crate::drift::{Finding, Reference, Seen, Watch};
use crate::embedding::usual;
use crate::model::StoredModel;
use crate::{Error, Result, terminal};
use clap::Args;
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Options of `aand watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The model file
    model: PathBuf,
    /// results.jsonl files of aand detect, or their folders, in the order in which the pictures were taken
    #[arg(required = true)]
    results: Vec<PathBuf>,
    /// A file with the paths of the pictures whose verdict was wrong, one per line, as they are in the results; without
    /// it, nothing is said about corrections
    #[arg(long, value_name = "FILE")]
    corrections: Option<PathBuf>,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// Runs `aand watch`.
pub fn run(args: &WatchArgs) -> Result<()> {
    let verbosity = args.verbosity;
    let model = StoredModel::open(&args.model)?;
    let embeddings = model.embeddings()?;
    if embeddings.is_empty() {
        verbosity.say("the model keeps no good pictures, so distances are compared among the results alone");
    }
    let threshold = &model.info.threshold;
    let mut watch = Watch::new(Reference {
        scores: threshold.scores.clone(),
        distances: usual(&embeddings),
        false_alarms: threshold.stated.map(|stated| stated.false_alarms),
    });
    let mut corrected = match &args.corrections {
        Some(path) => Some(names(path)?),
        None => None,
    };
    let (mut paths, mut skipped) = (Vec::new(), 0);
    for results in &args.results {
        let path = if results.is_dir() { results.join(RESULTS[0]) } else { results.clone() };
        let lines = lines(&path)?;
        for line in lines {
            let (Some(score), Some(verdict), true) = (line.score, line.verdict, line.is_judged()) else {
                skipped += 1;
                continue;
            };
            watch.see(&Seen {
                score,
                good: verdict == Verdict::Good,
                distance: line.distance,
                corrected: corrected.as_mut().map(|names| names.remove(&line.path)),
            });
            paths.push(line.path);
        }
    }
    if let Some(unknown) = corrected.as_ref().and_then(|names| names.iter().min()) {
        let reason =
            format!("names {unknown}, of which there is no result; write paths as they stand in the results");
        return Err(Error::dataset(args.corrections.as_deref().unwrap_or(Path::new("")), reason));
    }
    if skipped > 0 {
        verbosity.say(format!("{skipped} pictures that could not be judged are passed over"));
    }
    let signals = watch.signals();
    for signal in &signals {
        let word = signal.finding.word();
        let at = match signal.finding {
            Finding::Changed { since } => paths.get(since),
            _ => None,
        };
        if verbosity.json {
            let mut told = serde_json::json!({
                "signal": signal.name, "finding": word, "sentence": signal.sentence,
                "pictures": paths.len(),
            });
            if let Finding::Changed { since } = signal.finding {
                told["since"] = (since + 1).into();
                told["path"] = at.cloned().into();
            }
            terminal::print(told);
        } else {
            let name = at.map(|path| format!(" ({path})")).unwrap_or_default();
            // What needs attention stands out.
            let word = if at.is_some() { word.to_uppercase() } else { word.into() };
            terminal::print(format!("{word:<8} {}: {}{name}", signal.name, signal.sentence));
        }
    }
    Ok(())
}

/// The lines of a file of results.
fn lines(path: &Path) -> Result<Vec<ResultLine>> {
    let failed = |e| Error::io(path, e);
    let file = BufReader::new(File::open(path).map_err(failed)?);
    let mut lines = Vec::new();
    for (n, text) in file.split(b'\n').enumerate() {
        let text = text.map_err(failed)?;
        if text.is_empty() {
            continue;
        }
        let line = serde_json::from_slice::<ResultLine>(&text).ok().filter(|line| !line.path.is_empty());
        lines.push(line.ok_or_else(|| {
            let reason = format!("line {} is no result of `aand detect`; give its results.jsonl", n + 1);
            Error::dataset(path, reason)
        })?);
    }
    Ok(lines)
}

/// The lines of a text file.
fn names(path: &Path) -> Result<HashSet<String>> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}
