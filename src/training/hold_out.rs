//! Makes a training job from good pictures: holds some out, and identifies the data.

use super::config::Settings;
use super::job::TrainingJob;
use crate::gpu::Processor;
pub use crate::hash::fingerprint_of;
use crate::model::Learned;
use crate::picture::{Mask, Picture, Remarks, Seen, Size, View};
use crate::synthesis::{Foreground, Textures};
use crate::teacher::Teacher;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Default number of bytes of cached features kept in memory; the rest goes to a temporary file.
pub const CACHE_BUDGET: u64 = 4 << 30;

/// A good picture as the training sees it.
#[derive(Clone, Debug)]
pub struct Good {
    /// As the network receives it, or unchanged if the model looks at tiles.
    pub picture: Seen<'static>,
    /// Where defects may be painted, at the same size.
    pub foreground: Mask,
}

impl Good {
    /// From a picture of any size, for a network of the size `size`; the foreground is found at full size.
    pub fn new(picture: &Picture, foreground: &Foreground, size: Size, view: &View) -> Self {
        let foreground = view.mask(foreground.mask(picture), size);
        Self { picture: view.see(picture, size).owned(), foreground }
    }
}

impl TrainingJob {
    /// A job on `good` pictures with built-in textures, without name, fingerprint or checkpoint.
    pub fn of(good: Vec<Good>, settings: Settings, teacher: Teacher, teacher_source: String) -> Self {
        // Any picture may be held out, even an unusual one: the threshold's statement is about pictures like all of
        // these.
        let held = draw(good.len(), settings.held_out(good.len()), settings.seed);
        let (mut pictures, mut foregrounds, mut held_out) = (Vec::new(), Vec::new(), Vec::new());
        for (Good { picture, foreground }, held) in good.into_iter().zip(held) {
            if held {
                held_out.push(picture);
            } else {
                pictures.push(picture);
                foregrounds.push(foreground);
            }
        }
        Self {
            remarks: Remarks::new(settings.range),
            data_fingerprint: String::new(),
            learned: Learned::default(),
            name: String::new(),
            settings,
            teacher,
            processor: Processor::Cpu,
            teacher_source,
            pictures,
            foregrounds,
            held_out,
            textures: Textures::builtin(),
            cache_budget: CACHE_BUDGET,
            checkpoint: None,
            resume: false,
            start: None,
        }
    }
}

/// Which pictures are trained on, of good ones whose files have these SHA-256 hashes: all but those that
/// [`TrainingJob::of`] holds out.
pub fn trained_on(contents: &[[u8; 32]], settings: &Settings) -> Learned {
    let held = draw(contents.len(), settings.held_out(contents.len()), settings.seed);
    Learned::of(contents.iter().zip(held).filter(|(_, held)| !held).map(|(content, _)| content))
}

/// For each of `all`, whether it is among the `count` (at most all) that `seed` draws.
pub fn draw(all: usize, count: usize, seed: u64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..all).collect();
    let mut drawn = vec![false; all];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for index in 0..count.min(all) {
        order.swap(index, rng.random_range(index..all));
        drawn[order[index]] = true;
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_out_is_repeatable_and_follows_the_seed() {
        let held = draw(40, 4, 7);
        assert_eq!((held.len(), held.iter().filter(|&&held| held).count()), (40, 4));
        assert_eq!(draw(40, 4, 7), held);
        assert!((8..16).any(|seed| draw(40, 4, seed) != held));
        assert_eq!((draw(4, 0, 0), draw(4, 9, 0)), (vec![false; 4], vec![true; 4]));
        // Each picture can be drawn.
        let first = |seed| draw(6, 1, seed).iter().position(|&held| held);
        let drawn: std::collections::BTreeSet<_> = (0..64).map(first).collect();
        assert_eq!(drawn.len(), 6);
    }
}
