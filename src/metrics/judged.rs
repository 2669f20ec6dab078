//! The input of an evaluation: labeled pictures with their scores and maps, and how threshold and weights
//! were chosen.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::pro_rd;
use super::ranking::PixelRanking;
use crate::error::{Error, Result};
use crate::picture::{Mask, ScoreMap};

/// A labeled picture and the detector's result for it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Where it comes from.
    pub path: PathBuf,
    /// The kind of defect; `None` for a good picture. The label comes from the folder, not from the mask: a
    /// defect so small that its mask vanishes at model size leaves the picture anomalous.
    pub defect: Option<String>,
    /// The image score.
    pub score: f64,
    /// The anomaly map at model size.
    pub map: ScoreMap,
    /// The ground truth, resized to the map; `None` if there is none. All of a good picture is normal.
    pub mask: Option<Mask>,
}

/// The score above which a picture is called anomalous, and its origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// A picture with a higher score is called anomalous.
    pub value: f64,
    /// How it was found, in words.
    pub method: String,
    /// The false-alarm rate that it states, and the confidence; `None` if it states none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<[f64; 2]>,
}

/// Which weights were kept at the end of training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selection {
    /// Those of the last epoch, chosen without the test pictures.
    #[default]
    #[serde(rename = "last epoch")]
    LastEpoch,
    /// Those of the epoch with the best test metrics, as in the paper, which makes the metrics optimistic.
    #[serde(rename = "test")]
    Test,
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::LastEpoch => "last epoch",
            Self::Test => "test",
        })
    }
}

impl Judged {
    /// Whether its pixels count: without a mask, it is unknown which pixels of an anomalous picture are
    /// normal.
    pub(super) fn has_pixel_labels(&self) -> bool {
        self.defect.is_none() || self.mask.is_some()
    }

    /// The mask of its defects; none for a good picture.
    fn defect_mask(&self) -> Option<&Mask> {
        self.mask.as_ref().filter(|_| self.defect.is_some())
    }

    /// PRO-RD, if defined.
    pub(super) fn pro_rd(&self) -> Option<f64> {
        self.defect_mask().and_then(|mask| pro_rd(&self.map, mask))
    }
}

/// Ranks the pixels of all pictures whose pixels count; of none if no mask shows a defect.
pub(super) fn rank_pixels(judged: &[Judged]) -> PixelRanking {
    if !judged.iter().filter_map(Judged::defect_mask).any(|mask| mask.data.contains(&true)) {
        return PixelRanking::new(&[]);
    }
    let labeled = judged.iter().enumerate().filter(|(_, picture)| picture.has_pixel_labels());
    let labeled: Vec<_> = labeled.map(|(n, picture)| (n, &picture.map, picture.defect_mask())).collect();
    PixelRanking::new(&labeled)
}

/// Refuses input that would give meaningless metrics.
pub(super) fn check(name: &str, judged: &[Judged], threshold: &Threshold) -> Result<()> {
    if judged.is_empty() {
        return Err(Error::Setting(format!("{name}: no labeled test pictures; give a folder that has some")));
    }
    if threshold.value.is_nan() {
        return Err(Error::Setting(format!("{name}: the threshold is not a number; train the model again")));
    }
    for Judged { path, score, map, mask, .. } in judged {
        if !score.is_finite() || map.data.iter().any(|value| !value.is_finite()) {
            return Err(Error::picture(
                path,
                "its score is not a number; the model is damaged, train it again",
            ));
        }
        if map.data.len() != map.width * map.height {
            return Err(Error::picture(path, "its map does not hold width x height values"));
        }
        if let Some(mask) = mask
            && (mask.width, mask.height, mask.data.len()) != (map.width, map.height, map.data.len())
        {
            let (w, h) = (map.width, map.height);
            let found = format!("its mask is {}x{}, its map {w}x{h}", mask.width, mask.height);
            return Err(Error::picture(path, format!("{found}; resize the mask to the map")));
        }
    }
    Ok(())
}
