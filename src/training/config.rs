//! Every setting of the training, and the presets.

use crate::amplification::RaaOptions;
use crate::detection::{FALSE_ALARMS, held_out_count};
use crate::metrics::{CONFIDENCE, needed, percent};
use crate::model::{MOST_KEPT, MOST_MEMORY_ITEMS, MOST_SIZE, Precision, Score, Selection};
use crate::perturbation::Perturbation;
use crate::picture::{Range, Size, Tiles, View};
use crate::synthesis::Foreground;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// The stage-1 loss of the generator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(not(target_arch = "wasm32"), derive(clap::ValueEnum))]
pub enum Objective {
    /// The amplification loss. The method.
    #[default]
    Amplify,
    /// A contrastive loss, with an ungated adapter `F_A = F_T + phi_2(F_T)` (Table VI (a)).
    Contrastive,
}

/// The features that the student learns from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(not(target_arch = "wasm32"), derive(clap::ValueEnum))]
pub enum TeacherKind {
    /// Pre-trained and amplified by stage 1. The method.
    #[default]
    Advanced,
    /// Pre-trained only: no stage 1 (the RD baseline with `--hardest 0`).
    Pretrained,
    /// Randomly initialized, no stage 1 (first row of Table I).
    Random,
}

/// How long to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "wasm32"), derive(clap::ValueEnum))]
pub enum Preset {
    /// A fixed number of steps, from which the number of epochs follows: minutes on a laptop.
    Quick,
    /// The paper's 100 + 120 epochs, and its foreground table.
    Paper,
}

/// Steps of stage 1 and stage 2 that `quick` aims at.
const QUICK_STEPS: [usize; 2] = [120, 240];

/// Fewest and most epochs of `quick`, by stage.
const QUICK_BOUNDS: [[usize; 2]; 2] = [[8, 60], [16, 60]];

impl Preset {
    /// Epochs of stage 1 and stage 2 for `pictures` training pictures in batches of `batch`.
    pub fn epochs(self, pictures: usize, batch: usize) -> [usize; 2] {
        if self == Self::Paper {
            return [100, 120];
        }
        let steps = pictures.div_ceil(batch.max(1)).max(1);
        let epochs = |stage: usize| {
            let [fewest, most] = QUICK_BOUNDS[stage];
            QUICK_STEPS[stage].div_ceil(steps).clamp(fewest, most)
        };
        [epochs(0), epochs(1)]
    }
}

/// How many good pictures a model keeps by default.
const KEEP: usize = 24;

/// The share of good pictures that is held out.
const SHARE: f64 = 0.1;

/// With fewer good pictures than this the threshold is a guess: at least a third of them would have to be held out, and
/// would say too little.
const FEWEST_TO_LEAVE_OUT: usize = 10;

/// The pictures that the threshold of a training rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calibration {
    /// None but the pictures that were learned from.
    Guess,
    /// This many held-out pictures.
    HeldOut(usize),
    /// All pictures: this many are held out, and each of the others is scored by a short-lived student that
    /// did not learn from it.
    LeftOut(usize),
}

impl Calibration {
    fn of(held_out: usize) -> Self {
        if held_out == 0 { Self::Guess } else { Self::HeldOut(held_out) }
    }
}

fn default_false_alarms() -> f64 {
    FALSE_ALARMS
}

fn default_keep() -> usize {
    KEEP
}

