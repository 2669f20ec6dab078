//! Watching a training: progress bars, `training.jsonl`, the loss picture, requests to stop, and judging on test
//! data if asked for.

use super::progress::bar;
use super::{Verbosity, stop};
use crate::dataset::{Dataset, Sample, open_mask_for};
use crate::detection::{Detector, batch};
use crate::files::{check_replace, write_atomically};
use crate::gpu::Processor;
use crate::metrics::roc_auc;
use crate::model::{Aand, History, Info, Selection};
use crate::picture::{Mask, Seen, Size, normalize, open_ranged};
use crate::report::{is_own_picture, training_picture};
use crate::training::{Checkpoint, Event, Film, Observer, Settings, Stage, TrainingJob};
use crate::{Error, Result};
use indicatif::ProgressBar;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A test picture as the model looks at it, its mask, and whether it is anomalous.
type TestPicture = (Seen<'static>, Option<Mask>, bool);

/// The observer of `aand train`.
pub struct TrainingObserver {
    verbosity: Verbosity,
    bar: ProgressBar,
    steps: u64,
    log: PathBuf,
    plot: PathBuf,
    lines: String,
    begun: bool,
    unwritten: Option<Error>,
    started: Instant,
    /// What weights are selected on.
    test: Vec<TestPicture>,
    /// Judges the candidates for selection.
    processor: Processor,
    /// The film of stage 2, if one was asked for.
    pub film: Option<Film>,
}

/// The log and the loss picture beside a model file.
pub fn beside(out: &Path) -> [PathBuf; 2] {
    ["jsonl", "svg"].map(|kind| {
        // Names need not be UTF-8.
        let mut name = out.file_stem().unwrap_or_default().to_os_string();
        name.push(format!(".training.{kind}"));
        out.with_file_name(name)
    })
}

/// Makes sure that log and loss picture of the model file `out` replace nothing but earlier ones.
///
/// # Errors
/// Another file is in the way.
pub fn check_beside(out: &Path) -> Result<()> {
    let [log, plot] = beside(out);
    check_replace(&log, "training log", "--out", is_own_log)?;
    check_replace(&plot, "loss picture", "--out", is_own_picture)?;
    Ok(())
}

impl TrainingObserver {
    /// For a training that writes `out`.
    ///
    /// # Errors
    /// There is a checkpoint to continue from, and it cannot be read; or a test picture that the weights are to be
    /// selected on, or its mask, cannot be used.
    pub fn new(verbosity: Verbosity, out: &Path, dataset: &Dataset, job: &TrainingJob) -> Result<Self> {
        stop::listen();
        let [log, plot] = beside(out);
        // The epochs up to the checkpoint come from the checkpoint itself: a log may go beyond it, or belong to
        // another run.
        let lines = match &job.checkpoint {
            Some(path) if job.resume && path.exists() => log_of(&Checkpoint::open(path)?.0.history),
            _ => String::new(),
        };
        // Now, and not after the first epochs.
        let settings = &job.settings;
        let test = match settings.selection {
            Selection::Last => Vec::new(),
            Selection::Test => test_pictures(dataset, settings)?,
        };
        Ok(Self {
            verbosity,
            bar: ProgressBar::hidden(),
            steps: 0,
            plot,
            log,
            lines,
            begun: false,
            unwritten: None,
            started: Instant::now(),
            test,
            processor: job.processor.clone(),
            film: None,
        })
    }

    /// How long the training has taken; removes its bar.
    pub fn time(&self) -> String {
        self.bar.finish_and_clear();
        format!("{:.0} s", self.started.elapsed().as_secs_f64())
    }

    /// Writes the loss picture of a finished training.
    ///
    /// # Errors
    /// The picture cannot be written, or the log could not.
    pub fn finish(self, history: &History) -> Result<()> {
        let drawn = training_picture(&self.plot, history);
        self.unwritten.map_or(Ok(()), Err).and(drawn)
    }

    /// The training has begun: removes an earlier training's lines from the log.
    fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            match self.lines.is_empty() {
                true => drop(std::fs::remove_file(&self.log)),
                false => self.write(),
            }
        }
    }

    fn line(&mut self, stage: &str, record: impl serde::Serialize) {
        self.lines.push_str(&log_line(stage, record));
        self.write();
    }

    fn write(&mut self) {
        match write_atomically(&self.log, self.lines.as_bytes()) {
            Ok(()) => self.unwritten = None,
            Err(error) => {
                if self.unwritten.is_none() {
                    self.bar.suspend(|| {
                        self.verbosity.say(format!("warning: the training goes on without log: {error}"))
                    });
                }
                self.unwritten = Some(error);
            }
        }
    }
}

/// The test pictures of a data set, as the model will look at them.
fn test_pictures(
    dataset: &Dataset,
    Settings { size, view, range, .. }: &Settings,
) -> Result<Vec<TestPicture>> {
    let read = |sample: &Sample| {
        let (native, _) = open_ranged(&sample.path, *range)?;
        let of = Size::of(&native);
        if let Some(reason) = view.misfit(of) {
            return Err(Error::picture(&sample.path, reason));
        }
        let mask = sample.mask.as_ref().map(|path| open_mask_for(path, of)).transpose()?;
        Ok((view.see(&native, *size).owned(), mask, sample.defect.is_some()))
    };
    dataset.test.iter().map(read).collect()
}

