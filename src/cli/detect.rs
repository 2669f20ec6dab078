//! `aand detect MODEL IMAGES… --out DIR`: heat maps, overlays, scores and verdicts.
//!
//! Pictures stream through in batches: one thread reads, decodes and resizes ahead while this one computes and
//! writes, so that a thousand pictures take no more memory than ten.

use super::inputs::{Input, find};
use super::output::{check_folder, print_line, write_npy, write_picture, write_png16};
use super::progress::bar;
use super::results::{Line, Results, word};
use super::{DeviceArgs, Saying};
use crate::detection::{Detection, Detector, Verdict, enlarge, heat_map, overlay};
use crate::model::{Precision, Selection, Threshold};
use crate::picture::{Picture, Remarks, normalise, resize};
use crate::training::prefetch;
use crate::{Error, Result};
use clap::{Args, ValueEnum};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// Options of `aand detect`.
#[derive(Debug, Args)]
pub struct DetectArgs {
    /// The model file
    model: PathBuf,
    /// Pictures, and folders of pictures with their sub-folders
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// The folder for heat maps, overlays, results.csv and results.jsonl
    #[arg(long)]
    out: PathBuf,
    /// Also write the raw anomaly map at the model's input size: npy (f32), png16 (16 bit, 65535 is twice the
    /// threshold), or both
    #[arg(long, value_enum, value_delimiter = ',')]
    raw: Vec<Raw>,
    /// Call pictures with a greater score anomalous, instead of the model's own threshold
    #[arg(long, value_parser = positive)]
    threshold: Option<f64>,
    /// Write no heat maps
    #[arg(long)]
    no_heat: bool,
    /// Write no overlays
    #[arg(long)]
    no_overlay: bool,
    /// Pictures computed at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// What a GPU computes with: f32, or f16 where it has that (less memory to move; scores within 1 %)
    #[arg(long, value_enum, default_value = "f32")]
    precision: Precision,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    saying: Saying,
}

/// The form of a raw map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Raw {
    /// NumPy, f32.
    Npy,
    /// PNG, 16 bit.
    Png16,
}

fn positive(text: &str) -> std::result::Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err("must be positive".into()) }
}

/// A picture that is ready to be looked at.
struct Read {
    native: Picture,
    pixels: Vec<f32>,
    ms: f64,
}

/// How many pictures there were of each kind.
#[derive(Default)]
struct Count {
    good: usize,
    anomalous: usize,
    failed: usize,
}

/// Runs `aand detect`.
pub fn run(args: &DetectArgs) -> Result<()> {
    let saying = args.saying;
    check_folder(&args.out)?;
    let (inputs, left_out) = find(&args.images, &args.out)?;
    let advice = left_out.advice();
    saying.advise(&advice);
    if saying.json && !advice.is_empty() {
        print_line(serde_json::json!({ "left_out": left_out }))?;
    }
    let processor = args.device.choose(saying)?;
    let mut detector = Detector::open_in(args.precision, &args.model, &processor)?;
    let info = &mut detector.info;
    if let Some(value) = args.threshold {
        let words = "given by --threshold, not by the model".to_owned();
        info.threshold =
            Threshold { value, method: words.clone(), pictures: 0, reliability: words, reliable: true };
    }
    let threshold = &info.threshold;
    saying.say(format!("threshold {:.4}: {}", threshold.value, threshold.method));
    if !threshold.reliable {
        saying.say(format!("warning: the threshold {}", threshold.reliability));
    }
    if info.selection == Selection::Test {
        saying.say(format!("warning: {}", Selection::Test.describe()));
    }
    // Without a handler Ctrl-C still stops, only without the results so far.
    let _ = ctrlc::set_handler(|| STOP.store(true, Ordering::SeqCst));

    let started = Instant::now();
    let mut results = Results::new(&args.out)?;
    let mut count = Count::default();
    let end = stream(args, &inputs, &detector, &mut results, &mut count);
    // Whatever happened, what is known is kept.
    let kept = results.finish();
    end.and(kept)?;
    let Count { good, anomalous, failed } = count;
    let rate = inputs.len() as f64 / started.elapsed().as_secs_f64().max(1e-9);
    saying.say(format!(
        "{} pictures: {good} good, {anomalous} anomalous, {failed} failed ({rate:.1} a second); results in {}",
        inputs.len(),
        args.out.display()
    ));
    if failed > 0 {
        return Err(Error::Incomplete(format!(
            "{failed} of {} pictures failed; each is named above and in {}",
            inputs.len(),
            args.out.join("results.csv").display()
        )));
    }
    Ok(())
}

