//! `aand refine MODEL --good NEW`: a model learns from corrections; `--undo` reverts the last refinement.

use super::inputs::{self, Input};
use super::progress::bar;
use super::{DeviceArgs, Verbosity, stop, train::share};
use crate::files::{Lock, check_replace, text, write_atomically};
use crate::model::{Info, StoredModel, encode, header, is_own_model, read_bytes};
use crate::picture::{Details, Remarks};
use crate::refinement::{Corrected, Settings, corrections, refine};
use crate::training::{Event, Observer, lock};
use crate::{Error, Result, terminal};
use clap::Args;
use indicatif::ProgressBar;
use rayon::prelude::*;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Options of `aand refine`.
#[derive(Debug, Args)]
pub struct RefineArgs {
    /// The model file, which is replaced; the former one stays beside it as NAME.before until the next time
    model: PathBuf,
    /// Good pictures that were called anomalous, or that show a new light or variant: files and folders
    #[arg(long, num_args = 1.., value_name = "PICTURES", required_unless_present = "undo")]
    good: Vec<PathBuf>,
    /// Pictures that show a defect: nothing is learned from them, but the refined model must still find them
    #[arg(long, num_args = 1.., value_name = "PICTURES")]
    defects: Vec<PathBuf>,
    /// Take the last refinement back
    #[arg(long, conflicts_with_all = ["good", "defects"])]
    undo: bool,
    /// The share of the kept good pictures, of the synthetic anomalies or of the given defects by which the model may
    /// become worse
    #[arg(long, default_value = "5%", value_parser = share, allow_negative_numbers = true)]
    margin: f64,
    /// Keep the refined model even if it is worse by more than that
    #[arg(long)]
    anyway: bool,
    /// The share of good parts that may be called anomalous; that of the training unless given
    #[arg(long, value_parser = share, allow_negative_numbers = true)]
    false_alarms: Option<f64>,
    /// How often the student sees each picture
    #[arg(long, default_value_t = Settings::default().epochs, value_parser = epochs)]
    epochs: usize,
    /// Learning rate; times 0.2 after 80 % and 90 %
    #[arg(long, default_value_t = Settings::default().lr)]
    lr: f64,
    /// Pictures per step
    #[arg(long, default_value_t = Settings::default().batch)]
    batch: usize,
    /// Decides everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    verbosity: Verbosity,
}

fn epochs(text: &str) -> std::result::Result<usize, String> {
    let epochs = text.parse().ok().filter(|epochs| (1..=1000).contains(epochs));
    epochs.ok_or_else(|| "must be 1 to 1000".into())
}

/// Runs `aand refine`.
pub fn run(args: &RefineArgs) -> Result<()> {
    let _lock = claim(&args.model)?;
    if args.undo { undo(args) } else { refined(args) }
}

fn refined(args: &RefineArgs) -> Result<()> {
    let verbosity = args.verbosity;
    let bytes = read_bytes(&args.model)?;
    let info = header(&bytes, &args.model)?;
    let former = former(&args.model);
    check_replace(&former, "model", "another name of the model", is_own_model)?;
    let good = args.read(&args.good, &info)?;
    let defects = if args.defects.is_empty() { Vec::new() } else { args.read(&args.defects, &info)? };
    let settings = Settings {
        seed: args.seed,
        epochs: args.epochs,
        lr: args.lr,
        batch: args.batch,
        false_alarms: args.false_alarms,
        margin: args.margin,
        processor: args.device.choose(verbosity)?,
        when: SystemTime::now().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs()),
    };
    stop::listen();
    let mut watch = RefinementObserver { verbosity, bar: ProgressBar::hidden() };
    let result = refine((bytes.as_slice(), args.model.as_path()), &good, &defects, &settings, &mut watch);
    watch.bar.finish_and_clear();
    let result = result?;
    let Some(record) = result.record() else {
        return Err(Error::Training("nothing was refined".into()));
    };
    if result.left_out > 0 {
        verbosity.say(format!(
            "leaves {} out: the model was refined on them before, or they are given twice",
            corrections(result.left_out)
        ));
    }
    let sentence = result.sentence();
    match &result.worse {
        Some(worse) if !args.anyway => {
            return Err(Error::Training(format!(
                "{}: not refined: {worse}; look at the pictures, give a larger --margin, or --anyway ({sentence})",
                args.model.display()
            )));
        }
        Some(worse) => verbosity.say(format!("warning: {worse}; taken by --anyway")),
        None => {}
    }
    let new = encode(&result.model)?;
    write_atomically(&former, &bytes)?;
    write_atomically(&args.model, &new)?;
    verbosity.say(&sentence);
    verbosity.say(format!("threshold: {}", result.model.info.threshold.method));
    verbosity.say(format!("wrote {}; the former model is {}", args.model.display(), former.display()));
    if verbosity.json {
        terminal::print(serde_json::json!({
            "model": text(&args.model), "former": text(&former), "sentence": sentence, "worse": result.worse,
            "left_out": result.left_out,
            "threshold": result.model.info.threshold, "refinement": record,
        }));
    }
    Ok(())
}