/// All settings. The defaults are those of method.md sections 2.9 and 4.4.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Width and height of the network's input, multiples of 32.
    pub size: Size,
    /// How the model looks at pictures.
    #[serde(default, skip_serializing_if = "View::is_plain")]
    pub view: View,
    /// Decides everything random.
    pub seed: u64,
    /// Epochs of stage 1.
    pub epochs_amplify: usize,
    /// Epochs of stage 2.
    pub epochs_distill: usize,
    /// Pictures per step.
    pub batch: usize,
    /// Learning rate, times 0.2 after 80 % and again after 90 % of a stage's epochs.
    pub lr: f64,
    /// Decay of Adam's first moment; that of the second is 0.999.
    pub beta1: f64,
    /// The margin of the amplification loss.
    pub alpha: f64,
    /// Weight of the amplification loss: 0.1 in the official code, 1 in the paper.
    pub amplification_weight: f64,
    /// `K_h`: hardest positions per picture and level in HKD; 0 turns it off.
    pub hardest: usize,
    /// Which parts of the RAA are in use.
    pub raa: RaaOptions,
    /// What the student learns from.
    pub teacher: TeacherKind,
    /// The generator's loss.
    pub objective: Objective,
    /// What the score is.
    pub score: Score,
    /// Share of the good pictures held out for the threshold, if one was asked for; see [`Settings::calibration`].
    #[serde(default)]
    pub holdout: Option<f64>,
    /// The false-alarm rate that the threshold should keep.
    #[serde(default = "default_false_alarms")]
    pub false_alarms: f64,
    /// Changes with which pictures are varied in training, so that the model ignores them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub augment: Vec<Perturbation>,
    /// How the foreground is found.
    pub foreground: Foreground,
    /// Where textures come from.
    pub textures: String,
    /// The stored values that are black and white in pictures of more than 8 bits; their full scale unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// How weights are chosen.
    pub selection: Selection,
    /// How the model is stored.
    pub precision: Precision,
    /// How many good pictures stay in the model file, as the network sees them; 0 for none.
    #[serde(default = "default_keep")]
    pub keep: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            size: Size::square(256),
            view: View::default(),
            seed: 0,
            epochs_amplify: 100,
            epochs_distill: 120,
            batch: 16,
            lr: 0.005,
            beta1: 0.5,
            alpha: 0.3,
            amplification_weight: 0.1,
            hardest: 10,
            raa: RaaOptions::default(),
            teacher: TeacherKind::default(),
            objective: Objective::default(),
            score: Score::default(),
            holdout: None,
            false_alarms: FALSE_ALARMS,
            augment: Vec::new(),
            foreground: Foreground::Auto,
            textures: "built-in".into(),
            range: None,
            selection: Selection::default(),
            precision: Precision::default(),
            keep: KEEP,
        }
    }
}

impl Settings {
    /// The defaults with a preset's epochs for `pictures` good pictures, including those to be held out.
    pub fn preset(preset: Preset, pictures: usize) -> Self {
        let settings = Self::default();
        let [epochs_amplify, epochs_distill] = settings.usual_epochs(preset, pictures, None);
        Self { epochs_amplify, epochs_distill, ..settings }
    }