/// All pictures, batch by batch.
fn stream(
    args: &DetectArgs,
    inputs: &[Input],
    detector: &Detector,
    results: &mut Results,
    count: &mut Count,
) -> Result<()> {
    let size = detector.info.size as u32;
    let range = detector.info.range;
    let remarks = Mutex::new(Remarks::new(range));
    let read = |input: &Input| -> Result<Read> {
        let started = Instant::now();
        let (native, details) = crate::picture::open_ranged(&input.path, range)?;
        remarks.lock().unwrap_or_else(PoisonError::into_inner).add(&details);
        let pixels = normalise(&resize(&native, size, size));
        Ok(Read { native, pixels, ms: started.elapsed().as_secs_f64() * 1000.0 })
    };
    let batches: Vec<&[Input]> = inputs.chunks(args.batch.into()).collect();
    let bar = bar(args.saying, inputs.len() as u64, "pictures");
    let make = |n: usize| batches[n].par_iter().map(read).collect::<Vec<_>>();
    let result = prefetch(0..batches.len(), make, |n, read| {
        if STOP.load(Ordering::SeqCst) {
            let done = count.good + count.anomalous + count.failed;
            let out = args.out.display();
            return Err(Error::Interrupted(format!(
                "stopped after {done} of {} pictures; their results are in {out}, run again for the others",
                inputs.len()
            )));
        }
        let lines = one_batch(args, batches[n], read, detector)?;
        for (line, input) in lines.iter().zip(batches[n]) {
            let json = results.add(line)?;
            bar.suspend(|| tell(args.saying, line, &json, input, count))?;
            bar.inc(1);
        }
        Ok(())
    });
    bar.finish_and_clear();
    for warning in remarks.into_inner().unwrap_or_else(PoisonError::into_inner).lines() {
        args.saying.say(format!("warning: {warning}"));
    }
    result
}

/// Counts a line and shows it.
fn tell(saying: Saying, line: &Line, json: &str, input: &Input, count: &mut Count) -> Result<()> {
    match line {
        Line::Judged { verdict, normalized, .. } => {
            match verdict {
                Verdict::Good => count.good += 1,
                Verdict::Anomalous => count.anomalous += 1,
            }
            if !saying.json && !saying.quiet {
                print_line(format!("{:<9} {normalized:.3}  {}", word(*verdict), input.path.display()))?;
            }
        }
        Line::Failed { error, .. } => {
            count.failed += 1;
            // An error, so it is said even when quiet.
            eprintln!("skipped: {}", error.replace('\n', " "));
        }
    }
    if saying.json { print_line(json) } else { Ok(()) }
}

/// Computes a batch and writes its pictures; a line for each.
fn one_batch(
    args: &DetectArgs,
    inputs: &[Input],
    read: Vec<Result<Read>>,
    detector: &Detector,
) -> Result<Vec<Line>> {
    let started = Instant::now();
    let pixels: Vec<f32> = read.iter().flatten().flat_map(|r| r.pixels.iter().copied()).collect();
    let usable = read.iter().flatten().count();
    let mut found = detector.maps(&pixels, usable)?.into_iter();
    let share = started.elapsed().as_secs_f64() * 1000.0 / usable.max(1) as f64;
    let mut judged = Vec::with_capacity(inputs.len());
    for read in read {
        judged.push(match read {
            Ok(read) => {
                let map = found.next().ok_or_else(|| Error::Device("a map is missing".into()))?;
                Ok((detector.judge(map)?, read))
            }
            Err(error) => Err(error),
        });
    }
    let threshold = detector.info.threshold.value;
    inputs
        .par_iter()
        .zip(judged)
        .map(|(input, judged)| match judged {
            Ok((found, read)) => {
                write_results(args, &input.stem, &found, &read.native, threshold)?;
                Ok(Line::judged(&input.path, &found, read.ms + share))
            }
            Err(error) => Ok(Line::failed(&input.path, &error)),
        })
        .collect()
}

/// The pictures of one result, at the picture's own size.
fn write_results(
    args: &DetectArgs,
    stem: &Path,
    found: &Detection,
    native: &Picture,
    threshold: f64,
) -> Result<()> {
    let base = args.out.join(stem);
    if let Some(folder) = base.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    }
    let name = base.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = |ending: &str| base.with_file_name(format!("{name}_{ending}"));
    if !args.no_heat || !args.no_overlay {
        let map = enlarge(&found.map, native.width(), native.height());
        if !args.no_heat {
            write_picture(&file("heat.png"), &heat_map(&map, threshold))?;
        }
        if !args.no_overlay {
            write_picture(&file("overlay.png"), &overlay(native, &map, threshold))?;
        }
    }
    if args.raw.contains(&Raw::Npy) {
        write_npy(&file("map.npy"), &found.map)?;
    }
    if args.raw.contains(&Raw::Png16) {
        write_png16(&file("map.png"), &found.map, threshold)?;
    }
    Ok(())
}
