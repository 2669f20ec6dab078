//! `aand export MODEL --to aand`: the same model in a small file, with a check that its scores are the same.

use super::export::{ExportArgs, verify_with};
use super::output::check_file;
use crate::detection::Detector;
use crate::files::{check_replace, text};
use crate::model::{eight_bit, is_own_model, read_bytes, write_atomically};
use crate::{Error, Result, terminal};
use serde::Serialize;
use std::path::Path;

/// The largest difference allowed between scores, as a share of the threshold.
const TOLERANCE: f64 = 1e-2;

/// How far the small model's scores are from the model's.
#[derive(Debug, Serialize)]
struct Compared {
    pictures: usize,
    /// As a share of the threshold.
    largest_difference: f64,
    other_verdicts: usize,
}

/// Writes the small file, unless its scores on the pictures to verify with differ.
pub fn run(args: &ExportArgs) -> Result<()> {
    let (verbosity, path) = (args.verbosity, &args.model);
    let out = args.out.clone().unwrap_or_else(|| {
        let mut name = path.file_stem().unwrap_or_default().to_os_string();
        name.push("-small.aand");
        path.with_file_name(name)
    });
    check_file(&out)?;
    check_replace(&out, "model", "--out", is_own_model)?;
    let bytes = read_bytes(path)?;
    let small = eight_bit(&bytes, path)?;
    let compared = if args.verify.is_empty() { None } else { Some(compare([&bytes, &small], path, args)?) };
    if let Some(Compared { pictures, largest_difference, other_verdicts }) = &compared
        && *largest_difference > TOLERANCE
    {
        return Err(Error::Incomplete(format!(
            "{}: scores differ by up to {:.1} % of the threshold in 8 bits (bound 1 %), and {other_verdicts} of {pictures} \
             verdicts are others; nothing was written",
            path.display(),
            100.0 * largest_difference
        )));
    }
    write_atomically(&out, &small)?;
    let proof = match &compared {
        Some(Compared { pictures, largest_difference, other_verdicts }) => format!(
            "on {pictures} pictures scores are within {:.2} % of the threshold, {other_verdicts} verdicts differ",
            100.0 * largest_difference
        ),
        None => "--verify IMAGES says how far its scores are from the model's".into(),
    };
    let [before, after] = [&bytes, &small].map(|bytes| bytes.len() as f64 / 1e6);
    verbosity.say(format!("wrote {}: {after:.1} MB instead of {before:.1}; {proof}", out.display()));
    if verbosity.json {
        terminal::print(serde_json::json!({
            "file": text(&out), "bytes": small.len(), "before": bytes.len(), "verified": compared,
        }));
    }
    Ok(())
}

/// Judges the pictures with both.
fn compare(files: [&Vec<u8>; 2], path: &Path, args: &ExportArgs) -> Result<Compared> {
    let [full, small] = files.map(|bytes| Detector::from_bytes(bytes, path));
    let (full, small) = (full?, small?);
    let threshold = full.info.threshold.value;
    let mut compared = Compared { pictures: 0, largest_difference: 0.0, other_verdicts: 0 };
    verify_with(args, full.info.range, |pictures| {
        for (a, b) in full.scores(&pictures)?.into_iter().zip(small.scores(&pictures)?) {
            compared.pictures += 1;
            compared.largest_difference = compared.largest_difference.max((a - b).abs() / threshold);
            compared.other_verdicts += usize::from((a > threshold) != (b > threshold));
        }
        Ok(())
    })?;
    Ok(compared)
}
