//! The JSON header of a model file: everything about a model that is not a tensor.

use super::refinement::are_possible;
use super::{Form, Learned, Refinement, Threshold};
use crate::amplification::RaaOptions;
use crate::picture::{Range, Size, View};
use crate::teacher::Backbone;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// The first version of the file format, which every model has that needs no later one.
pub const FORMAT_VERSION: u32 = 1;

/// Version of a file whose model reads pictures in a [`Range`] of its own. A program that does not know of
/// this would judge pictures differently from those trained on; the version makes it refuse the file.
pub const FORMAT_WITH_RANGE: u32 = 2;

/// Version of a file whose model is not square, or looks at pictures in a [`View`] of its own, for the same reason.
pub const FORMAT_WITH_VIEW: u32 = 3;

/// Version of a file with other than the plain tensors, [`Form`], which older programs could not read.
pub const FORMAT_WITH_FORM: u32 = 4;

/// The versions that this program reads.
pub(super) const FORMATS: RangeInclusive<u32> = FORMAT_VERSION..=FORMAT_WITH_FORM;

/// The largest side of the network's input, in training and in a model file.
pub const MOST_SIZE: usize = 2048;

/// The most memory items per memory.
pub const MOST_MEMORY_ITEMS: usize = 4096;

/// The most epochs of a stage in a history.
const MOST_EPOCHS: usize = 1_000_000;

/// The largest possible loss: losses and scores are sums of 32-bit floats.
const MOST_LOSS: f64 = f32::MAX as f64;

/// What the score of a position is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(not(target_arch = "wasm32"), derive(clap::ValueEnum))]
pub enum Score {
    /// The teacher-student discrepancy. The method.
    #[default]
    Discrepancy,
    /// The residual gate alone, without a student (Table V (a)).
    Gate,
    /// The distance to the nearest patch of the good pictures, without amplifier and student.
    #[cfg_attr(not(target_arch = "wasm32"), value(skip))]
    Nearest,
}

/// How the stored weights were chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(not(target_arch = "wasm32"), derive(clap::ValueEnum))]
pub enum Selection {
    /// The weights after the last epoch. The test folder is never read.
    #[default]
    Last,
    /// The weights of the epoch that is best on the *test* pictures, as in the paper's code; optimistic.
    Test,
}

impl Selection {
    /// In words, for wherever metrics are printed.
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
    /// 16-bit floats; half the size. Stored in f16, scores change by about 1e-3; computed in f16, by at most
    /// 1e-2.
    F16,
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

/// The history of both stages, epoch by epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Stage 1.
    pub amplify: Vec<AmplifyRecord>,
    /// Stage 2.
    pub distill: Vec<DistillRecord>,
}

impl History {
    /// The same history without wall times, which differ from run to run.
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
    /// The name of the category that the model was trained on.
    pub name: String,
    /// The teacher's network.
    pub backbone: Backbone,
    /// Where the teacher's weights came from.
    pub teacher: String,
    /// Width and height of the network's input.
    pub size: Size,
    /// How it looks at pictures: fitted or in tiles, which region counts, and how the map gives the score.
    #[serde(default, skip_serializing_if = "View::is_plain")]
    pub view: View,
    /// How pictures are prepared, in words.
    pub preprocessing: String,
    /// The stored values that are black and white in pictures of more than 8 bits; their full scale unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// How the file differs from plain tensors.
    #[serde(default, skip_serializing_if = "Form::is_plain")]
    pub form: Form,
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
    /// Which they were.
    #[serde(default, skip_serializing_if = "Learned::is_empty")]
    pub learned: Learned,
    /// The history of both stages, without wall times, so that the same seed gives the same file.
    pub history: History,
    /// Every refinement since, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refinements: Vec<Refinement>,
}

impl Info {
    /// The header of an untrained model with the method's defaults and no threshold yet.
    pub fn new(name: impl Into<String>, backbone: Backbone, size: Size, view: View) -> Self {
        Self {
            format_version: Self::format_for(None, size, &view),
            program: concat!("aand ", env!("CARGO_PKG_VERSION")).into(),
            name: name.into(),
            backbone,
            teacher: String::new(),
            size,
            preprocessing: format!("RGB, {}, /255, ImageNet mean and deviation", view.words(size)),
            view,
            range: None,
            form: Form::default(),
            raa: RaaOptions::default(),
            score: Score::Discrepancy,
            selection: Selection::Last,
            threshold: Threshold::none(),
            seed: 0,
            precision: Precision::F32,
            training: serde_json::Value::Null,
            data_fingerprint: String::new(),
            training_pictures: 0,
            learned: Learned::default(),
            history: History::default(),
            refinements: Vec::new(),
        }
    }

