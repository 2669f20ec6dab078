//! Reduces a map to one score.

use super::{Mask, ScoreMap};
use crate::Error;
use serde::{Deserialize, Serialize};

/// How a map gives the picture's score. Written as `max` or `top:P%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Pooling {
    /// The highest value. The method's way.
    #[default]
    Max,
    /// The mean of the highest values, this many percent of all, at least one.
    Top(f64),
}

impl Pooling {
    /// The score of a map, over the values marked in `counted`, or over all if it is `None`. Without any
    /// value the score is 0.
    pub fn score(self, map: &ScoreMap, counted: Option<&Mask>) -> f64 {
        let inside = |i: usize| counted.is_none_or(|mask| mask.data.get(i).copied().unwrap_or(false));
        let values = map.data.iter().enumerate().filter(|(i, _)| inside(*i)).map(|(_, &value)| value);
        match self {
            Self::Max => {
                let highest = values.fold(f32::NEG_INFINITY, f32::max);
                if highest == f32::NEG_INFINITY { 0.0 } else { f64::from(highest) }
            }
            Self::Top(percent) => {
                let mut values: Vec<f32> = values.collect();
                let count =
                    ((values.len() as f64 * percent / 100.0).ceil() as usize).clamp(1, values.len().max(1));
                if values.is_empty() {
                    return 0.0;
                }
                let (higher, least, _) = values.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
                let sum: f64 = higher.iter().map(|&value| f64::from(value)).sum();
                (sum + f64::from(*least)) / count as f64
            }
        }
    }
}

impl std::fmt::Display for Pooling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Max => f.write_str("max"),
            Self::Top(percent) => write!(f, "top:{percent}%"),
        }
    }
}

impl std::str::FromStr for Pooling {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || {
            Error::Setting(format!(
                "score \"{text}\": use max, or top:P% with P above 0 up to 100 as in top:2%"
            ))
        };
        if text == "max" {
            return Ok(Self::Max);
        }
        let percent = text.strip_prefix("top:").ok_or_else(refused)?;
        let percent: f64 = percent.trim_end_matches('%').parse().map_err(|_| refused())?;
        if percent > 0.0 && percent <= 100.0 { Ok(Self::Top(percent)) } else { Err(refused()) }
    }
}

impl TryFrom<String> for Pooling {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Pooling> for String {
    fn from(pooling: Pooling) -> Self {
        pooling.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_or_the_mean_of_some() {
        let map =
            ScoreMap { width: 5, height: 2, data: vec![1.0, 9.0, 2.0, 3.0, 7.0, 0.0, 0.5, 4.0, 5.0, 6.0] };
        assert_eq!(Pooling::Max.score(&map, None), 9.0);
        assert_eq!(Pooling::Top(20.0).score(&map, None), 8.0);
        assert_eq!(Pooling::Top(0.01).score(&map, None), 9.0);
        assert_eq!(Pooling::Top(100.0).score(&map, None), 3.75);
        let mut counted = Mask::filled(5, 2, false);
        [0, 2, 3, 6].into_iter().for_each(|i| counted.data[i] = true);
        assert_eq!(Pooling::Max.score(&map, Some(&counted)), 3.0);
        assert_eq!(Pooling::Top(50.0).score(&map, Some(&counted)), 2.5);
        assert_eq!(Pooling::Max.score(&map, Some(&Mask::filled(5, 2, false))), 0.0);
    }

    #[test]
    fn text_there_and_back() {
        for text in ["max", "top:2%", "top:0.5%"] {
            let pooling: Pooling = text.parse().unwrap();
            assert_eq!(pooling.to_string(), text);
            let json = serde_json::to_string(&pooling).unwrap();
            assert_eq!(serde_json::from_str::<Pooling>(&json).unwrap(), pooling);
        }
        assert_eq!("top:3".parse::<Pooling>().unwrap(), Pooling::Top(3.0));
        for text in ["", "mean", "top:0%", "top:101%", "top:nan%", "top:-1"] {
            assert!(text.parse::<Pooling>().unwrap_err().to_string().contains("top:2%"), "{text}");
        }
    }
}
