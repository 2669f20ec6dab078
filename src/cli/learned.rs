//! Pictures that a model is to be measured with, and has learned from: it scores them lower than new ones.

use super::Verbosity;
use crate::dataset::{Sample, content};
use crate::model::Info;
use rayon::prelude::*;
use std::path::PathBuf;

/// Of each picture, whether the model has learned from it. One that cannot be read counts as new: its reader tells.
pub fn learned(info: &Info, pictures: &[PathBuf]) -> Vec<bool> {
    let known = info.all_learned();
    // Models of earlier versions do not say; then nothing need be read.
    let learned = |picture: &PathBuf| {
        !known.is_empty() && content(picture).is_ok_and(|content| known.contains(&content))
    };
    pictures.par_iter().map(learned).collect()
}

/// How many those are, in words, with the first of them; `None` if there are none.
pub fn describe(pictures: &[PathBuf], learned: &[bool]) -> Option<String> {
    let mut known = pictures.iter().zip(learned).filter(|(_, learned)| **learned).map(|(path, _)| path);
    let first = known.next()?.display();
    Some(match (known.count() + 1, pictures.len()) {
        (1, 1) => format!("the model has learned from {first}"),
        (n, all) if n == all => format!("the model has learned from all {n} pictures, for example {first}"),
        (n, all) => format!("the model has learned from {n} of the {all} pictures, for example {first}"),
    })
}

/// Warns of test pictures that the model has learned from, and counts them.
pub fn warn(verbosity: Verbosity, info: &Info, test: &[Sample]) -> usize {
    let pictures: Vec<PathBuf> = test.iter().map(|sample| sample.path.clone()).collect();
    let learned = learned(info, &pictures);
    if let Some(words) = describe(&pictures, &learned) {
        verbosity
            .say(format!("warning: {words}, and scores them lower than new ones: the figures flatter it"));
    }
    learned.into_iter().filter(|&learned| learned).count()
}