/// Puts the former model back.
fn undo(args: &RefineArgs) -> Result<()> {
    let path = &args.model;
    let info = StoredModel::open(path)?.info;
    let former = former(path);
    let nothing = |why: &str| Error::model(path, format!("there is nothing to take back: {why}"));
    let Some((last, earlier)) = info.refinements.split_last() else {
        return Err(nothing("the model was never refined"));
    };
    if !former.exists() {
        return Err(nothing(&format!("{} is gone", former.display())));
    }
    let bytes = read_bytes(&former)?;
    let before = header(&bytes, &former)?;
    let same = before.refinements == earlier && before.data_fingerprint == info.data_fingerprint;
    if !same {
        let reason = "is not what the model was before its last refinement (one can be taken back)";
        return Err(Error::model(&former, reason));
    }
    write_atomically(path, &bytes)?;
    // Its content is the model now; if it cannot be removed, it does no harm.
    let _ = std::fs::remove_file(&former);
    args.verbosity.say(format!(
        "{}: took the refinement on {} back",
        path.display(),
        corrections(last.good.len())
    ));
    if args.verbosity.json {
        terminal::print(serde_json::json!({ "model": text(path), "undone": last }));
    }
    Ok(())
}

/// Where the former model is kept.
fn former(model: &Path) -> PathBuf {
    let mut name = model.file_name().unwrap_or(model.as_os_str()).to_os_string();
    name.push(".before");
    model.with_file_name(name)
}

/// Locks the model for this run, with the same lock as a training that writes it.
fn claim(model: &Path) -> Result<Lock> {
    if !model.exists() {
        return Err(Error::io(model, std::io::ErrorKind::NotFound.into()));
    }
    lock(model, "another run trains or refines this model; wait for it")
}

impl RefineArgs {
    /// The pictures of files and folders as the model sees them.
    fn read(&self, given: &[PathBuf], info: &Info) -> Result<Vec<Corrected>> {
        // No folder of results here: nothing is written among the pictures.
        let (inputs, left_out) = inputs::find(given, Path::new(""))?;
        self.verbosity.advise(&left_out.advice());
        let read = |Input { path, .. }: &Input| -> Result<(Corrected, Details)> {
            let bytes = read_bytes(path)?;
            Corrected::read(&bytes, path, info)
        };
        // An unreadable picture is an error: whoever corrects with ten pictures wants all ten to count.
        let read = inputs.par_iter().map(read).collect::<Result<Vec<_>>>()?;
        let (read, details): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        let remarks = Remarks::on(info.range, &details);
        remarks.lines().iter().for_each(|line| self.verbosity.say(format!("warning: {line}")));
        Ok(read)
    }
}

/// Shows the progress of the refinement, and stops it on request.
struct RefinementObserver {
    verbosity: Verbosity,
    bar: ProgressBar,
}

impl Observer for RefinementObserver {
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Begin { epochs, steps, .. } => {
                self.bar.finish_and_clear();
                self.bar = bar(self.verbosity, (epochs * steps) as u64, "steps");
                self.bar.set_prefix("refine");
            }
            Event::Step { .. } => self.bar.inc(1),
            _ => {}
        }
        if stop::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
