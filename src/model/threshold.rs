//! The verdict's threshold, and the statement about it.

use crate::metrics::percent;
use serde::{Deserialize, Serialize};

/// The score above which a picture is called anomalous.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// The score itself.
    pub value: f64,
    /// How it was computed, in words.
    pub method: String,
    /// How many good pictures it rests on.
    pub pictures: usize,
    /// How reliable it is, in words.
    pub reliability: String,
    /// Whether it states the false-alarm rate that was asked for.
    pub reliable: bool,
    /// The false-alarm rate that it states; `None` for a guess, and in older files without such a statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<Stated>,
    /// The scores it rests on, from which the threshold for another rate follows without the pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<f64>,
}

/// The statement: at most the share `false_alarms` of good pictures like those it rests on is called anomalous.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stated {
    /// The share.
    pub false_alarms: f64,
    /// Share of calibrations for which the statement is true.
    pub confidence: f64,
    /// The share that was asked for; smaller than `false_alarms` if there were too few pictures.
    pub asked: f64,
    /// Which pictures it rests on.
    pub basis: Basis,
}

/// The kind of pictures that a threshold rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Held out of the whole training.
    HeldOut,
    /// Every good picture, each scored by a student that had not learned from it.
    LeftOut,
    /// Given after the training.
    Calibrated,
}

impl Basis {
    /// In words, to follow "good pictures, ".
    pub fn describe(self) -> &'static str {
        match self {
            Self::HeldOut => "held out of the training",
            Self::LeftOut => "each scored by what had not learned from it",
            Self::Calibrated => "given after the training",
        }
    }
}

impl Stated {
    /// In words: the rate and its confidence.
    pub fn describe(&self) -> String {
        let (rate, sure) = (percent(self.false_alarms), percent(self.confidence));
        format!("at most {rate} false alarms ({sure} sure)")
    }
}

impl Threshold {
    /// The placeholder of a model that has no threshold yet.
    pub fn none() -> Self {
        let none = || "none yet".to_owned();
        Self {
            value: 1.0,
            method: none(),
            pictures: 0,
            reliability: none(),
            reliable: false,
            stated: None,
            scores: Vec::new(),
        }
    }

    /// The statement in words; an older file says in its `method` what it rests on.
    pub fn statement(&self) -> String {
        match &self.stated {
            Some(stated) => stated.describe(),
            None => "no false-alarm rate is stated; `aand calibrate` states one".into(),
        }
    }

    /// What is impossible about it, in words.
    pub fn impossible(&self) -> Option<String> {
        let share = |value: f64| value > 0.0 && value <= 1.0;
        let stated = |s: &Stated| [s.false_alarms, s.confidence, s.asked].into_iter().all(share);
        if !(self.value.is_finite() && self.value > 0.0) {
            Some(format!("impossible threshold {}", self.value))
        } else if !self.stated.as_ref().is_none_or(stated) {
            Some("impossible false-alarm rate".into())
        } else if !self.scores.iter().all(|score| score.is_finite()) {
            Some("impossible scores that its threshold rests on".into())
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_from_before_says_that_it_states_nothing() {
        let old = r#"{"value":0.5,"method":"99 % prediction bound","pictures":20,"reliability":"rests on 20","reliable":true}"#;
        let threshold: Threshold = serde_json::from_str(old).unwrap();
        assert_eq!(threshold.stated, None);
        assert!(threshold.statement().contains("aand calibrate"), "{}", threshold.statement());
        assert_eq!(threshold.impossible(), None);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let stated = Stated { false_alarms: 0.01, confidence: 0.99, asked: 0.01, basis: Basis::HeldOut };
        let with = |stated| Threshold { stated: Some(stated), ..Threshold::none() };
        assert_eq!(with(stated).impossible(), None);
        for wrong in [f64::NAN, 0.0, -1.0, 1.5] {
            assert!(with(Stated { false_alarms: wrong, ..stated }).impossible().is_some());
            assert!(with(Stated { asked: wrong, ..stated }).impossible().is_some());
            assert!(Threshold { value: -1.0, ..Threshold::none() }.impossible().is_some());
        }
    }
}