    /// Checks ranges and contradictions.
    ///
    /// # Errors
    /// Names the setting and the remedy.
    pub fn check(&self) -> Result<()> {
        let wrong = |reason: String| Err(Error::Setting(reason));
        if !self.size.fits_network(MOST_SIZE) {
            let Size { width, height } = self.size;
            let size = if self.size.is_square() { width.to_string() } else { format!("{width}x{height}") };
            let flag = if self.view.tiles.is_some() { "tile" } else { "size" };
            return wrong(format!(
                "`{flag}` {size}: must be a multiple of 32 up to {MOST_SIZE} either way, for example 256"
            ));
        }
        if let (Some(Tiles { overlap }), most) = (self.view.tiles, self.size.shorter() / 2)
            && overlap > most
        {
            return wrong(format!("`overlap` {overlap}: must be 0 to {most}, half a tile"));
        }
        if self.batch == 0 || self.batch > 1024 {
            return wrong(format!("`batch` {}: must be 1 to 1024", self.batch));
        }
        if !(self.lr > 0.0 && self.lr < 1.0) {
            return wrong(format!("`lr` {}: must be above 0 and below 1", self.lr));
        }
        if !(0.0..1.0).contains(&self.beta1) {
            return wrong(format!("`beta1` {}: must be from 0 to below 1", self.beta1));
        }
        if let Some(share) = self.holdout.filter(|share| !(0.0..=0.5).contains(share)) {
            return wrong(format!("`holdout` {share}: must be from 0 to 0.5"));
        }
        if !(self.false_alarms > 0.0 && self.false_alarms < 1.0) {
            let rate = percent(self.false_alarms);
            return wrong(format!(
                "`false_alarms` {rate}: must be above 0 % and below 100 %, for example 1 %"
            ));
        }
        if self.keep > MOST_KEPT {
            return wrong(format!("`keep` {}: must be 0 to {MOST_KEPT}", self.keep));
        }
        if !(1..=MOST_MEMORY_ITEMS).contains(&self.raa.memory_items) {
            let items = self.raa.memory_items;
            return wrong(format!("`memory_items` {items}: must be 1 to {MOST_MEMORY_ITEMS}"));
        }
        if !self.alpha.is_finite() || !(0.0..=2.0).contains(&self.alpha) {
            return wrong(format!("`alpha` {}: must be from 0 to 2", self.alpha));
        }
        let weight = self.amplification_weight;
        if !(weight.is_finite() && weight >= 0.0) {
            return wrong(format!("`amplification_weight` {weight}: must be 0 or more"));
        }
        if self.amplifies() && !self.raa.generator && !self.trains_gate() {
            let why = if self.raa.gate { "`objective contrastive`" } else { "`no_gate`" };
            return wrong(format!(
                "{why} with `no_generator` leaves nothing to learn in stage 1: drop one, or give `epochs_amplify 0`"
            ));
        }
        if self.score == Score::Gate && (!self.raa.gate || self.teacher != TeacherKind::Advanced) {
            return wrong("`score gate` needs the gate and stage 1: drop `no_gate` and `teacher`".into());
        }
        if self.score == Score::Gate && !self.trains_gate() {
            let reason =
                "`score gate` needs a trained gate: give `epochs_amplify 1` or more, and drop `objective`";
            return wrong(reason.into());
        }
        if self.score == Score::Discrepancy && self.epochs_distill == 0 {
            return wrong("`epochs_distill 0` leaves no student: give at least 1, or `score gate`".into());
        }
        Ok(())
    }

    /// What the threshold rests on in a training on `pictures` good pictures. Unless a share to hold out is given, it
    /// rests on a held-out tenth if that is enough for the requested rate, or if there is no student; otherwise on all
    /// pictures.
    pub fn calibration(&self, pictures: usize) -> Calibration {
        let tenth = held_out_count(pictures, SHARE);
        match self.holdout {
            Some(share) => Calibration::of(held_out_count(pictures, share)),
            None if !self.distils() || tenth >= needed(self.false_alarms, CONFIDENCE) => {
                Calibration::of(tenth)
            }
            None if pictures < FEWEST_TO_LEAVE_OUT => Calibration::Guess,
            None => {
                Calibration::LeftOut(((pictures as f64 * SHARE).round() as usize).max(4.min(pictures / 3)))
            }
        }
    }

    /// How many of `pictures` good pictures no part of the model learns from.
    pub fn held_out(&self, pictures: usize) -> usize {
        match self.calibration(pictures) {
            Calibration::Guess => 0,
            Calibration::HeldOut(count) | Calibration::LeftOut(count) => count,
        }
    }

    /// Whether stage 1 takes place.
    pub fn amplifies(&self) -> bool {
        self.teacher == TeacherKind::Advanced && self.epochs_amplify > 0
    }

    /// Whether stage 1 trains the gate.
    pub fn trains_gate(&self) -> bool {
        self.amplifies() && self.raa.gate && self.objective == Objective::Amplify
    }

    /// Whether stage 2 takes place.
    pub fn distils(&self) -> bool {
        self.score == Score::Discrepancy
    }

