//! Makes a training job from a data set: holds out, reads, resizes, finds the foreground.

use super::checkpoint::is_own_checkpoint;
use super::config::{Calibration, Settings};
use super::hold_out::{Good, trained_on};
use super::job::TrainingJob;
use crate::dataset::{Dataset, contents, fingerprint};
use crate::detection::FEWEST;
use crate::files::{Lock, check_replace, clear_leftovers, folder_of};
use crate::metrics::{CONFIDENCE, needed, percent, supported};
use crate::model::is_own_model;
use crate::picture::{Details, Range, RangeChoice, Remarks, Seen, Size, open_ranged};
use crate::synthesis::Textures;
use crate::teacher::Teacher;
use crate::{Error, Result};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

impl TrainingJob {
    /// Reads the good pictures of `dataset`; its test pictures are never opened.
    ///
    /// # Errors
    /// A setting is impossible, or a picture or a texture folder is unusable.
    pub fn prepare(
        dataset: &Dataset,
        settings: Settings,
        teacher: Teacher,
        teacher_source: String,
    ) -> Result<Self> {
        settings.check()?;
        let foreground = settings.foreground;
        let textures = match settings.textures.as_str() {
            "built-in" => Textures::builtin(),
            folder => Textures::open(Path::new(folder), settings.size.longer())?,
        };
        let (size, view) = (settings.size, &settings.view);
        let range = settings.range;
        let read = |path: &PathBuf| -> Result<(Good, Details)> {
            let (picture, details) = open_ranged(path, range)?;
            if let Some(reason) = view.misfit(Size::of(&picture)) {
                return Err(Error::picture(path, reason));
            }
            Ok((Good::new(&picture, &foreground, size, view), details))
        };
        let read = dataset.train.par_iter().map(read).collect::<Result<Vec<_>>>()?;
        let (good, details): (_, Vec<_>) = read.into_iter().unzip();
        let contents = contents(&dataset.train)?;
        Ok(Self {
            remarks: Remarks::on(range, &details),
            data_fingerprint: fingerprint(dataset, &contents),
            learned: trained_on(&contents, &settings),
            name: dataset.name.clone(),
            textures,
            ..Self::of(good, settings, teacher, teacher_source)
        })
    }

    /// Estimated main memory of the training in bytes, within about a third: pictures, cached features,
    /// weights with their gradients and moments, and the activations of one step.
    pub fn memory_estimate(&self) -> u64 {
        let size = self.settings.size;
        let backbone = self.teacher.backbone;
        let floats: u64 = backbone
            .channels()
            .iter()
            .zip(backbone.sizes(size))
            .map(|(&c, size)| (c * size.area()) as u64)
            .sum();
        let pixels = |seen: &Seen| Size::of(&seen.picture).area() as u64;
        let pictures = 4 * self.pictures.iter().chain(&self.held_out).map(pixels).sum::<u64>();
        let cached = if self.learns_anew() { 0 } else { self.pictures.len() as u64 };
        let cache = (cached * floats * 4).min(self.cache_budget);
        let [_, _, c3] = backbone.channels().map(|c| c as u64);
        // The student's convolutions grow with the square of the width; 16 M parameters at C_3 = 256.
        let weights = 16_000_000 * c3 * c3 / (256 * 256) * 4 * 5;
        let activations = self.settings.batch as u64 * floats * 4 * 24;
        pictures + cache + weights + activations + (200 << 20)
    }

    /// Advice about the data and the machine, before the training starts.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.remarks.lines();
        let (fit, held) = (self.pictures.len(), self.held_out.len());
        if fit + held < 10 {
            let pictures = if fit + held == 1 { "picture" } else { "pictures" };
            warnings.push(format!(
                "only {} good {pictures}: the model will know little of what may vary; 50 or more are better",
                fit + held
            ));
        }
        let judged = match self.settings.calibration(fit + held) {
            Calibration::Guess => 0,
            Calibration::HeldOut(count) => count,
            Calibration::LeftOut(_) => fit + held,
        };
        warnings.extend(too_few(judged, self.settings.false_alarms));
        let covered = self.foregrounds.iter().filter(|m| m.count() > 0).count();
        if covered < fit {
            let empty = fit - covered;
            warnings.push(format!(
                "no foreground found in {empty} of {fit} pictures; look with `aand synth`, or give `foreground none`"
            ));
        }
        warnings
    }
}

/// A warning if there are too few good pictures for the threshold to support the rate `asked`.
fn too_few(pictures: usize, asked: f64) -> Option<String> {
    let enough = needed(asked, CONFIDENCE);
    let not = "(scores and maps are not affected)";
    match pictures {
        0..FEWEST => {
            Some(format!("too few good pictures to calibrate on: the threshold will be a guess {not}"))
        }
        n if n < enough => Some(format!(
            "{n} good pictures support a false-alarm rate of {}; {} asks for {enough} {not}",
            percent(supported(n, CONFIDENCE)),
            percent(asked)
        )),
        _ => None,
    }
}

/// The range to train with. If it is to be found, the values of `dataset`'s good pictures decide.
pub fn range_of(choice: Option<RangeChoice>, dataset: &Dataset) -> Option<Range> {
    match choice? {
        RangeChoice::Fixed(range) => Some(range),
        RangeChoice::Auto => {
            // Unreadable pictures are reported later, when they are read for training.
            let values = |path: &PathBuf| open_ranged(path, None).ok()?.1.values;
            Range::of(&dataset.train.par_iter().filter_map(values).collect::<Vec<_>>())
        }
    }
}

/// Locks the model file `out` and its checkpoint for one training, until the lock is dropped; `option` is the
/// setting that named the file, for messages. Removes half-written files of an earlier training.
///
/// # Errors
/// A file that aand did not make is in the way, the folder cannot be written, or another training writes there.
pub fn claim(out: &Path, option: &str) -> Result<Lock> {
    check_writable(out)?;
    check_replace(out, "model", option, is_own_model)?;
    check_replace(&checkpoint_path(out), "checkpoint", option, is_own_checkpoint)?;
    lock(
        out,
        &format!("another training writes this model; wait for it, or choose another file with {option}"),
    )
}

/// Locks the file `model` for its writer, until the lock is dropped; `taken` is the message if another run holds it.
/// Removes half-written files of an earlier run beside it.
///
/// # Errors
/// Another run holds it, or the folder cannot be written.
pub fn lock(model: &Path, taken: &str) -> Result<Lock> {
    let mut name = std::ffi::OsString::from(".");
    name.push(model.file_name().unwrap_or_default());
    name.push(".lock");
    let held = Lock::take(&model.with_file_name(name))?;
    let lock = held.ok_or_else(|| Error::Temporary(format!("{}: {taken}", model.display())))?;
    clear_leftovers(folder_of(model));
    Ok(lock)
}

/// The path of the checkpoint for the model file `out`.
pub fn checkpoint_path(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or(out.as_os_str()).to_os_string();
    name.push(".checkpoint");
    out.with_file_name(name)
}

/// Fails early if nothing can be written beside `out`.
///
/// # Errors
/// The folder cannot be made or written.
pub fn check_writable(out: &Path) -> Result<()> {
    let folder = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    if out.is_dir() {
        return Err(Error::Setting(format!(
            "`out` {}: is a folder; name a file, for example {}",
            out.display(),
            out.join("part.aand").display()
        )));
    }
    tempfile::tempfile_in(folder).map(drop).map_err(|e| Error::io(folder, e))
}
