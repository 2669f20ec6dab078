//! Makes the embedded teacher (`aand pretrain`): an ImageNet ResNet-18 is pruned to half its width, and its
//! three feature levels are distilled into the pruned network on endless procedural pictures. No photograph
//! is used, so the result may be shipped.

mod checkpoint;
mod choose;
mod distill;
mod holdout;
mod least_squares;
mod network;
mod objective;
mod optimizer;
pub mod procedural;
mod prune;
mod scale;
mod standardize;
mod stream;
mod trunk_file;

pub use checkpoint::{Checkpoint, Progress};
pub use procedural::Painter;

use crate::files::{check_replace, clear_leftovers, folder_of, same_place};
use crate::{Error, Result};
use burn::tensor::Device;
use std::path::PathBuf;

/// Settings of `aand pretrain`.
#[derive(Clone, Debug, clap::Args)]
pub struct PretrainOptions {
    /// Weights of an ImageNet ResNet-18 (safetensors, torchvision's names, batch normalization folded or not).
    #[arg(long, value_name = "FILE")]
    pub teacher: PathBuf,

    /// The file for the compact trunk (safetensors, 16-bit); FILE.checkpoint is kept beside it during
    /// training.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// Stop after this many steps.
    #[arg(long, default_value_t = 100_000)]
    pub steps: usize,

    /// Stop after this many minutes of training, if that is earlier; the learning rate follows whichever
    /// comes first.
    #[arg(long)]
    pub minutes: Option<f64>,

    /// Pictures per step at --size; batches of larger pictures have about as many pixels.
    #[arg(long, default_value_t = 64)]
    pub batch: usize,

    /// Side of the pictures (a multiple of 32).
    #[arg(long, default_value_t = 128)]
    pub size: usize,

    /// Side of the pictures in the last part of the run (a multiple of 32).
    #[arg(long, default_value_t = 256)]
    pub last_size: usize,

    /// The share of the run that is the last part.
    #[arg(long, default_value_t = 0.4)]
    pub last_share: f64,

    /// Painted pictures of --size to which the first weights are fitted (as many pixels, so fewer pictures,
    /// of --last-size).
    #[arg(long, default_value_t = 1024)]
    pub fit_pictures: usize,

    /// Peak learning rate.
    #[arg(long, default_value_t = 5e-4)]
    pub rate: f64,

    /// Seed of the pictures and of the first weights.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Continue from FILE.checkpoint.
    #[arg(long)]
    pub resume: bool,

    /// Steps between checkpoints (each also writes --out).
    #[arg(long, default_value_t = 1000)]
    pub save_every: usize,

    /// Steps between the losses on held-out pictures.
    #[arg(long, default_value_t = 500)]
    pub check_every: usize,

    /// Also report the loss on the photographs of this folder; they are never trained on.
    #[arg(long, value_name = "DIR")]
    pub probe: Option<PathBuf>,

    /// Threads that paint pictures; all cores unless given.
    #[arg(long)]
    pub threads: Option<usize>,
}

impl PretrainOptions {
    fn check(&self) -> Result<()> {
        for (flag, size) in [("--size", self.size), ("--last-size", self.last_size)] {
            if size == 0 || !size.is_multiple_of(32) {
                return Err(Error::Setting(format!("{flag} {size}: choose a multiple of 32, such as 128")));
            }
        }
        let positive = [("--steps", self.steps), ("--save-every", self.save_every)];
        for (flag, value) in positive.into_iter().chain([("--check-every", self.check_every)]) {
            if value == 0 {
                return Err(Error::Setting(format!("{flag} 0: choose at least 1")));
            }
        }
        if self.batch < 4 {
            return Err(Error::Setting("--batch: one picture is the twin of another, so at least 4".into()));
        }
        if !(0.0..=1.0).contains(&self.last_share) {
            return Err(Error::Setting("--last-share: choose a number from 0 to 1".into()));
        }
        if !(self.rate > 0.0 && self.rate < 1.0) {
            return Err(Error::Setting("--rate: choose a number between 0 and 1, such as 0.002".into()));
        }
        if self.minutes.is_some_and(|m| m.is_nan() || m <= 0.0) {
            return Err(Error::Setting("--minutes: choose a number above 0".into()));
        }
        Ok(())
    }

    /// Makes sure that the output files replace nothing but those of an earlier run.
    fn check_outputs(&self) -> Result<()> {
        if same_place(&self.teacher, &self.out) {
            let file = self.out.display();
            return Err(Error::Setting(format!(
                "{file}: is the teacher, too; choose another file with --out"
            )));
        }
        let has = |head: &[u8], text: &str| head.windows(text.len()).any(|part| part == text.as_bytes());
        check_replace(&Checkpoint::path(&self.out), "checkpoint", "--out", |head| {
            has(head, "\"progress\":")
        })?;
        // A trunk is all 16-bit and has no metadata.
        let trunk = |head: &[u8]| has(head, "\"F16\"") && !has(head, "\"F32\"") && !has(head, "__metadata__");
        check_replace(&self.out, "trunk", "--out", trunk)?;
        clear_leftovers(folder_of(&self.out));
        Ok(())
    }
}

/// Distills, with progress on standard output, until `--steps` or `--minutes` are over or Ctrl-C is pressed.
///
/// # Errors
/// A setting is out of range; the teacher cannot be read; the output cannot be written; training diverges
/// again and again; or Ctrl-C was pressed (the checkpoint and the trunk so far are then on disk).
pub fn run(options: &PretrainOptions, device: Device) -> Result<()> {
    options.check()?;
    options.check_outputs()?;
    distill::Distillation::new(options, device)?.run()
}
