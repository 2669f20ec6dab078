//! The model's intermediate features for a report: three levels on one picture, and patch features before and after
//! amplification (the paper's Fig. 6).

use super::reporting::{Subject, short_name};
use crate::detection::batch;
use crate::metrics::Judged;
use crate::model::{Aand, Features, Info};
use crate::picture::{
    Mask, Picture, ScoreMap, Size, View, normalize, open_ranged, place_around, tile_of_mask,
};
use crate::report::{EmbeddingRow, LevelPanels, Levels};
use crate::{Error, Result};
use burn::tensor::Tensor;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// At most this many good and this many anomalous pictures have their patches embedded.
const PICTURES: usize = 20;

/// Patches per picture and kind: about 600 in all with 20 anomalous and 20 good pictures.
const PATCHES: usize = 10;

/// The level whose features are embedded, from 0.
const LEVEL: usize = 1;

fn see(subject: &Subject, model: &Aand, judged: &Judged) -> Result<(Picture, Size, Features)> {
    let Info { size, view, .. } = &model.info;
    let (native, _) = open_ranged(subject.file(judged), model.info.range)?;
    let picture = shown(view, &native, *size, judged);
    let features = model.forward(batch(normalize(&picture), 1, *size, &model.device()));
    Ok((picture, Size::of(&native), features))
}

/// What the network receives: the picture, or if it looks at tiles, the tile around the map's highest value.
fn shown(view: &View, native: &Picture, size: Size, judged: &Judged) -> Picture {
    if view.tiles.is_none() {
        return view.see(native, size).picture.into_owned();
    }
    view.tile(native, place(Size::of(native), size, judged), size)
}

/// The corner of the tile around the highest value of a picture's map, kept inside the picture if that is large
/// enough.
fn place(native: Size, tile: Size, judged: &Judged) -> [usize; 2] {
    let [x, y] = judged.map.peak();
    let pixel = [x * native.width as f64, y * native.height as f64].map(|at| at as usize);
    place_around(pixel, native, tile)
}

/// The part of the mask, which has the map's size, that covers what the network received.
fn truth(subject: &Subject, mask: &Mask, native: Size, judged: &Judged) -> Mask {
    let Info { size, view, .. } = &subject.model.info;
    if view.tiles.is_none() {
        return view.fit.frame(native, *size).mask(mask);
    }
    let whole = mask.resize_torch_nearest(native.width, native.height);
    tile_of_mask(&whole, place(native, *size, judged), *size)
}

fn values(tensor: Tensor<4>) -> Result<Vec<f32>> {
    let values = tensor.into_data().try_into_vec::<f32>();
    values.map_err(|e| Error::Device(format!("cannot read features back: {e:?}")))
}

/// The mean over the channels of `[1, C, H, W]`.
fn mean(tensor: Tensor<4>) -> Result<ScoreMap> {
    let [_, _, height, width] = tensor.dims();
    Ok(ScoreMap { width, height, data: values(tensor.mean_dim(1))? })
}

/// What happens on each level in the anomalous picture with the lowest score, the hardest one to find.
pub fn levels(subject: &Subject) -> Result<Option<Levels>> {
    let anomalous = subject.judged.iter().filter(|judged| judged.defect.is_some());
    let Some(worst) = anomalous.min_by(|a, b| a.score.total_cmp(&b.score)) else { return Ok(None) };
    let Some(model) = &subject.model.intermediate else { return Ok(None) };
    let (picture, _, features) = see(subject, model, worst)?;
    let Features { teacher, advanced, student, discrepancy } = features;
    let level = |k: usize| {
        Ok(LevelPanels {
            teacher: mean(teacher[k].clone())?,
            gate: mean(advanced[k].weight.clone())?,
            residual: mean(advanced[k].residual.clone().abs())?,
            advanced: mean(advanced[k].feature.clone())?,
            student: mean(student[k].clone())?,
            discrepancy: mean(discrepancy[k].clone())?,
        })
    };
    let levels = (0..3).map(level).collect::<Result<_>>()?;
    Ok(Some(Levels { name: short_name(&worst.path), picture, levels }))
}

/// Patch features of the second level, labeled normal or anomalous by the masks; none without masks.
pub fn embedding(subject: &Subject) -> Result<Option<Vec<EmbeddingRow>>> {
    let (marked, good): (Vec<&Judged>, Vec<&Judged>) = subject
        .judged
        .iter()
        .filter(|judged| judged.defect.is_none() || judged.mask.as_ref().is_some_and(|m| m.count() > 0))
        .partition(|judged| judged.defect.is_some());
    let Some(model) = subject.model.intermediate.as_ref().filter(|_| !marked.is_empty()) else {
        return Ok(None);
    };
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut rows = Vec::new();
    for judged in spread(&marked).chain(spread(&good)) {
        let (_, native, features) = see(subject, model, judged)?;
        let [_, channels, height, width] = features.teacher[LEVEL].dims();
        let labels = match &judged.mask {
            Some(mask) => truth(subject, mask, native, judged).patch_labels(height, width),
            None => Mask::filled(width, height, false).data,
        };
        let vanilla = values(features.teacher[LEVEL].clone())?;
        let advanced = values(features.advanced[LEVEL].feature.clone())?;
        let area = height * width;
        let at = |map: &[f32], n: usize| (0..channels).map(|c| map[c * area + n]).collect();
        for anomalous in [true, false] {
            let mut patches: Vec<usize> = (0..area).filter(|&n| labels[n] == anomalous).collect();
            let (chosen, _) = patches.partial_shuffle(&mut rng, PATCHES);
            rows.extend(chosen.iter().map(|&n| EmbeddingRow {
                vanilla: at(&vanilla, n),
                advanced: at(&advanced, n),
                anomalous,
            }));
        }
    }
    Ok(Some(rows))
}

/// Evenly spaced pictures, so that every kind of defect is represented.
fn spread<'a>(all: &'a [&'a Judged]) -> impl Iterator<Item = &'a Judged> {
    let count = all.len().min(PICTURES);
    (0..count).map(move |n| all[n * all.len() / count])
}
