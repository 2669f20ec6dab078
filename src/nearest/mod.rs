//! A detector in seconds: the distance of each patch to the nearest patch of the good pictures.
//!
//! No training takes place. The embedded teacher's features of levels 1 to 3, averaged over 3x3 neighborhoods, are the
//! patches (Roth et al., *Towards Total Recall in Industrial Anomaly Detection*, CVPR 2022; their PatchCore joins two
//! levels, while here each level has a memory of its own, so that level 1 shows small defects). With `m` over the
//! memory of level `k`, the student's discrepancy is replaced by
//!
//! ```text
//! d_k = 1 - max_m cos(f, m)
//! ```
//!
//! and everything after it is the method's: map, Gaussian, score, threshold. The memory has at most [`MOST_KEPT`]
//! patches per level, chosen so that every other patch is near one of them. The threshold rests on the good pictures,
//! each scored by the patches of the others.

mod beside;
mod memory;
mod why;

use crate::amplification::RaaOptions;
use crate::detection::{anomaly_map, from_good_scores};
use crate::inference::{Engine, Plan};
use crate::model::{
    Basis, EmbeddedTeacher, FORMAT_WITH_FORM, Form, Info, Kept, KeptPicture, Learned, MOST_SIZE, Precision,
    Score, StoredTensor, Threshold, assemble,
};
use crate::picture::{Picture, Range, ScoreMap, Seen, Size, View, normalize};
use crate::synthesis::plainest_defect;
use crate::teacher::{Backbone, EMBEDDED_SHA256};
use crate::{Error, Result};
pub use memory::{MOST_CANDIDATES, MOST_KEPT};
use memory::{Memory, Patches};
use std::borrow::Cow;
pub use why::{Gallery, Likeness, Shown};

/// The fewest good pictures worth learning from.
pub const FEWEST_PICTURES: usize = 3;

/// The most good pictures that the model file keeps.
const MOST_SHOWN: usize = 12;

/// How many numbers of features are held while learning: a quarter of a gigabyte.
const MOST_NUMBERS: usize = 64 << 20;

/// The settings of an instant detector.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The model's name.
    pub name: String,
    /// The network's input.
    pub size: Size,
    /// How it looks at pictures; tiles are not possible.
    pub view: View,
    /// The stored values that are black and white in pictures of more than 8 bits.
    pub range: Option<Range>,
    /// The largest share of good pictures that the threshold may call anomalous.
    pub false_alarms: f64,
}

/// Learns from good pictures, added one by one.
#[derive(Debug)]
pub struct Learner {
    wanted: Wanted,
    engine: Engine,
    good: Vec<Known>,
    /// Set once it has learned.
    memories: Option<[Memory; 3]>,
}

/// What is remembered of a good picture.
#[derive(Debug)]
struct Known {
    /// As the network receives it.
    input: Picture,
    /// The picture's own size.
    native: Size,
    /// Its patches, by level.
    patches: [Patches; 3],
}

/// The scores of a good picture without and with a synthetic anomaly, by the patches of the other pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Without it.
    pub good: f64,
    /// With it.
    pub made: f64,
}

/// The most good pictures that are used for a network of that size; more would not fit into memory.
pub fn most_pictures(size: Size) -> usize {
    let channels = Backbone::Compact.channels();
    let sizes = Backbone::Compact.sizes(size);
    let each: usize = channels.iter().zip(sizes).map(|(channels, size)| channels * size.area()).sum();
    (MOST_NUMBERS / each.max(1)).max(FEWEST_PICTURES)
}

/// Which of `count` pictures are used: all, or as many as fit, evenly spaced.
pub fn chosen(count: usize, size: Size) -> Vec<usize> {
    let most = most_pictures(size).min(count);
    (0..most).map(|i| i * count / most).collect()
}

impl Learner {
    /// Starts with nothing learned.
    ///
    /// # Errors
    /// The size is impossible, tiles are asked for, or the embedded teacher has not been loaded (in a
    /// browser).
    pub fn new(wanted: Wanted) -> Result<Self> {
        if !wanted.size.fits_network(MOST_SIZE) {
            let reason = format!("`size` {}: must be multiples of 32, 32 to {MOST_SIZE}", wanted.size);
            return Err(Error::Setting(reason));
        }
        if wanted.view.tiles.is_some() {
            return Err(Error::Setting("`instant` looks at whole pictures; leave `tile` out".into()));
        }
        let plan = Plan::teacher(Backbone::Compact, wanted.size, &EmbeddedTeacher)?;
        Ok(Self { wanted, engine: Engine::new(plan), good: Vec::new(), memories: None })
    }

    /// Adds a good picture.
    ///
    /// # Errors
    /// It does not suit the region that counts.
    pub fn add(&mut self, picture: &Picture) -> Result<()> {
        let seen = self.wanted.view.see(picture, self.wanted.size);
        if let Some(reason) = self.wanted.view.misfit(seen.native) {
            return Err(Error::Setting(reason));
        }
        let (native, input) = (seen.native, seen.picture.into_owned());
        let patches = self.patches(&input);
        self.good.push(Known { input, native, patches });
        self.memories = None;
        Ok(())
    }

    /// How many pictures were added.
    pub fn len(&self) -> usize {
        self.good.len()
    }

    /// Whether none were added.
    pub fn is_empty(&self) -> bool {
        self.good.is_empty()
    }

