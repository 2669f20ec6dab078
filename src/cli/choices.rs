//! Size and score of a training, as given on the command line.

use crate::model::Score;
use crate::picture::{Pooling, Size};
use crate::{Error, Result};

/// The requested size of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeChoice {
    /// Chosen from the pictures.
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

/// The requested score.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ScoreChoice {
    /// From which map.
    pub score: Score,
    /// How the map is reduced to a number.
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
