//! `aand eval MODEL DATA`: AUROC, AUPRO, AP and F1 on labeled pictures.

use super::detect::doubt;
use super::output::check_file;
use super::progress::bar;
use super::reporting::{Measurable, Subject};
use super::{DeviceArgs, Verbosity, learned, one_line, region, skipped, stop};
use crate::dataset::{self, Dataset, Layout, MaskFault, Sample};
use crate::files::{check_replace, exact, same_place, text};
use crate::gpu::Processor;
use crate::metrics::{self, Evaluation, Judged, summary};
use crate::model::{Info, Selection};
use crate::picture::{Details, Mask, Pooling, Remarks, Seen, Size, open_size};
use crate::training::prefetch_few;
use crate::{Error, Result, report, terminal};
use clap::Args;
use rayon::prelude::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Options of `aand eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The model file; or a folder of models, NAME.aand for each category
    model: PathBuf,
    /// A category of MVTec AD, VisA or MVTec3D, the root of such a data set, or a folder with good/ and KIND/
    data: PathBuf,
    /// The category in a data set's root, or all
    #[arg(long)]
    category: Option<String>,
    /// How the folder is laid out; recognized from its content unless given
    #[arg(long)]
    layout: Option<Layout>,
    /// Write all metrics as CSV: a row per data set and per kind of defect
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write an HTML report with pictures, curves and the model's intermediate features
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// The region of the pictures that counts, instead of the model's: a mask's file, x,y,width,height, or a
    /// polygon's .json
    #[arg(long, value_name = "REGION")]
    roi: Option<String>,
    /// Pictures computed at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// A picture that cannot be measured, and why.
#[derive(Debug, serde::Serialize)]
pub(super) struct Unusable {
    path: String,
    /// The exact path where it is not UTF-8, percent-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    error: String,
}

/// A category that could not be measured at all, and why.
#[derive(Debug, serde::Serialize)]
struct Failed {
    name: String,
    error: String,
}

/// Everything measured on one data set.
pub(super) struct Measured {
    set: Dataset,
    pub evaluation: Evaluation,
    judged: Vec<Judged>,
    model: Measurable,
    unusable: Vec<Unusable>,
    mask_faults: Vec<MaskFault>,
    /// How many of the pictures the model has learned from.
    learned: usize,
}

impl Measured {
    /// Its part of a report.
    pub fn report(&self) -> Result<report::ReportInput<'_>> {
        let Self { set, model, judged, evaluation, .. } = self;
        Subject { set, model, judged, evaluation }.input()
    }
}

/// Runs `aand eval`. If one category cannot be measured, the others still are.
pub fn run(args: &EvalArgs) -> Result<()> {
    let sets = dataset::open_for_test(&args.data, args.layout, args.category.as_deref())?;
    check_outputs(args)?;
    let processor = args.device.choose(args.verbosity)?;
    stop::listen();
    let mut one_model: Option<Measurable> = None;
    let (mut all, mut failed) = (Vec::new(), Vec::new());
    let (mut first, count) = (None, sets.len());
    for set in sets {
        args.verbosity.advise(&set.advice());
        let name = set.name.clone();
        let measured = one_model.clone().map_or_else(|| model_for(args, &set), Ok).and_then(|model| {
            if !args.model.is_dir() {
                one_model = Some(model.clone());
            }
            measure(args.verbosity, args.batch.into(), set, model, &processor)
        });
        match measured {
            Ok(measured) => all.push(measured),
            // What has been measured so far is still shown.
            Err(error @ Error::Interrupted(_)) => {
                first = Some(error);
                break;
            }
            Err(error) => {
                if count > 1 {
                    terminal::complain(skipped(format!("{name}: {}", one_line(&error))));
                }
                failed.push(Failed { name, error: one_line(&error) });
                first.get_or_insert(error);
            }
        }
    }
    if all.is_empty()
        && let Some(error) = first.take()
    {
        return Err(error);
    }
    let evaluations: Vec<Evaluation> = all.iter().map(|m| m.evaluation.clone()).collect();
    let table = args.csv.as_ref().map_or(Ok(()), |path| report::write_csv(path, &evaluations));
    let page = args.report.as_ref().map_or(Ok(()), |path| write_report(args, path, &all));
    show(args, &all, &evaluations, &failed)?;
    table.and(page)?;
    if let Some(error @ Error::Interrupted(_)) = first {
        return Err(error);
    }
    complete(&all, &failed)
}

/// Makes sure that both files can be written, and replace nothing but earlier ones of this program.
fn check_outputs(args: &EvalArgs) -> Result<()> {
    if let Some(path) = &args.csv {
        check_file(path)?;
        check_replace(path, "table", "--csv", report::is_own_csv)?;
    }
    if let Some(path) = &args.report {
        check_file(path)?;
        check_replace(path, "report", "--report", report::is_own_page)?;
    }
    match (&args.csv, &args.report) {
        (Some(csv), Some(page)) if same_place(csv, page) => {
            let file = csv.display();
            Err(Error::Setting(format!("{file}: is named by --csv and by --report; choose two files")))
        }
        _ => Ok(()),
    }
}

/// An error when pictures or whole categories could not be measured.
fn complete(all: &[Measured], failed: &[Failed]) -> Result<()> {
    let unusable: Vec<&Unusable> = all.iter().flat_map(|m| &m.unusable).collect();
    let others = |count: usize| match count {
        1 => String::new(),
        n => format!(" (and {} more, see above)", n - 1),
    };
    if let Some(first) = failed.first() {
        let (count, categories) = (failed.len(), failed.len() + all.len());
        let more = others(count + unusable.len());
        return Err(Error::Incomplete(format!(
            "{count} of {categories} categories could not be measured: {}{more}",
            first.error
        )));
    }
    let Some(first) = unusable.first() else { return Ok(()) };
    let measured: usize = all.iter().map(|m| m.judged.len()).sum();
    Err(Error::Incomplete(format!(
        "{} of {} pictures could not be measured: {}{}",
        unusable.len(),
        unusable.len() + measured,
        first.error,
        others(unusable.len())
    )))
}

fn model_for(args: &EvalArgs, set: &Dataset) -> Result<Measurable> {
    let verbosity = args.verbosity;
    let path = match args.model.is_dir() {
        true => args.model.join(format!("{}.aand", set.name)),
        false => args.model.clone(),
    };
    let mut model = Measurable::open(&path)?;
    if let (Some(roi), Some(first)) = (&args.roi, set.test.first()) {
        model.info.view.region = Some(region::read(roi, open_size(&first.path)?)?);
    }
    let threshold = &model.info.threshold;
    if !threshold.reliable {
        verbosity.say(doubt(&threshold.reliability));
    }
    if model.info.name != set.name {
        let (trained, measured) = (&model.info.name, &set.name);
        verbosity
            .say(format!("warning: the model was trained on `{trained}`, the pictures are of `{measured}`"));
    }
    if model.info.selection == Selection::Test {
        verbosity.say(format!("warning: {}", Selection::Test.describe()));
    }
    Ok(model)
}

/// A labeled picture as the model sees it, and remarks about it.
struct Labeled {
    seen: Seen<'static>,
    mask: Option<Mask>,
    fault: Option<MaskFault>,
    details: Details,
}

/// Reads a labeled picture.
fn read(sample: &Sample, info: &Info) -> Result<Labeled> {
    let Info { size, view, .. } = info;
    let (native, details) = crate::picture::open_ranged(&sample.path, info.range)?;
    if let Some(reason) = view.misfit(Size::of(&native)) {
        return Err(Error::picture(&sample.path, reason));
    }
    let mut fault = None;
    let mask = match &sample.mask {
        Some(path) => {
            let mask = dataset::open_mask_for(path, Size::of(&native))?;
            fault = MaskFault::of(path, &mask, view.tiles.is_none().then_some(*size));
            Some(mask)
        }
        None => None,
    };
    let seen = view.see(&native, *size).owned();
    Ok(Labeled { seen, mask, fault, details })
}

/// Measures a model on the test pictures of one data set, `batch` at a time.
pub(super) fn measure(
    verbosity: Verbosity,
    batch: usize,
    set: Dataset,
    model: Measurable,
    processor: &Processor,
) -> Result<Measured> {
    let detector = model.detector(processor)?;
    let info = &model.info;
    let learned = learned::warn(verbosity, info, &set.test);
    // A picture looked at in tiles is a batch of its own, and may be so large that only a few fit in memory.
    let tiled = info.view.tiles.is_some();
    let batches: Vec<&[Sample]> = set.test.chunks(if tiled { 1 } else { batch }).collect();
    let (mut judged, mut unusable) = (Vec::new(), Vec::new());
    let mut mask_faults = vec![MaskFault::Shared; dataset::shared_masks(&set.test).len()];
    let mut remarks = Remarks::new(info.range);
    let bar = bar(verbosity, set.test.len() as u64, "pictures");
    bar.set_prefix(set.name.clone());
    let make = |n: usize| batches[n].par_iter().map(|s| read(s, info)).collect::<Vec<_>>();
    let end = prefetch_few(if tiled { 0 } else { 2 }, 0..batches.len(), make, |n, read| {
        if stop::asked() {
            let reason = "stopped: run again to measure the rest";
            return Err(Error::Interrupted(format!("{}: {reason}", set.name)));
        }
        let seen: Vec<Seen<'_>> = read.iter().flatten().map(|read| read.seen.borrowed()).collect();
        let mut maps = pollster::block_on(detector.look(&seen, &mut |_, _| {}))?.into_iter();
        drop(seen);
        for (sample, read) in batches[n].iter().zip(read) {
            match read {
                Ok(Labeled { seen, mask, fault, details }) => {
                    mask_faults.extend(fault);
                    remarks.add(&details);
                    let map = maps.next().ok_or_else(|| Error::Device("a map is missing".into()))?;
                    let found = detector.judge(map, seen.native)?;
                    judged.push(Judged {
                        path: set.relative(&sample.path).into(),
                        defect: sample.defect.clone(),
                        score: found.score,
                        mask: mask.map(|mask| info.view.truth(&mask, &found.map)),
                        map: found.map,
                    });
                }
                Err(error) => {
                    // An error, so it is said even when quiet.
                    bar.suspend(|| terminal::complain(skipped(&error)));
                    let path = set.relative(&sample.path);
                    let (path, path_bytes) = (text(path), exact(path));
                    unusable.push(Unusable { path, path_bytes, error: one_line(&error) });
                }
            }
        }
        bar.inc(batches[n].len() as u64);
        Ok(())
    });
    bar.finish_and_clear();
    end?;
    verbosity.advise(&MaskFault::all_advice(&mask_faults));
    for warning in remarks.lines() {
        verbosity.say(format!("warning: {warning}"));
    }
    if let (true, Some(first)) = (judged.is_empty(), unusable.first()) {
        return Err(Error::Incomplete(format!("no picture of {} is usable: {}", set.name, first.error)));
    }
    let threshold = metrics::Threshold {
        value: info.threshold.value,
        method: info.threshold.method.clone(),
        stated: info.threshold.stated.map(|stated| [stated.false_alarms, stated.confidence]),
    };
    let selection = match info.selection {
        Selection::Last => metrics::Selection::LastEpoch,
        Selection::Test => metrics::Selection::Test,
    };
    let evaluation = Evaluation::new(set.name.clone(), &judged, threshold, selection)?;
    Ok(Measured { set, evaluation, judged, model, unusable, mask_faults, learned })
}

/// The result on standard output: tables, or one JSON object.
fn show(args: &EvalArgs, all: &[Measured], evaluations: &[Evaluation], failed: &[Failed]) -> Result<()> {
    if args.verbosity.json {
        let objects = all.iter().map(object).collect::<Result<Vec<_>>>()?;
        let wrong = |e: serde_json::Error| Error::io("standard output", e.into());
        let of_several = |objects| -> Result<Value> {
            let mut mean = mean_of(objects);
            mean["failed"] = serde_json::to_value(failed).map_err(wrong)?;
            Ok(mean)
        };
        terminal::print(match <[Value; 1]>::try_from(objects) {
            Ok([only]) if failed.is_empty() => only,
            Ok(only) => of_several(only.into())?,
            Err(several) => of_several(several)?,
        });
        return Ok(());
    }
    if args.verbosity.quiet {
        return Ok(());
    }
    for evaluation in evaluations {
        terminal::print(format!("{evaluation}\n"));
    }
    if evaluations.len() > 1 {
        terminal::print(summary(evaluations));
    }
    Ok(())
}

/// One data set's metrics, with fields from the model's header and the pictures that failed.
fn object(of: &Measured) -> Result<Value> {
    let wrong = |e: serde_json::Error| Error::io("standard output", e.into());
    let mut object = serde_json::to_value(&of.evaluation).map_err(wrong)?;
    let info = &of.model.info;
    object["threshold_reliable"] = info.threshold.reliable.into();
    object["threshold_reliability"] = info.threshold.reliability.clone().into();
    object["selection_rule"] = info.selection.describe().into();
    object["image_auroc_by_score"] = by_score(of);
    object["backbone"] = info.backbone.name().into();
    object["errors"] = serde_json::to_value(&of.unusable).map_err(wrong)?;
    object["learned"] = of.learned.into();
    object["left_out"] = serde_json::to_value(&of.set.left_out).map_err(wrong)?;
    object["mask_faults"] =
        MaskFault::all_advice(&of.mask_faults).into_iter().map(|advice| advice.text).collect();
    Ok(object)
}

/// What the image AUROC would be with the other scores that the same maps allow (`aand train --score`).
fn by_score(of: &Measured) -> Value {
    let labels: Vec<bool> = of.judged.iter().map(|judged| judged.defect.is_some()).collect();
    let auroc = |pooling: Pooling| {
        let score = |judged: &Judged| {
            let counted = of.model.info.view.counted(Size::new(judged.map.width, judged.map.height));
            pooling.score(&judged.map, counted.as_ref())
        };
        let scores: Vec<f64> = of.judged.par_iter().map(score).collect();
        (pooling.to_string(), metrics::roc_auc(&scores, &labels).map_or(Value::Null, Value::from))
    };
    let top = [0.1, 0.5, 1.0, 2.0, 5.0].map(Pooling::Top);
    [Pooling::Max].into_iter().chain(top).map(auroc).collect::<serde_json::Map<_, _>>().into()
}

/// Several data sets in one object: unweighted means under the same keys; in `mean_over` the number of data sets
/// behind each mean, since a metric may not be defined for all; and each data set in `categories`.
fn mean_of(objects: Vec<Value>) -> Value {
    let mut mean = json!({ "name": "mean" });
    for key in [
        "image_auroc",
        "pixel_auroc",
        "aupro",
        "pro_rd",
        "pixel_ap",
        "image_f1_max",
        "pixel_f1_max",
        "image_ap",
    ] {
        let values: Vec<f64> = objects.iter().filter_map(|object| object[key].as_f64()).collect();
        mean["mean_over"][key] = values.len().into();
        mean[key] = match values.len() {
            0 => Value::Null,
            n => (values.iter().sum::<f64>() / n as f64).into(),
        };
    }
    mean["categories"] = objects.into();
    mean
}

fn write_report(args: &EvalArgs, path: &Path, all: &[Measured]) -> Result<()> {
    args.verbosity.say("writing the report");
    let inputs = all.iter().map(Measured::report).collect::<Result<Vec<_>>>()?;
    match inputs.as_slice() {
        [only] => report::write(path, only)?,
        several => report::write_several(path, "Anomaly detection", several)?,
    }
    args.verbosity.say(format!("wrote {}", path.display()));
    Ok(())
}
