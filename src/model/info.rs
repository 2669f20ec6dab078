//! The JSON header of a model file: everything about a model that is not a tensor.

use crate::amplification::RaaOptions;
use crate::teacher::Backbone;
use serde::{Deserialize, Serialize};

/// Version of the file format; a file of another version is refused.
pub const FORMAT_VERSION: u32 = 1;

/// What a position's score is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(not(target_arch = "wasm32"), derive(clap::ValueEnum))]
pub enum Score {
    /// The teacher-student discrepancy. The method.
    #[default]
    Discrepancy,
    /// The residual gate alone, without a student (Table V (a)).
    Gate,
}

/// How the stored weights were chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(not(target_arch = "wasm32"), derive(clap::ValueEnum))]
pub enum Selection {
    /// After the last epoch. The test folder is never read.
    #[default]
    Last,
    /// The best epoch on the *test* pictures, as the paper's code does; optimistic.
    Test,
}

impl Selection {
    /// For people, wherever numbers are printed.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Last => "weights of the last epoch; test pictures never seen in training",
            Self::Test => "SELECTED ON TEST DATA (--select test): numbers are optimistic",
        }
    }
}

/// How tensors are stored, or what a GPU computes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(not(target_arch = "wasm32"), derive(clap::ValueEnum))]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// 16-bit floats; half the size. Stored so, scores are the same within about 1e-3; computed so, within 1e-2.
    F16,
}

/// The score above which a picture is called anomalous.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// The score itself.
    pub value: f64,
    /// How it was computed, in words.
    pub method: String,
    /// How many good pictures it rests on.
    pub pictures: usize,
    /// What to think of it, in words.
    pub reliability: String,
    /// Whether it rests on enough held-out pictures to be trusted.
    pub reliable: bool,
}

/// One epoch of stage 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AmplifyRecord {
    /// From 1.
    pub epoch: usize,
    /// Mean focal loss, summed over the levels.
    pub focal: f64,
    /// Mean amplification loss before its weight, summed over the levels.
    pub amplification: f64,
    /// Mean squared residual on normal patches, with the predicted gate (Fig. 8).
    pub residual_normal: f64,
    /// Mean squared residual on anomalous patches, with the predicted gate (Fig. 8).
    pub residual_anomalous: f64,
    /// Learning rate.
    pub lr: f64,
    /// Wall time of the epoch.
    pub seconds: f64,
}

/// One epoch of stage 2.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DistillRecord {
    /// From 1.
    pub epoch: usize,
    /// Mean KD, summed over the levels.
    pub kd: f64,
    /// Mean HKD, summed over the levels.
    pub hkd: f64,
    /// Learning rate.
    pub lr: f64,
    /// Wall time of the epoch.
    pub seconds: f64,
}

/// How both stages went, epoch by epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Stage 1.
    pub amplify: Vec<AmplifyRecord>,
    /// Stage 2.
    pub distill: Vec<DistillRecord>,
}

impl History {
    /// The same course without its wall times, which differ from run to run.
    pub fn without_times(mut self) -> Self {
        self.amplify.iter_mut().for_each(|r| r.seconds = 0.0);
        self.distill.iter_mut().for_each(|r| r.seconds = 0.0);
        self
    }
}

/// The header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Info {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Version of the writing program.
    pub program: String,
    /// What the model is of.
    pub name: String,
    /// The teacher's network.
    pub backbone: Backbone,
    /// Where the teacher's weights came from.
    pub teacher: String,
    /// Pictures are resized to `size x size`.
    pub size: usize,
    /// How pictures are prepared, in words.
    pub preprocessing: String,
    /// Which parts of the RAA are in use.
    pub raa: RaaOptions,
    /// What the score is.
    pub score: Score,
    /// How the weights were chosen.
    pub selection: Selection,
    /// The verdict's threshold.
    pub threshold: Threshold,
    /// The seed of everything random.
    pub seed: u64,
    /// How tensors are stored, or what a GPU computes with.
    pub precision: Precision,
    /// All settings of the training.
    pub training: serde_json::Value,
    /// SHA-256 over the training pictures' names and contents.
    pub data_fingerprint: String,
    /// How many pictures were trained on.
    pub training_pictures: usize,
    /// The course of both stages; without wall times, so that the same seed gives the same file.
    pub history: History,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    /// Checkpoints keep the history as JSON: one digit lost would make a resumed training another file.
    #[test]
    fn a_history_in_json_is_the_same_to_the_last_bit() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut loss =
            || f64::from(rng.random_range(0.0..2.0_f32)) / 3.0 + f64::from(rng.random_range(0.0..1.0_f32));
        let record = |epoch| DistillRecord { epoch, kd: loss(), hkd: loss(), lr: loss(), seconds: loss() };
        let history = History { amplify: Vec::new(), distill: (0..500).map(record).collect() };
        let read: History = serde_json::from_str(&serde_json::to_string(&history).unwrap()).unwrap();
        assert_eq!(read, history);
    }
}