    /// Learns from the added pictures; returns the header and the bytes of the model file. `fingerprint` is that of the
    /// pictures, and `learned` their marks.
    ///
    /// # Errors
    /// There are fewer than [`FEWEST_PICTURES`], or scores are not finite.
    pub fn learn(&mut self, fingerprint: String, learned: Learned) -> Result<(Info, Vec<u8>)> {
        let count = self.good.len();
        if count < FEWEST_PICTURES {
            let reason = format!("too few usable pictures, {count}; give {FEWEST_PICTURES} or more");
            return Err(Error::Training(reason));
        }
        let memories = [0, 1, 2].map(|k| {
            let all: Vec<&Patches> = self.good.iter().map(|known| &known.patches[k]).collect();
            Memory::new(&all)
        });
        self.memories = Some(memories);
        let scores = self.each(|i| self.score(i, &self.good[i].patches));
        let scores = scores.into_iter().collect::<Option<Vec<f64>>>().unwrap_or_default();
        if scores.len() != count || scores.iter().any(|score| !score.is_finite()) {
            return Err(Error::Training(
                "the teacher's features are not finite; is the program damaged?".into(),
            ));
        }
        let threshold = from_good_scores(&scores, self.wanted.false_alarms, Basis::LeftOut);
        let info = self.info(threshold, fingerprint, learned);
        let tensors: Vec<StoredTensor> = self
            .memories
            .iter()
            .flatten()
            .enumerate()
            .map(|(k, memory)| {
                let Patches { rows, channels } = &memory.items;
                let shape = vec![rows.len() / channels, *channels];
                StoredTensor::half(format!("nearest.levels.{k}.items"), shape, rows)
            })
            .collect();
        let bytes = assemble(&info, &tensors, &self.kept()?)?;
        Ok((info, bytes))
    }

    /// Scores of picture `i` without and with a synthetic anomaly, by the patches of the other pictures; `None` before
    /// it has learned, or if there is no such picture.
    pub fn trial(&self, i: usize, seed: u64) -> Option<Trial> {
        let known = self.good.get(i)?;
        let made = plainest_defect(&known.input, seed).picture;
        Some(Trial { good: self.score(i, &known.patches)?, made: self.score(i, &self.patches(&made))? })
    }

    /// Some of the good pictures, evenly spaced, to be shown beside an odd patch.
    fn kept(&self) -> Result<Kept> {
        let mut kept = Kept::default();
        let most = self.good.len().min(MOST_SHOWN);
        let spread = (0..most).map(|i| &self.good[i * self.good.len() / most]);
        let pictures = spread.map(|known| {
            let seen = Seen { picture: Cow::Owned(known.input.clone()), native: known.native };
            KeptPicture { seen, learned: true }
        });
        kept.fill(pictures, most)?;
        Ok(kept)
    }

    /// The patches of a picture of the network's size.
    fn patches(&self, input: &Picture) -> [Patches; 3] {
        self.engine.look(&normalize(input), false).map(|level| Patches::of(&level))
    }

    /// `value` of each picture.
    fn each<T: Send>(&self, value: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
        #[cfg(not(target_arch = "wasm32"))]
        {
            use rayon::prelude::*;
            (0..self.good.len()).into_par_iter().map(value).collect()
        }
        #[cfg(target_arch = "wasm32")]
        (0..self.good.len()).map(value).collect()
    }

    /// The score of a picture with these patches, compared only with patches that do not come from picture `i`. The
    /// scored picture is picture `i` itself, or one made from it.
    fn score(&self, i: usize, patches: &[Patches; 3]) -> Option<f64> {
        let memories = self.memories.as_ref()?;
        let Wanted { size, view, .. } = &self.wanted;
        let sizes = Backbone::Compact.sizes(*size);
        let levels: Vec<Vec<f32>> = patches
            .iter()
            .zip(memories)
            .map(|(patches, memory)| memory.distances(patches, Some(i)))
            .collect();
        let parts: Vec<(&[f32], [usize; 2])> = levels
            .iter()
            .zip(sizes)
            .map(|(level, size)| (level.as_slice(), [size.height, size.width]))
            .collect();
        let map: ScoreMap = view.whole(anomaly_map(&parts, *size), self.good.get(i)?.native);
        let counted = view.counted(Size::new(map.width, map.height));
        Some(view.pooling.score(&map, counted.as_ref()))
    }

    fn info(&self, threshold: Threshold, data_fingerprint: String, learned: Learned) -> Info {
        let Wanted { name, size, view, range, false_alarms } = self.wanted.clone();
        let items = |k: usize| self.memories.as_ref().map_or(0, |memories| memories[k].len());
        let form = Form {
            items: Some([0, 1, 2].map(items)),
            eight_bit: false,
            teacher: Some(EMBEDDED_SHA256.to_owned()),
        };
        Info {
            format_version: FORMAT_WITH_FORM,
            teacher: format!("{} from the embedded teacher", Backbone::Compact),
            range,
            form,
            raa: RaaOptions { gate: false, generator: false, ..RaaOptions::default() },
            score: Score::Nearest,
            threshold,
            precision: Precision::F16,
            training: serde_json::json!({ "instant": true, "false_alarms": false_alarms }),
            data_fingerprint,
            training_pictures: self.good.len(),
            learned,
            ..Info::new(name, Backbone::Compact, size, view)
        }
    }
}

#[cfg(test)]
mod tests;
