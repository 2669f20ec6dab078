//! One vector for a whole picture: what the teacher sees in it, on average. Pictures taken in the same way have
//! embeddings close to each other. Their distances serve to choose the pictures to keep and to notice a change of light
//! or camera.
//!
//! At each level `k` the teacher's features are averaged over the positions that count and scaled to length 1; then the
//! levels are concatenated:
//!
//! ```text
//! m_k = mean over positions of F_T      e = (m_1 / |m_1|, m_2 / |m_2|, m_3 / |m_3|)      C_1 + C_2 + C_3 numbers
//! ```

mod coverage;
mod familiar;

pub use coverage::coverage;
pub use familiar::Familiar;

use crate::inference::{Engine, Plan};
use crate::model::Info;
use crate::picture::{Mask, Picture, Seen, Size, View, normalize};
use crate::teacher::TensorSource;
use crate::{Error, Result};

/// The teacher of a model, which makes embeddings on the CPU.
#[derive(Debug)]
pub struct Embedder {
    engine: Engine,
    size: Size,
    view: View,
}

impl Embedder {
    /// For the model that `info` describes, with the tensors `teacher.*` from `source`.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn new(info: &Info, source: &dyn TensorSource) -> Result<Self> {
        let plan = Plan::teacher(info.backbone, info.size, source)?;
        Ok(Self { engine: Engine::new(plan), size: info.size, view: info.view.clone() })
    }

    /// The embedding of a picture as the model sees it, `C_1 + C_2 + C_3` numbers; if it looks at tiles, of the
    /// mean over the tiles.
    ///
    /// # Errors
    /// The picture does not have the network's size.
    pub fn embed(&self, seen: &Seen<'_>) -> Result<Vec<f32>> {
        let Some(tiles) = self.view.tiles else {
            let found = Size::of(&seen.picture);
            if found != self.size {
                return Err(Error::Setting(format!("a picture of {found}, not {}", self.size)));
            }
            return Ok(joined(&self.means(&seen.picture, seen.native, [0; 2])));
        };
        let mut sums: [Vec<f64>; 3] = Default::default();
        for place in tiles.places(seen.native, self.size) {
            let tile = self.view.tile(&seen.picture, place, self.size);
            for (sum, mean) in sums.iter_mut().zip(self.means(&tile, seen.native, place)) {
                sum.resize(mean.len(), 0.0);
                sum.iter_mut().zip(mean).for_each(|(sum, mean)| *sum += mean);
            }
        }
        Ok(joined(&sums))
    }

    /// The embeddings of several pictures.
    ///
    /// # Errors
    /// As [`embed`](Self::embed).
    pub fn embed_all(&self, seen: &[Seen<'_>]) -> Result<Vec<Vec<f32>>> {
        #[cfg(not(target_arch = "wasm32"))]
        {
            use rayon::prelude::*;
            seen.par_iter().map(|seen| self.embed(seen)).collect()
        }
        #[cfg(target_arch = "wasm32")]
        seen.iter().map(|seen| self.embed(seen)).collect()
    }

    /// Mean features by level of one input of the network, over the positions that count; zeros if none does.
    fn means(&self, picture: &Picture, native: Size, place: [usize; 2]) -> [Vec<f64>; 3] {
        let allowed = self.view.allowed(native, self.size, place);
        self.engine.look(&normalize(picture), true).map(|level| {
            let [channels, height, width] = level.shape;
            let counts = counting(allowed.as_ref(), Size::new(width, height));
            let count = counts.iter().filter(|&&counts| counts).count().max(1);
            let features = level.teacher.chunks_exact((height * width).max(1)).take(channels);
            let mean = |feature: &[f32]| {
                let inside = feature.iter().zip(&counts).filter(|(_, counts)| **counts);
                inside.map(|(&value, _)| f64::from(value)).sum::<f64>() / count as f64
            };
            features.map(mean).collect()
        })
    }
}

/// Which positions of a level count: those whose center is within the mask.
pub(crate) fn counting(allowed: Option<&Mask>, level: Size) -> Vec<bool> {
    let Some(mask) = allowed else { return vec![true; level.area()] };
    let at = |i: usize, positions: usize, pixels: usize| (2 * i + 1) * pixels / (2 * positions);
    let inside = |n: usize| {
        let (y, x) =
            (at(n / level.width, level.height, mask.height), at(n % level.width, level.width, mask.width));
        mask.data[y * mask.width + x]
    };
    (0..level.area()).map(inside).collect()
}

/// The levels' means, each scaled to length 1, concatenated.
fn joined(means: &[Vec<f64>; 3]) -> Vec<f32> {
    let unit = |mean: &Vec<f64>| {
        let length = mean.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-8);
        mean.iter().map(|v| (v / length) as f32).collect::<Vec<f32>>()
    };
    means.iter().flat_map(unit).collect()
}

/// The Euclidean distance of two embeddings.
pub fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
}

/// The distance of an embedding to the nearest of `others`; `None` if there are none.
pub fn nearest(embedding: &[f32], others: &[Vec<f32>]) -> Option<f64> {
    others.iter().map(|other| distance(embedding, other)).min_by(f64::total_cmp)
}

/// The distance of each embedding to the nearest of the others: the usual distances among pictures taken in the same
/// way. Empty for fewer than two.
pub fn usual(embeddings: &[Vec<f32>]) -> Vec<f64> {
    let others = |i: usize| {
        let others = embeddings.iter().enumerate().filter(|(j, _)| *j != i);
        others.map(|(_, other)| distance(&embeddings[i], other)).min_by(f64::total_cmp)
    };
    (0..embeddings.len()).filter_map(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positions_within_the_mask_count() {
        let mut mask = Mask::filled(8, 8, false);
        (0..64).filter(|n| n % 8 < 4).for_each(|n| mask.data[n] = true);
        assert_eq!(counting(Some(&mask), Size::square(2)), [true, false, true, false]);
        assert_eq!(counting(None, Size::square(1)), [true]);
    }

    #[test]
    fn distances_are_those_to_the_nearest_other() {
        let set = vec![vec![0.0, 0.0], vec![3.0, 4.0], vec![3.0, 3.0]];
        assert_eq!(usual(&set), [18f64.sqrt(), 1.0, 1.0]);
        assert_eq!(nearest(&[3.0, 5.0], &set), Some(1.0));
        assert_eq!((nearest(&[1.0], &[]), usual(&set[..1])), (None, Vec::new()));
    }
}
