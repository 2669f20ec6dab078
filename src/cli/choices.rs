//! Size and score of a training, as people ask for them.

use crate::model::Score;
use crate::picture::{Pooling, Size};
use crate::{Error, Result};

/// The network's size as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeChoice {
    /// By the pictures.
    Auto,
    /// This one.
    Of(Size),
}

impl std::str::FromStr for SizeChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Of) }
    }
}

/// What is asked to be the score.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreChoice {
    /// Of which map.
    pub score: Score,
    /// What of it.
    pub pooling: Pooling,
}

impl std::str::FromStr for ScoreChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut choice = Self::default();
        for part in text.split(',') {
            match part {
                "discrepancy" => choice.score = Score::Discrepancy,
                "gate" => choice.score = Score::Gate,
                pooling => choice.pooling = pooling.parse()?,
            }
        }
        Ok(choice)
    }
}
