//! `aand calibrate MODEL GOOD`: a new threshold for a trained model, from good pictures that it did not learn from.

use super::inputs::{self, Input};
use super::learned::{describe, learned};
use super::output::check_file;
use super::progress::bar;
use super::{DeviceArgs, Verbosity, stop, train::share};
use crate::calibration::{Doubt, doubt};
use crate::dataset::{self, LeftOut};
use crate::detection::{Detector, from_good_scores};
use crate::files::{check_replace, same_place, text, write_atomically};
use crate::model::{Basis, Info, StoredModel, is_own_model, read_bytes, with_info};
use crate::picture::{Remarks, open_ranged};
use crate::{Error, Result, terminal};
use clap::Args;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Options of `aand calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// The model file
    model: PathBuf,
    /// Good pictures that the model has not learned from (others are left out): files, folders, or a data set, whose
    /// good test pictures are used. Without them, the scores behind the model's present threshold are used again, for
    /// another rate
    good: Vec<PathBuf>,
    /// The share of good parts that may be called anomalous: the threshold keeps it, or states what so few pictures
    /// support
    #[arg(long, default_value = "1%", value_parser = share, allow_negative_numbers = true)]
    false_alarms: f64,
    /// The model file to write; NAME-calibrated.aand beside the model unless given
    #[arg(long)]
    out: Option<PathBuf>,
    /// Trust that all pictures are good ones of this product, even those that look like defects or like another
    /// product
    #[arg(long)]
    all_good: bool,
    /// Pictures computed at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// Runs `aand calibrate`.
pub fn run(args: &CalibrateArgs) -> Result<()> {
    let verbosity = args.verbosity;
    let out = args.out();
    let mut info = StoredModel::open(&args.model)?.info;
    check_file(&out)?;
    check_replace(&out, "model", "--out", is_own_model)?;
    let (scores, learned, basis) = match (args.good.is_empty(), &info.threshold.stated) {
        (false, _) => {
            let (scores, learned) = args.judge(&info)?;
            (scores, learned, Basis::Calibrated)
        }
        (true, Some(stated)) if !info.threshold.scores.is_empty() => {
            (info.threshold.scores.clone(), 0, stated.basis)
        }
        _ => {
            let reason = "its threshold rests on no scores that could be used again; give good pictures";
            return Err(Error::model(&args.model, reason));
        }
    };
    let new = from_good_scores(&scores, args.false_alarms, basis);
    let old = std::mem::replace(&mut info.threshold, new);
    let threshold = &info.threshold;
    if !threshold.reliable {
        verbosity.say(super::detect::doubt(&threshold.reliability));
    }
    if out.exists() {
        let own = if same_place(&out, &args.model) { ", its threshold alone is new" } else { "" };
        verbosity.say(format!("replaces the model {}{own}", out.display()));
    }
    let bytes = with_info(&read_bytes(&args.model)?, &info, &args.model)?;
    write_atomically(&out, &bytes)?;
    let above = scores.iter().filter(|&&score| score > old.value).count();
    verbosity.say(format!(
        "threshold {:.4}: {}; {}; before {:.4}, which called {above} of these {} pictures anomalous",
        threshold.value,
        threshold.method,
        threshold.statement(),
        old.value,
        scores.len()
    ));
    verbosity.say(format!("wrote {}", out.display()));
    if verbosity.json {
        terminal::print(serde_json::json!({
            "model": text(&out), "name": info.name, "pictures": scores.len(), "threshold": threshold,
            "before": old, "above_before": above, "learned": learned,
        }));
    }
    Ok(())
}

impl CalibrateArgs {
    /// The scores of the good pictures, after a check of those pictures; and how many are left out, since the model has
    /// learned from them.
    fn judge(&self, info: &Info) -> Result<(Vec<f64>, usize)> {
        let given = self.pictures()?;
        let count = given.len();
        let pictures = self.new_to(info, given)?;
        let learned = count - pictures.len();
        let processor = self.device.choose(self.verbosity)?;
        stop::listen();
        let detector = Detector::open(&self.model, &processor)?;
        let scores = self.scores(&detector, info, &pictures)?;
        let Some(doubt) = doubt(&scores, info.threshold.value) else { return Ok((scores, learned)) };
        let words = doubt.describe(|i| pictures[i].display().to_string());
        let few = matches!(doubt, Doubt::TooFew(_));
        if few || !self.all_good {
            let anyway = if few { "" } else { ", or give --all-good to take them as they are" };
            return Err(Error::Setting(format!("{words}{anyway}")));
        }
        self.verbosity.say(format!("warning: {words}; taken for good by --all-good"));
        Ok((scores, learned))
    }

    fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| {
            let mut name = self.model.file_stem().unwrap_or_default().to_os_string();
            name.push("-calibrated.aand");
            self.model.with_file_name(name)
        })
    }

    /// The good pictures: the good test pictures of a data set, otherwise all that are given. Each counts once: the
    /// rate is stated from how many there are.
    fn pictures(&self) -> Result<Vec<PathBuf>> {
        let (pictures, mut left_out) = match self.good.as_slice() {
            [folder] if let Some(good) = good_test_pictures(folder) => {
                self.verbosity.say(format!("{}: its {} good test pictures", folder.display(), good.len()));
                (good, LeftOut::default())
            }
            given => {
                let (inputs, left_out) = inputs::find(given, &self.out())?;
                (inputs.into_iter().map(|Input { path, .. }| path).collect(), left_out)
            }
        };
        let (pictures, copies) = dataset::without_copies(pictures);
        left_out.copies = copies;
        self.verbosity.advise(&left_out.advice());
        Ok(pictures)
    }

    /// Without those that the model has learned from: the rate that rests on them would not be kept.
    fn new_to(&self, info: &Info, pictures: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
        let learned = learned(info, &pictures);
        let Some(words) = describe(&pictures, &learned) else { return Ok(pictures) };
        let new: Vec<_> = pictures.into_iter().zip(&learned).filter(|(_, learned)| !**learned).collect();
        if new.is_empty() {
            let remedy = "give good pictures that came later, or none for another rate from the same scores";
            return Err(Error::Setting(format!("{words}, and scores them lower than new ones; {remedy}")));
        }
        self.verbosity
            .say(format!("warning: {words}; they are left out, since it scores them lower than new ones"));
        Ok(new.into_iter().map(|(path, _)| path).collect())
    }

    /// The score of each picture.
    fn scores(&self, detector: &Detector, info: &Info, pictures: &[PathBuf]) -> Result<Vec<f64>> {
        let bar = bar(self.verbosity, pictures.len() as u64, "pictures");
        let (mut scores, mut remarks) = (Vec::with_capacity(pictures.len()), Remarks::new(info.range));
        for some in pictures.chunks(self.batch.into()) {
            if stop::asked() {
                return Err(Error::Interrupted("stopped: nothing was written".into()));
            }
            // An unreadable picture is an error: a calibration on the rest would promise too much.
            let read =
                some.par_iter().map(|path| open_ranged(path, info.range)).collect::<Result<Vec<_>>>()?;
            let (read, details): (Vec<_>, Vec<_>) = read.into_iter().unzip();
            details.iter().for_each(|details| remarks.add(details));
            scores.extend(detector.scores(&read)?);
            bar.inc(some.len() as u64);
        }
        bar.finish_and_clear();
        remarks.lines().iter().for_each(|line| self.verbosity.say(format!("warning: {line}")));
        Ok(scores)
    }
}

/// The good test pictures of a labeled data set; `None` if the folder is not one.
fn good_test_pictures(folder: &Path) -> Option<Vec<PathBuf>> {
    if !folder.is_dir() {
        return None;
    }
    let set = <[_; 1]>::try_from(dataset::open_for_test(folder, None, None).ok()?).ok()?;
    let [set] = set;
    if !set.test.iter().any(|sample| sample.defect.is_some()) {
        return None;
    }
    Some(set.test.into_iter().filter(|sample| sample.defect.is_none()).map(|sample| sample.path).collect())
}