    /// The learning rate in epoch `epoch` (from 0) of `epochs`.
    pub fn lr_at(&self, epoch: usize, epochs: usize) -> f64 {
        let drops = [8, 9].iter().filter(|&&tenths| epoch * 10 >= tenths * epochs).count();
        self.lr * 0.2f64.powi(drops as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_drops_after_80_and_90_percent() {
        let settings = Settings::default();
        let rates = [79, 80, 89, 90, 99].map(|e| settings.lr_at(e, 100));
        let expected = [0.005, 0.001, 0.001, 0.0002, 0.0002];
        rates.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{a} {b}"));
        assert!((settings.lr_at(96, 120) - 0.001).abs() < 1e-12);
        assert!((settings.lr_at(107, 120) - 0.001).abs() < 1e-12);
        assert!((settings.lr_at(108, 120) - 0.0002).abs() < 1e-12);
    }

    #[test]
    fn quick_spreads_its_steps() {
        assert_eq!(Preset::Quick.epochs(31, 16), [60, 60]);
        assert_eq!(Preset::Quick.epochs(178, 16), [10, 20]);
        assert_eq!(Preset::Quick.epochs(5000, 16), [8, 16]);
        assert_eq!(Preset::Paper.epochs(7, 16), [100, 120]);
    }

    #[test]
    fn the_threshold_rests_on_all_pictures_unless_a_tenth_is_enough() {
        use Calibration::{Guess, HeldOut, LeftOut};
        let settings = Settings::default();
        let found = [5, 9, 10, 31, 209, 4580, 4590].map(|n| settings.calibration(n));
        assert_eq!(found, [Guess, Guess, LeftOut(3), LeftOut(4), LeftOut(21), LeftOut(458), HeldOut(459)]);
        let loose = Settings { false_alarms: 0.1, ..Settings::default() };
        assert_eq!([209, 440].map(|n| loose.calibration(n)), [LeftOut(21), HeldOut(44)]);
        let asked = Settings { holdout: Some(0.1), ..Settings::default() };
        assert_eq!([31, 209].map(|n| asked.calibration(n)), [Guess, HeldOut(21)]);
        let by_gate = Settings { score: Score::Gate, ..Settings::default() };
        assert_eq!((by_gate.calibration(209), by_gate.held_out(209)), (HeldOut(21), 21));
    }

    #[test]
    fn a_rate_of_false_alarms_is_a_share() {
        for rate in [0.0, 1.0, -0.1, f64::NAN] {
            let settings = Settings { false_alarms: rate, ..Settings::default() };
            assert!(settings.check().unwrap_err().to_string().contains("`false_alarms`"), "{rate}");
        }
    }

    #[test]
    fn impossible_settings_name_the_flag() {
        let settings = Settings { size: Size::square(250), ..Settings::default() };
        assert!(settings.check().unwrap_err().to_string().contains("`size`"));
        assert!(Settings::default().check().is_ok());
        for weight in [-0.1, f64::NAN, f64::INFINITY] {
            let settings = Settings { amplification_weight: weight, ..Settings::default() };
            assert!(settings.check().unwrap_err().to_string().contains("`amplification_weight`"));
        }
    }

    #[test]
    fn switches_that_leave_nothing_to_learn_or_to_score_by_are_refused() {
        let raa = RaaOptions::default();
        let refused = |settings: Settings| settings.check().unwrap_err().to_string();
        let bare = RaaOptions { gate: false, generator: false, ..raa };
        assert!(
            refused(Settings { raa: bare, ..Settings::default() }).contains("`no_gate` with `no_generator`")
        );
        let contrastive = Settings { objective: Objective::Contrastive, ..Settings::default() };
        let gate_only = RaaOptions { generator: false, ..raa };
        assert!(
            refused(Settings { raa: gate_only, ..contrastive.clone() }).contains("`objective contrastive`")
        );
        // Without stage 1 there is nothing to learn in it.
        assert!(Settings { raa: bare, epochs_amplify: 0, ..Settings::default() }.check().is_ok());
        let by_gate = Settings { score: Score::Gate, ..Settings::default() };
        assert!(by_gate.check().is_ok());
        assert!(refused(Settings { epochs_amplify: 0, ..by_gate.clone() }).contains("trained gate"));
        assert!(refused(Settings { score: Score::Gate, ..contrastive }).contains("trained gate"));
    }
}
