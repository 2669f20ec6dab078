//! Both training stages (the paper's Algorithm 1): first amplify anomalies in the teacher, then distill
//! normality into the student.

mod amplifying;
mod cache;
mod checkpoint;
mod config;
mod crossfit;
mod distilling;
mod epochs;
#[cfg(not(target_arch = "wasm32"))]
mod extent;
mod film;
mod gpu;
mod hold_out;
mod job;
mod judge;
mod keep;
mod prefetch;
#[cfg(not(target_arch = "wasm32"))]
mod prepare;
mod random;
mod read_back;
mod run;
mod shown;
mod stage1;
mod stage2;

pub use cache::FeatureCache;
#[cfg(not(target_arch = "wasm32"))]
pub use checkpoint::is_own_checkpoint;
pub use checkpoint::{Checkpoint, Contents, Position, Stage};
pub use config::{Calibration, Objective, Preset, Settings, TeacherKind};
#[cfg(not(target_arch = "wasm32"))]
pub use extent::Extent;
pub use film::Film;
pub use hold_out::{CACHE_BUDGET, Good, draw, fingerprint_of, trained_on};
pub use job::{Event, Observer, TrainingJob, distill_further, train, train_async};
pub use judge::{Judge, TOGETHER};
pub use prefetch::prefetch_async;
#[cfg(not(target_arch = "wasm32"))]
pub use prefetch::{prefetch, prefetch_few};
#[cfg(not(target_arch = "wasm32"))]
pub use prepare::{check_writable, checkpoint_path, claim, lock, range_of};
pub use random::{Purpose, stream};
pub use shown::{Shown, tiles_each};
pub use stage1::{AmplifyBatch, AmplifyLoss, AmplifyStage, LevelLoss, MOST_PAIRS, level_loss};
pub use stage2::{DistillLoss, DistillStage};

use burn::optim::{AdamConfig, ModuleOptimizer};

/// Adam as specified: betas (0.5, 0.999), epsilon 1e-8, no weight decay (method.md 2.9).
fn adam(settings: &Settings) -> ModuleOptimizer {
    AdamConfig::new().with_beta_1(settings.beta1 as f32).with_beta_2(0.999).with_epsilon(1e-8).init()
}
