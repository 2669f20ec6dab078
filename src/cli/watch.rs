//! Watching a training: bars, `training.jsonl`, the loss picture, Ctrl-C, and judging on test data when asked.

use super::Saying;
use super::progress::bar;
use crate::Result;
use crate::dataset::{Dataset, open_mask};
use crate::detection::{Detector, batch};
use crate::gpu::Processor;
use crate::metrics::roc_auc;
use crate::model::{Aand, History, write_atomically};
use crate::picture::{Mask, Picture, Range, normalise, open_ranged, resize};
use crate::report::{Stage1Epoch, Stage2Epoch, training_picture};
use crate::training::{Course, Event, Observer, Stage};
use indicatif::ProgressBar;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

/// The observer of `aand train`.
pub struct Watch<'a> {
    saying: Saying,
    dataset: &'a Dataset,
    bar: ProgressBar,
    steps: u64,
    log: PathBuf,
    plot: PathBuf,
    lines: String,
    started: Instant,
    test: Option<Vec<(Picture, Option<Mask>, bool)>>,
    /// Judges candidates.
    processor: Processor,
}

impl<'a> Watch<'a> {
    /// For a training that writes `out`.
    pub fn new(saying: Saying, out: &Path, dataset: &'a Dataset, course: &Course) -> Result<Self> {
        static HANDLER: Once = Once::new();
        HANDLER.call_once(|| {
            // Without a handler Ctrl-C still stops; the last epoch's checkpoint is on disk.
            let _ = ctrlc::set_handler(|| {
                if STOP.swap(true, Ordering::SeqCst) {
                    std::process::exit(130);
                }
            });
        });
        let stem = out.file_stem().unwrap_or_default().to_string_lossy();
        let log = out.with_file_name(format!("{stem}.training.jsonl"));
        // What an interrupted training has written stays in front of what the resumed one adds.
        let lines =
            if course.resume { std::fs::read_to_string(&log).unwrap_or_default() } else { String::new() };
        Ok(Self {
            saying,
            dataset,
            bar: ProgressBar::hidden(),
            steps: 0,
            plot: out.with_file_name(format!("{stem}.training.svg")),
            log,
            lines,
            started: Instant::now(),
            test: None,
            processor: course.processor.clone(),
        })
    }

    /// Writes the loss picture of a finished training; says how long it took.
    ///
    /// # Errors
    /// The picture cannot be written.
    pub fn finish(self, history: Option<&History>) -> Result<String> {
        self.bar.finish_and_clear();
        if let Some(history) = history {
            let (stage1, stage2) = epochs(history);
            training_picture(&self.plot, &stage1, &stage2)?;
        }
        Ok(format!("{:.0} s", self.started.elapsed().as_secs_f64()))
    }

    fn line(&mut self, stage: &str, record: serde_json::Value) {
        let mut line = serde_json::json!({ "stage": stage });
        if let (Some(line), serde_json::Value::Object(record)) = (line.as_object_mut(), record) {
            line.extend(record);
        }
        self.lines.push_str(&format!("{line}\n"));
        if let Err(error) = write_atomically(&self.log, self.lines.as_bytes()) {
            self.saying.say(format!("warning: cannot write the training log: {error}"));
        }
    }

    fn test_pictures(
        &mut self,
        size: usize,
        range: Option<Range>,
    ) -> Result<&[(Picture, Option<Mask>, bool)]> {
        if self.test.is_none() {
            let read = |sample: &crate::dataset::Sample| {
                let picture = resize(&open_ranged(&sample.path, range)?.0, size as u32, size as u32);
                let mask = sample.mask.as_ref().map(|m| Ok(open_mask(m)?.resize_pil_nearest(size, size)));
                Ok((picture, mask.transpose()?, sample.defect.is_some()))
            };
            self.test = Some(self.dataset.test.iter().map(read).collect::<Result<_>>()?);
        }
        Ok(self.test.as_deref().unwrap_or_default())
    }
}

impl Observer for Watch<'_> {
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Caching(done, all) => {
                self.bar.set_message(format!("teacher features {done}/{all}"));
            }
            Event::Scoring(done, all) => self.bar.set_message(format!("threshold {done}/{all}")),
            Event::Begin { stage, epoch, epochs, steps } => {
                self.bar.finish_and_clear();
                self.steps = steps as u64;
                self.bar = bar(self.saying, (epochs * steps) as u64, "steps");
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
            Event::Amplified(record) => {
                self.line("amplify", serde_json::to_value(record).unwrap_or_default());
            }
            Event::Distilled(record) => {
                self.line("distill", serde_json::to_value(record).unwrap_or_default());
            }
        }
        if STOP.load(Ordering::SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Stage 1: gate precision (method.md 2.10). Stage 2: image plus pixel AUROC, each rounded to three
    /// decimals (method.md 4.4).
    fn judge(&mut self, candidate: &Aand, stage: Stage) -> Result<f64> {
        let size = candidate.info.size;
        let processor = self.processor.clone();
        let samples = self.test_pictures(size, candidate.info.range)?;
        if stage == Stage::Amplify {
            let precision =
                samples.iter().map(|(picture, mask, _)| gate_precision(candidate, picture, mask.as_ref()));
            return Ok(precision.sum::<f64>() / samples.len().max(1) as f64);
        }
        let detector = Detector::on(candidate.clone(), &processor)?;
        let (mut image, mut labels, mut pixels, mut truth) = (vec![], vec![], vec![], vec![]);
        for (picture, mask, anomalous) in samples {
            let found = detector.detect(std::slice::from_ref(picture))?;
            for detection in found {
                image.push(detection.score);
                labels.push(*anomalous);
                match mask {
                    Some(mask) => truth.extend(&mask.data),
                    None if !anomalous => truth.extend(std::iter::repeat_n(false, size * size)),
                    None => continue,
                }
                pixels.extend(detection.map.data.iter().map(|&v| f64::from(v)));
            }
        }
        let rounded = |auc: Option<f64>| (auc.unwrap_or(0.0) * 1000.0).round() / 1000.0;
        Ok(rounded(roc_auc(&image, &labels)) + rounded(roc_auc(&pixels, &truth)))
    }
}

/// Share of the gate's positive patches that lie on the defect, mean over the levels; 0 for a good picture.
fn gate_precision(model: &Aand, picture: &Picture, mask: Option<&Mask>) -> f64 {
    let Some(mask) = mask else { return 0.0 };
    let x = batch(normalise(picture), 1, model.info.size, &model.device());
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

/// The course of a training as the report draws it.
pub fn epochs(history: &History) -> (Vec<Stage1Epoch>, Vec<Stage2Epoch>) {
    let stage1 = history.amplify.iter().map(|r| Stage1Epoch {
        epoch: r.epoch,
        focal: r.focal,
        amplification: r.amplification,
        residual_normal: r.residual_normal,
        residual_anomalous: r.residual_anomalous,
    });
    let stage2 = history.distill.iter().map(|r| Stage2Epoch {
        epoch: r.epoch,
        kd: r.kd,
        hkd: r.hkd,
        loss: r.kd + r.hkd,
    });
    (stage1.collect(), stage2.collect())
}
