//! A film of stage 2: the discrepancies of a few pictures before the student learns, and while it learns.
//!
//! The pictures are only judged; the training does not depend on them.

use crate::detection::anomaly_map;
use crate::inference::Engine;
use crate::model::Info;
use crate::picture::{Mask, Picture, Pooling, normalize};
use crate::{Error, Result};
use half::f16;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::Serialize;
use std::collections::HashMap;

/// The metadata key of a film's header.
const KEY: &str = "aand-film";
/// The exponent that turns a frame's share of the film into its share of the epochs: more happens at the
/// beginning.
const EASE: f64 = 1.6;

/// The filmed pictures, and their frames so far.
#[derive(Clone, Debug)]
pub struct Film {
    size: usize,
    frames: usize,
    pictures: Vec<Listed>,
    /// Normalized pixels of the first pictures, `[3, S, S]` each.
    pixels: Vec<Vec<f32>>,
    taken: Vec<Frame>,
}

#[derive(Clone, Debug)]
struct Listed {
    name: String,
    /// Whether it has a defect.
    anomalous: bool,
    /// Where the defect is, if known.
    mask: Option<Mask>,
}

/// The discrepancies after an epoch.
#[derive(Clone, Debug)]
struct Frame {
    epoch: usize,
    /// For each level the pictures in order, `[H_k, W_k]` each.
    levels: [Vec<f16>; 3],
    sides: [usize; 3],
    /// The maximum of each picture's anomaly map.
    scores: Vec<f32>,
}

/// The metadata beside the maps.
#[derive(Serialize)]
struct Header<'a> {
    /// The model's name.
    model: &'a str,
    /// Where the teacher came from.
    teacher: &'a str,
    /// Whether the student learned from the advanced teacher.
    amplified: bool,
    /// Good pictures that the training saw.
    training_pictures: usize,
    /// Input side in pixels.
    size: usize,
    /// Rows and columns of each level.
    sides: [usize; 3],
    /// The number of finished epochs at each frame.
    epochs: Vec<usize>,
    /// Number of all epochs of stage 2.
    all: usize,
    /// All listed pictures.
    pictures: Vec<PictureHeader<'a>>,
    /// How many of them, the first ones, are in the frames.
    filmed: usize,
    /// Scores by frame and picture.
    scores: Vec<&'a [f32]>,
    /// The finished model's threshold.
    threshold: f64,
}

#[derive(Serialize)]
struct PictureHeader<'a> {
    name: &'a str,
    anomalous: bool,
    /// Whether `patches` shows where the defect is.
    masked: bool,
}

impl Film {
    /// For pictures of `size x size`, with at most `frames` frames. A single frame shows the end; the first of several
    /// shows the student before it has learned anything.
    pub fn new(size: usize, frames: usize) -> Self {
        Self { size, frames: frames.max(1), pictures: Vec::new(), pixels: Vec::new(), taken: Vec::new() }
    }

    /// Adds a picture of `size x size` to the film; `mask` shows its defect, if it has one and the mask is known.
    pub fn add(&mut self, name: String, picture: &Picture, anomalous: bool, mask: Option<Mask>) {
        let filmed = self.pixels.len();
        self.pictures.insert(filmed, Listed { name, anomalous, mask });
        self.pixels.push(normalize(picture));
    }

    /// Lists a picture that is not filmed: only its name and the place of its defect are stored.
    pub fn list(&mut self, name: String, anomalous: bool, mask: Option<Mask>) {
        self.pictures.push(Listed { name, anomalous, mask });
    }

    /// Whether a frame is due after `epoch` of `epochs` epochs.
    pub fn is_due(&self, epoch: usize, epochs: usize) -> bool {
        if self.pixels.is_empty() || self.taken.last().is_some_and(|last| last.epoch >= epoch) {
            return false;
        }
        if self.frames == 1 {
            return epoch == epochs;
        }
        let at = |i: usize| (i as f64 / (self.frames - 1) as f64).powf(EASE) * epochs as f64;
        (0..self.frames).any(|i| at(i).round() as usize == epoch)
    }

