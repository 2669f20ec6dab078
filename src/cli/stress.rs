//! `aand stress MODEL DATA`: measures what changes of light, focus, noise, storage and place do to the
//! verdicts.

use super::output::check_file;
use super::progress::bar;
use super::{DeviceArgs, Verbosity, detect::doubt, learned, one_line, skipped, stop};
use crate::dataset;
use crate::detection::Detector;
use crate::files::check_replace;
use crate::perturbation::Perturbation;
use crate::picture::open_ranged;
use crate::stress::{Stress, conditions, report, scores, variations};
use crate::{Error, Result, report as pages, terminal};
use clap::Args;
use std::path::PathBuf;

/// Options of `aand stress`.
#[derive(Debug, Args)]
pub struct StressArgs {
    /// The model file
    model: PathBuf,
    /// Labeled pictures: a category of MVTec AD, VisA or MVTec3D, or a folder with good/ and KIND/
    data: PathBuf,
    /// The category in a data set's root
    #[arg(long)]
    category: Option<String>,
    /// Only these changes, separated by commas: lighting, contrast, blur, noise, jpeg, shift, rotation
    #[arg(long, value_delimiter = ',', value_name = "KIND,…")]
    only: Vec<Perturbation>,
    /// Write table and plots as one HTML file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Pictures computed at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// Runs `aand stress`.
pub fn run(args: &StressArgs) -> Result<()> {
    let verbosity = args.verbosity;
    let sets = dataset::open_for_test(&args.data, None, args.category.as_deref())?;
    let Ok([set]) = <[_; 1]>::try_from(sets) else {
        return Err(Error::dataset(&args.data, "has several categories; name one with --category"));
    };
    if let Some(path) = &args.report {
        check_file(path)?;
        check_replace(path, "report", "--report", pages::is_own_page)?;
    }
    verbosity.advise(&set.advice());
    let processor = args.device.choose(verbosity)?;
    stop::listen();
    let detector = Detector::open(&args.model, &processor)?;
    let info = &detector.info;
    if !info.threshold.reliable {
        verbosity.say(doubt(&info.threshold.reliability));
    }
    learned::warn(verbosity, info, &set.test);
    let kinds = if args.only.is_empty() { &Perturbation::ALL[..] } else { &args.only };
    let conditions = conditions(kinds);
    let bar = bar(verbosity, set.test.len() as u64, "pictures");
    let (mut all, mut labels, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (n, sample) in set.test.iter().enumerate() {
        if stop::asked() {
            return Err(Error::Interrupted("stopped: nothing was written".into()));
        }
        match open_ranged(&sample.path, info.range) {
            Ok((picture, _)) => {
                let varied = variations(&picture, &conditions, info, n);
                all.push(scores(&detector, &varied, args.batch.into())?);
                labels.push(sample.defect.is_some());
            }
            Err(error) => {
                bar.suspend(|| terminal::complain(skipped(&error)));
                failed.push(one_line(&error));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let stress = report(&set.name, &info.threshold, &conditions, &all, &labels)?;
    if let Some(path) = &args.report {
        pages::write_stress(path, &stress)?;
        verbosity.say(format!("wrote {}", path.display()));
    }
    show(verbosity, &stress)?;
    match failed.first() {
        None => Ok(()),
        Some(first) => Err(Error::Incomplete(format!(
            "{} of {} pictures could not be measured: {first}",
            failed.len(),
            set.test.len()
        ))),
    }
}

fn show(verbosity: Verbosity, stress: &Stress) -> Result<()> {
    if verbosity.json {
        let json = serde_json::to_value(stress).map_err(|e| Error::io("standard output", e.into()))?;
        terminal::print(json);
    } else if !verbosity.quiet {
        terminal::print(stress);
    }
    Ok(())
}