    /// What it has learned from, in its training and in its refinements.
    pub fn all_learned(&self) -> Learned {
        let corrections = self.refinements.iter().flat_map(|refinement| &refinement.good);
        self.learned.clone().with(corrections.map(|good| good.sha256.as_str()))
    }

    /// The version of the file format that such a model needs.
    pub fn format_for(range: Option<Range>, size: Size, view: &View) -> u32 {
        match (size.is_square() && view.is_plain(), range) {
            (false, _) => FORMAT_WITH_VIEW,
            (true, Some(_)) => FORMAT_WITH_RANGE,
            (true, None) => FORMAT_VERSION,
        }
    }

    /// The version of the file format that this header needs.
    pub fn needed_format(&self) -> u32 {
        match self.form.is_plain() {
            true => Self::format_for(self.range, self.size, &self.view),
            false => FORMAT_WITH_FORM,
        }
    }

    /// What is impossible in this header, in words; the header may come from a damaged or hostile file.
    pub fn impossible(&self) -> Option<String> {
        let items = self.raa.memory_items;
        let epochs = self.history.amplify.len().max(self.history.distill.len());
        if !self.size.fits_network(MOST_SIZE) {
            Some(format!("impossible size {}", self.size))
        } else if !(1..=MOST_MEMORY_ITEMS).contains(&items) {
            Some(format!("impossible number of memory items {items}"))
        } else if let Some(what) = self.threshold.impossible() {
            Some(what)
        } else if let Some(reason) = self.view.impossible(self.size) {
            Some(reason)
        } else if let Some(what) = self.form.impossible(self.score, self.backbone) {
            Some(what)
        } else if self.format_version != self.needed_format() {
            Some("its range, its size or its view and its version contradict each other".into())
        } else if epochs > MOST_EPOCHS || !self.history.is_possible() {
            Some("impossible losses or epochs in its history".into())
        } else if !are_possible(&self.refinements) {
            Some("impossible refinements".into())
        } else if !self.learned.is_possible() {
            Some("impossible marks of training pictures".into())
        } else {
            None
        }
    }
}

impl History {
    /// Whether a training can have this history.
    fn is_possible(&self) -> bool {
        // Losses are below zero only through rounding; only the amplification loss has a sign.
        let loss = |value: f64| (-1.0..=MOST_LOSS).contains(&value);
        let positive = |value: f64| (0.0..=MOST_LOSS).contains(&value);
        let epoch = |number: usize| (1..=MOST_EPOCHS).contains(&number);
        self.amplify.iter().all(|r| {
            [r.residual_normal, r.residual_anomalous, r.lr, r.seconds].into_iter().all(positive)
                && loss(r.focal)
                && r.amplification.abs() <= MOST_LOSS
                && epoch(r.epoch)
        }) && self.distill.iter().all(|r| {
            [r.kd, r.hkd].into_iter().all(loss) && positive(r.lr) && positive(r.seconds) && epoch(r.epoch)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    /// Checkpoints store the history as JSON: if a digit were lost, a resumed training would give another
    /// file.
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

    /// Older programs can then read every file that they could judge by. A number once given never changes.
    #[test]
    fn a_model_gets_the_oldest_format_that_holds_it() {
        let plain = Info::new("part", Backbone::Compact, Size::new(64, 64), View::default());
        let ranged = Info { range: Range::new(0.0, 4095.0), ..plain.clone() };
        let oblong = Info { size: Size::new(96, 32), ..plain.clone() };
        let packed = Info { form: Form { items: Some([1; 3]), ..Form::default() }, ..plain.clone() };
        let needed = [&plain, &ranged, &oblong, &packed].map(Info::needed_format);
        assert_eq!(needed, [1, 2, 3, 4]);
        assert!(needed.into_iter().eq(FORMATS), "a format is not read, or nothing needs it");
        assert_eq!(plain.format_version, 1);
    }
}