    /// Takes a frame of the model after `epoch` epochs; `pooling` gives the score of a map.
    pub fn take(&mut self, epoch: usize, engine: &Engine, pooling: Pooling) {
        let mut frame = Frame { epoch, levels: Default::default(), sides: [0; 3], scores: Vec::new() };
        for pixels in &self.pixels {
            let maps = engine.run(pixels);
            let sides = maps.each_ref().map(|map| map.len().isqrt());
            let parts = [0, 1, 2].map(|k| (maps[k].as_slice(), [sides[k]; 2]));
            let map = anomaly_map(&parts, self.size);
            frame.scores.push(pooling.score(&map, None) as f32);
            frame.sides = sides;
            for (level, map) in frame.levels.iter_mut().zip(&maps) {
                level.extend(map.iter().map(|&value| f16::from_f32(value)));
            }
        }
        self.taken.push(frame);
    }

    /// The film as a safetensors file: `level1` to `level3`, f16 `[frames, filmed, H_k, W_k]`, the discrepancies;
    /// `patches1` to `patches3`, u8 `[pictures, H_k, W_k]`, 1 where a patch is anomalous according to the masks;
    /// the header is JSON, in the metadata under `aand-film`.
    ///
    /// # Errors
    /// There is no frame, because the student was not trained.
    pub fn encode(&self, info: &Info) -> Result<Vec<u8>> {
        let Some(last) = self.taken.last() else {
            return Err(Error::Training("there is nothing to film: the student was not trained".into()));
        };
        let unwritable = |e: &dyn std::fmt::Display| Error::Training(format!("cannot encode the film: {e}"));
        let masked = |picture: &Listed| picture.mask.is_some() || !picture.anomalous;
        let header = Header {
            model: &info.name,
            teacher: &info.teacher,
            amplified: info.raa.generator,
            training_pictures: info.training_pictures,
            size: self.size,
            sides: last.sides,
            epochs: self.taken.iter().map(|frame| frame.epoch).collect(),
            all: info.history.distill.len(),
            pictures: self
                .pictures
                .iter()
                .map(|p| PictureHeader { name: &p.name, anomalous: p.anomalous, masked: masked(p) })
                .collect(),
            filmed: self.pixels.len(),
            scores: self.taken.iter().map(|frame| frame.scores.as_slice()).collect(),
            threshold: info.threshold.value,
        };
        let header = serde_json::to_string(&header).map_err(|e| unwritable(&e))?;
        let (frames, filmed, pictures) = (self.taken.len(), self.pixels.len(), self.pictures.len());
        let mut tensors = Vec::new();
        for (k, side) in last.sides.into_iter().enumerate() {
            let maps = self.taken.iter().flat_map(|frame| &frame.levels[k]);
            let bytes: Vec<u8> = maps.flat_map(|value| value.to_le_bytes()).collect();
            tensors.push((format!("level{}", k + 1), Dtype::F16, vec![frames, filmed, side, side], bytes));
            let labels = self.pictures.iter().flat_map(|picture| match &picture.mask {
                Some(mask) => mask.patch_labels(side, side),
                None => vec![false; side * side],
            });
            let bytes = labels.map(u8::from).collect();
            tensors.push((format!("patches{}", k + 1), Dtype::U8, vec![pictures, side, side], bytes));
        }
        let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
            Ok((name, TensorView::new(*dtype, shape.clone(), bytes).map_err(|e| unwritable(&e))?))
        });
        let views = views.collect::<Result<Vec<_>>>()?;
        safetensors::serialize(views, Some(HashMap::from([(KEY.to_string(), header)])))
            .map_err(|e| unwritable(&e))
    }

    /// Whether a file that begins with `head` is a film.
    pub fn is_own(head: &[u8]) -> bool {
        head.get(8..)
            .is_some_and(|head| head.windows(KEY.len() + 2).any(|w| w == format!("\"{KEY}\"").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Plan;
    use crate::inference::plan_tests::{Random, info};
    use crate::teacher::Backbone;
    use safetensors::SafeTensors;

    fn picture(seed: u32) -> Picture {
        Picture::from_fn(64, 64, |x, y| image::Rgb([(x * seed) as u8, (y * 3) as u8, (x + y) as u8]))
    }

    fn film(frames: usize) -> Film {
        let mut film = Film::new(64, frames);
        film.add("good/0".into(), &picture(1), false, None);
        let mut mask = Mask::filled(64, 64, false);
        (16..32).for_each(|y| mask.data[y * 64 + 16..][..16].fill(true));
        film.list("other/0".into(), true, None);
        film.add("hole/0".into(), &picture(5), true, Some(mask));
        film
    }

    #[test]
    fn frames_are_denser_at_the_beginning_and_show_both_ends() {
        let film = film(10);
        let due: Vec<usize> = (0..=40).filter(|&epoch| film.is_due(epoch, 40)).collect();
        assert_eq!((due[0], due[due.len() - 1], due.len()), (0, 40, 10));
        assert!(due.windows(3).all(|w| w[1] - w[0] <= w[2] - w[1] + 1), "{due:?}");
        let alone = super::tests::film(1);
        assert!(alone.is_due(40, 40) && !alone.is_due(0, 40));
        // Fewer epochs than frames: one frame per epoch.
        assert_eq!((0..=3).filter(|&epoch| film.is_due(epoch, 3)).count(), 4);
        assert!(!Film::new(64, 5).is_due(0, 3), "no pictures, no film");
    }

    #[test]
    fn a_films_scores_are_those_that_the_model_scores_by() {
        let engine = Engine::new(Plan::new(&info(Backbone::Compact, 64), &Random).unwrap());
        let scores = |pooling| {
            let mut film = film(2);
            film.take(0, &engine, pooling);
            film.taken.remove(0).scores
        };
        let (highest, mean) = (scores(Pooling::Max), scores(Pooling::Top(100.0)));
        assert_eq!((highest.len(), mean.len()), (2, 2));
        assert!(highest.iter().zip(&mean).all(|(highest, mean)| highest > mean), "{highest:?} {mean:?}");
    }

    #[test]
    fn a_frame_is_what_the_engine_says() {
        let info = info(Backbone::Compact, 64);
        let engine = Engine::new(Plan::new(&info, &Random).unwrap());
        let mut film = film(2);
        film.take(0, &engine, Pooling::Max);
        film.take(3, &engine, Pooling::Max);
        assert!(!film.is_due(3, 3), "twice");
        let bytes = film.encode(&info).unwrap();
        assert!(Film::is_own(&bytes) && !Film::is_own(b"{}"));
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let right = engine.run(&normalize(&picture(5)));
        for (k, right) in right.iter().enumerate() {
            let level = file.tensor(&format!("level{}", k + 1)).unwrap();
            let side = 16 >> k;
            assert_eq!(level.shape(), [2, 2, side, side]);
            // The second frame's second picture.
            let from = 3 * side * side;
            for (i, right) in right.iter().enumerate() {
                let at = 2 * (from + i);
                let found = f16::from_le_bytes([level.data()[at], level.data()[at + 1]]);
                assert!((found.to_f32() - right).abs() <= 5e-4 * right.abs().max(1e-3));
            }
            let patches = file.tensor(&format!("patches{}", k + 1)).unwrap();
            let marked = |picture: usize| {
                patches.data()[picture * side * side..][..side * side].iter().filter(|&&v| v == 1).count()
            };
            assert_eq!((marked(0), marked(1)), (0, (4 >> k) * (4 >> k)));
        }
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let header: serde_json::Value =
            serde_json::from_str(&metadata.metadata().as_ref().unwrap()[KEY]).unwrap();
        assert_eq!(header["epochs"], serde_json::json!([0, 3]));
        assert_eq!((&header["pictures"][1]["name"], &header["filmed"]), (&"hole/0".into(), &2.into()));
        assert_eq!(
            (&header["pictures"][2]["name"], &header["pictures"][2]["masked"]),
            (&"other/0".into(), &false.into())
        );
        let parts = [0, 1, 2].map(|k| (right[k].as_slice(), [16 >> k; 2]));
        let score = anomaly_map(&parts, 64).data.into_iter().fold(f32::MIN, f32::max);
        assert!((header["scores"][1][1].as_f64().unwrap() - f64::from(score)).abs() < 1e-6);
    }

    #[test]
    fn without_a_frame_there_is_no_film() {
        assert!(film(3).encode(&info(Backbone::Compact, 64)).is_err());
    }
}