impl Observer for TrainingObserver {
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        self.begin();
        match event {
            Event::Caching(done, all) => {
                self.bar.set_message(format!("teacher features {done}/{all}"));
            }
            Event::Scoring(done, all) => self.bar.set_message(format!("threshold {done}/{all}")),
            Event::Begin { stage, epoch, epochs, steps } => {
                self.bar.finish_and_clear();
                self.steps = steps as u64;
                self.bar = bar(self.verbosity, (epochs * steps) as u64, "steps");
                self.bar.set_prefix(match stage {
                    Stage::Amplify => "amplify",
                    Stage::Distill => "distill",
                });
                self.bar.set_position((epoch * steps) as u64);
                self.bar.reset_eta();
            }
            Event::Step { stage, epoch, step, losses: [a, b] } => {
                self.bar.set_position(epoch as u64 * self.steps + step as u64 + 1);
                self.bar.set_message(match stage {
                    Stage::Amplify => format!("focal {a:.4} amplification {b:.4}"),
                    Stage::Distill => format!("KD {a:.4} HKD {b:.4}"),
                });
            }
            Event::Amplified(record) => self.line("amplify", record),
            Event::Distilled(record) => self.line("distill", record),
        }
        if stop::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn film(&mut self) -> Option<&mut Film> {
        self.film.as_mut()
    }

    /// Stage 1: gate precision (method.md 2.10). Stage 2: image plus pixel AUROC, each rounded to three
    /// decimals (method.md 4.4).
    fn judge(&mut self, candidate: &Aand, stage: Stage) -> Result<f64> {
        let samples = &self.test;
        if stage == Stage::Amplify {
            let precision =
                samples.iter().map(|(picture, mask, _)| gate_precision(candidate, picture, mask.as_ref()));
            return Ok(precision.sum::<f64>() / samples.len().max(1) as f64);
        }
        let detector = Detector::on(candidate.clone(), &self.processor)?;
        let (mut image, mut labels, mut pixels, mut truth) = (vec![], vec![], vec![], vec![]);
        for (picture, mask, anomalous) in samples {
            for map in pollster::block_on(detector.look(std::slice::from_ref(picture), &mut |_, _| {}))? {
                let detection = detector.judge(map, picture.native)?;
                let (width, height) = (detection.map.width, detection.map.height);
                image.push(detection.score);
                labels.push(*anomalous);
                match mask {
                    Some(mask) => truth.extend(mask.resize_pil_nearest(width, height).data),
                    None if !anomalous => truth.extend(std::iter::repeat_n(false, width * height)),
                    None => continue,
                }
                pixels.extend(detection.map.data.iter().map(|&v| f64::from(v)));
            }
        }
        let rounded = |auc: Option<f64>| (auc.unwrap_or(0.0) * 1000.0).round() / 1000.0;
        Ok(rounded(roc_auc(&image, &labels)) + rounded(roc_auc(&pixels, &truth)))
    }
}

/// A line of the log: the stage, and an epoch's record.
fn log_line(stage: &str, record: impl serde::Serialize) -> String {
    let mut line = serde_json::json!({ "stage": stage });
    let record = serde_json::to_value(record).unwrap_or_default();
    if let (Some(line), serde_json::Value::Object(record)) = (line.as_object_mut(), record) {
        line.extend(record);
    }
    format!("{line}\n")
}

/// Whether a file that begins with `head` is such a log.
fn is_own_log(head: &[u8]) -> bool {
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let record: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
    record["stage"].is_string() && record["epoch"].is_u64()
}

/// The log of the epochs so far.
fn log_of(history: &History) -> String {
    let amplify = history.amplify.iter().map(|record| log_line("amplify", record));
    let distill = history.distill.iter().map(|record| log_line("distill", record));
    amplify.chain(distill).collect()
}

/// Share of the gate's positive patches that lie on the defect, averaged over the levels; 0 for a good
/// picture.
fn gate_precision(model: &Aand, seen: &Seen, mask: Option<&Mask>) -> f64 {
    let Some(mask) = mask else { return 0.0 };
    let Info { size, view, .. } = &model.info;
    let (picture, mask) = view.around(seen, mask, *size);
    let x = batch(normalize(&picture), 1, *size, &model.device());
    let levels = model.amplifier.forward(model.teacher.forward(x), model.info.raa);
    let precision = levels.map(|level| {
        let [_, _, height, width] = level.weight.dims();
        let labels = mask.patch_labels(height, width);
        let gate: Vec<bool> = level.weight.into_data().iter::<f32>().map(|w| w > 0.5).collect();
        let predicted = gate.iter().filter(|&&g| g).count() as f64;
        let hits = gate.iter().zip(&labels).filter(|(g, l)| **g && **l).count() as f64;
        hits / (predicted + 1e-5)
    });
    precision.iter().sum::<f64>() / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_and_picture_lie_beside_the_model_whatever_it_is_called() {
        assert_eq!(
            beside(Path::new("d/a.b.aand")),
            ["d/a.b.training.jsonl", "d/a.b.training.svg"].map(Path::new)
        );
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            let [log, _] = beside(Path::new(std::ffi::OsStr::from_bytes(b"m\xff.aand")));
            assert_eq!(log.as_os_str().as_bytes(), b"m\xff.training.jsonl");
        }
    }

    #[test]
    fn the_log_takes_the_place_of_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("m.aand");
        let [log, plot] = beside(&out);
        let record = crate::model::AmplifyRecord {
            epoch: 1,
            focal: 1.0,
            amplification: 1.0,
            residual_normal: 0.0,
            residual_anomalous: 0.0,
            lr: 0.1,
            seconds: 0.0,
        };
        let history = History { amplify: vec![record], ..History::default() };
        std::fs::write(&log, log_of(&history)).unwrap();
        training_picture(&plot, &history).unwrap();
        check_beside(&out).unwrap();
        std::fs::write(&plot, "<svg/>").unwrap();
        assert!(check_beside(&out).is_err());
        std::fs::remove_file(&plot).unwrap();
        std::fs::write(&log, "{}").unwrap();
        assert!(check_beside(&out).unwrap_err().to_string().contains("m.training.jsonl"));
    }
}
