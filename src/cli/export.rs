//! `aand export MODEL`: the detector as an ONNX file for other runtimes, with the proof that they agree.

use super::inputs::find;
use super::output::check_file;
use super::{Verbosity, skipped};
use crate::detection::{Detector, Executor};
use crate::export::{Agreement, Pixels, TOLERANCE, is_own_onnx, onnx, verify};
use crate::files::{check_replace, text, write_whole};
use crate::inference::Plan;
use crate::model::StoredModel;
use crate::picture::{Picture, Range, open_ranged, resize};
use crate::{Error, Result, terminal};
use clap::{Args, ValueEnum};
use rayon::prelude::*;
use serde::Serialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// How many pictures are decoded and judged at a time.
const TOGETHER: usize = 8;

/// Options of `aand export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The model file
    pub(super) model: PathBuf,
    /// The form of the file
    #[arg(long, value_enum, default_value = "onnx")]
    to: Form,
    /// The file to write [default: the model's name with the ending .onnx, or -small.aand]
    #[arg(long)]
    pub(super) out: Option<PathBuf>,
    /// The graph's input: u8, or f32 from 0 to 255
    #[arg(long, value_enum, default_value = "u8")]
    pixels: Pixels,
    /// Compare the file's scores and verdicts with the program's on these pictures and folders, for ONNX in each
    /// runtime that Python has (ONNX Runtime, OpenVINO); fail if they differ
    #[arg(long, num_args = 1.., value_name = "IMAGES")]
    pub(super) verify: Vec<PathBuf>,
    /// Compare at most this many pictures
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) at_most: u16,
    /// The Python interpreter to verify with
    #[arg(long, default_value = "python3")]
    python: OsString,
    #[command(flatten)]
    pub(super) verbosity: Verbosity,
}

/// The form of an exported file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// ONNX, opset 17.
    Onnx,
    /// A small model file: 8-bit weights, the embedded teacher left out; scores within 1 %
    Aand,
}

/// The result as `--json` prints it.
#[derive(Serialize)]
struct Exported<'a> {
    file: String,
    bytes: usize,
    threshold: f64,
    size: [usize; 2],
    verified: &'a [Agreement],
}

/// Runs `aand export`.
pub fn run(args: &ExportArgs) -> Result<()> {
    if args.to == Form::Aand {
        return super::small::run(args);
    }
    let verbosity = args.verbosity;
    let out = args.out.clone().unwrap_or_else(|| args.model.with_extension("onnx"));
    check_file(&out)?;
    check_replace(&out, "ONNX file", "--out", is_own_onnx)?;
    let stored = StoredModel::open(&args.model)?;
    if !stored.info.view.is_plain() {
        let reason = "looks at pictures in a way that a graph has no room for (padding, tiles, a region of interest, or \
                      another score); train a model without";
        return Err(Error::model(&args.model, reason));
    }
    let plan = Plan::new(&stored.info, &stored)?;
    let [_, height, width] = plan.shape(plan.input);
    let bytes = onnx(&stored.info, &plan, args.pixels)?;
    write_whole(&out, |writer| writer.write_all(&bytes))?;
    let megabytes = bytes.len() as f64 / 1e6;
    verbosity.say(format!(
        "{}: {megabytes:.1} MB, pixels [N, {height}, {width}, 3], threshold {:.4}; resize pictures with Pillow's \
         BICUBIC first",
        out.display(),
        stored.info.threshold.value
    ));
    let threshold = stored.info.threshold.value;
    let verified = match args.verify.is_empty() {
        true => Vec::new(),
        false => compare(args, &out, &Detector::with(stored.info.clone(), Executor::cpu(plan)))?,
    };
    if verbosity.json {
        let done = Exported {
            file: text(&out),
            bytes: bytes.len(),
            threshold,
            size: [width, height],
            verified: &verified,
        };
        terminal::print(serde_json::to_string(&done).map_err(|e| Error::io(&out, e.into()))?);
    }
    match verified.iter().find(|agreement| !agreement.holds()) {
        None => Ok(()),
        Some(agreement) => Err(Error::Incomplete(format!(
            "{}: {} does not agree with aand: scores differ by up to {:.1e} (bound {TOLERANCE:.0e}), {} of {} verdicts \
             are others; do not use the file there",
            out.display(),
            agreement.runtime,
            agreement.largest_difference.max(agreement.largest_normalized),
            agreement.other_verdicts,
            agreement.pictures
        ))),
    }
}

/// Decodes the first `--at-most` pictures to verify with, and passes them to `with`, a few at a time.
///
/// # Errors
/// No picture can be read, or `with` fails.
pub(super) fn verify_with(
    args: &ExportArgs,
    range: Option<Range>,
    mut with: impl FnMut(Vec<Picture>) -> Result<()>,
) -> Result<()> {
    let (verbosity, most) = (args.verbosity, usize::from(args.at_most));
    // No folder of results here: results of detect are left out by their signature.
    let (mut inputs, left_out) = find(&args.verify, Path::new(""))?;
    verbosity.advise(&left_out.advice());
    if inputs.len() > most {
        verbosity.say(format!("compares the first {most} of {} pictures (--at-most)", inputs.len()));
        inputs.truncate(most);
    }
    let mut none = true;
    for some in inputs.chunks(TOGETHER) {
        let read: Vec<Result<_>> = some.par_iter().map(|input| open_ranged(&input.path, range)).collect();
        let mut pictures = Vec::with_capacity(read.len());
        for picture in read {
            match picture {
                Ok((picture, _)) => pictures.push(picture),
                Err(error) => terminal::complain(skipped(error)),
            }
        }
        none &= pictures.is_empty();
        with(pictures)?;
    }
    match none {
        true => Err(Error::Setting("none of the pictures to verify with could be read".into())),
        false => Ok(()),
    }
}

/// Judges the pictures here and in the runtimes, and reports how far the scores are apart.
fn compare(args: &ExportArgs, out: &Path, detector: &Detector) -> Result<Vec<Agreement>> {
    let verbosity = args.verbosity;
    let [_, height, width] = detector.input_shape();
    let mut resized: Vec<Picture> = Vec::new();
    verify_with(args, detector.info.range, |pictures| {
        resized.extend(pictures.iter().map(|picture| resize(picture, width as u32, height as u32)));
        Ok(())
    })?;
    let mut found = Vec::with_capacity(resized.len());
    for batch in resized.chunks(TOGETHER) {
        found.extend(detector.detect(batch)?);
    }
    let agreements = verify(out, args.pixels, &resized, &found, &args.python)?;
    for agreement in &agreements {
        verbosity.say(format!(
            "{}: {} pictures, scores within {:.1e}, {} verdicts differ",
            agreement.runtime, agreement.pictures, agreement.largest_difference, agreement.other_verdicts
        ));
    }
    Ok(agreements)
}
