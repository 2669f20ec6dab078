//! What a report shows, gathered from a model and the pictures it was measured on.

use super::intermediate::{embedding, levels};
use crate::Result;
use crate::dataset::Dataset;
use crate::detection::Detector;
use crate::detection::{draw_boxes, heat_map, overlay, regions};
use crate::gpu::Processor;
use crate::metrics::{Evaluation, Judged};
use crate::model::{Aand, Info, NamedTensors, Score, StoredModel, open, tensors};
use crate::nearest::{Gallery, Likeness};
use crate::picture::{Size, open_ranged, resize};
use crate::report::{GalleryItem, ReportInput};
use burn::tensor::Device;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// The most pictures that a gallery shows.
const MOST_SHOWN: usize = 60;

/// The longer side of a picture in the gallery, in pixels; the report does not show more.
const SIDE: u32 = 256;

/// That of a patch.
const PATCH_SIDE: u32 = 144;

/// A model to measure.
#[derive(Clone)]
pub struct Measurable {
    /// Its header; the region that counts may have been replaced.
    pub info: Info,
    /// Its modules; none for an instant detector, which has nothing to look into.
    pub intermediate: Option<Aand>,
    path: PathBuf,
}

impl Measurable {
    /// Opens a model file.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let info = StoredModel::open(path)?.info;
        let instant = info.score == Score::Nearest;
        let intermediate = (!instant).then(|| open(path, &Device::flex())).transpose()?;
        Ok(Self { info, intermediate, path: path.into() })
    }

    /// The detector of this model.
    ///
    /// # Errors
    /// The device failed, or the file has changed since it was opened.
    pub fn detector(&self, processor: &Processor) -> Result<Detector> {
        let mut detector = match &self.intermediate {
            Some(model) => Detector::on(model.clone(), processor)?,
            None => Detector::open(&self.path, processor)?,
        };
        detector.info = self.info.clone();
        Ok(detector)
    }

    /// The good pictures that it keeps, by its own view; none where it keeps none.
    ///
    /// # Errors
    /// The file has changed meanwhile, or is damaged.
    fn kept(&self) -> Result<Option<Gallery>> {
        let Some(model) = &self.intermediate else {
            let stored = StoredModel::open(&self.path)?;
            return Gallery::new(&stored.info, &stored, stored.kept()?);
        };
        if model.kept.pictures.is_empty() {
            return Ok(None);
        }
        Gallery::new(&model.info, &NamedTensors::new(tensors(model)?), model.kept.clone())
    }
}

impl From<Aand> for Measurable {
    fn from(model: Aand) -> Self {
        Self { info: model.info.clone(), intermediate: Some(model), path: PathBuf::new() }
    }
}

/// A measured data set.
pub struct Subject<'a> {
    /// The pictures.
    pub set: &'a Dataset,
    /// The model.
    pub model: &'a Measurable,
    /// The model's judgments, with paths relative to the set's root.
    pub judged: &'a [Judged],
    /// The metrics.
    pub evaluation: &'a Evaluation,
}

impl<'a> Subject<'a> {
    /// Everything that [`crate::report::write`] shows.
    ///
    /// # Errors
    /// A picture cannot be read any more, or the device failed.
    pub fn input(&self) -> Result<ReportInput<'a>> {
        let info = &self.model.info;
        Ok(ReportInput {
            title: self.set.name.clone(),
            rendered_note: rendered_note(&self.set.root),
            model: facts(info),
            split: format!(
                "labeled pictures of {}; trained on {} good pictures",
                self.set.root.display(),
                info.training_pictures
            ),
            evaluation: self.evaluation,
            gallery: self.gallery()?,
            history: info.history.clone(),
            embedding: embedding(self)?,
            levels: levels(self)?,
        })
    }

    /// A judged picture's file.
    pub fn file(&self, judged: &Judged) -> PathBuf {
        self.set.root.join(&judged.path)
    }

    /// The pictures whose verdicts are the most wrong, or were the closest to being wrong.
    fn gallery(&self) -> Result<Vec<GalleryItem>> {
        let threshold = self.evaluation.threshold;
        let wrongness =
            |j: &Judged| if j.defect.is_some() { threshold - j.score } else { j.score - threshold };
        let mut worst: Vec<&Judged> = self.judged.iter().collect();
        worst.sort_by(|a, b| wrongness(b).total_cmp(&wrongness(a)).then_with(|| a.path.cmp(&b.path)));
        worst.truncate(MOST_SHOWN);
        let kept = self.model.kept()?;
        worst.par_iter().map(|judged| self.item(judged, kept.as_ref())).collect()
    }

    fn item(&self, judged: &Judged, kept: Option<&Gallery>) -> Result<GalleryItem> {
        let threshold = self.evaluation.threshold;
        let Info { size: input, view, range, .. } = &self.model.info;
        let (native, _) = open_ranged(self.file(judged), *range)?;
        let called = judged.score > threshold;
        let alike = kept
            .filter(|_| called)
            .and_then(|kept| kept.nearest(&view.see(&native, *input), judged.map.peak()));
        let (w, h) = native.dimensions();
        let scale = (f64::from(SIDE) / f64::from(w.max(h).max(1))).min(1.0);
        let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
        let (w, h) = (side(w), side(h));
        let picture = resize(&native, w, h);
        let size = Size::of(&picture);
        let mut overlay = overlay(&picture, &judged.map, threshold);
        if called {
            draw_boxes(&mut overlay, &regions(&judged.map, threshold, size, 0.0), size);
        }
        Ok(GalleryItem {
            name: short_name(&judged.path),
            defect: judged.defect.clone(),
            score: judged.score,
            mask: judged.mask.as_ref().map(|mask| mask.resize_pil_nearest(w as usize, h as usize)),
            heat: heat_map(&judged.map, size, threshold),
            why: alike.map(|Likeness { odd, good, .. }| [odd, good].map(|shown| shown.enlarged(PATCH_SIDE))),
            overlay,
            picture,
        })
    }
}

/// `test/hole/000.png` to `hole/000.png`.
pub fn short_name(path: &Path) -> String {
    path.strip_prefix("test").unwrap_or(path).display().to_string().replace('\\', "/")
}

/// The line of the data set's README that says that its pictures are rendered, not photographs.
fn rendered_note(root: &Path) -> Option<String> {
    [Some(root), root.parent()].into_iter().flatten().find_map(|folder| {
        let text = std::fs::read_to_string(folder.join("README.txt")).ok()?;
        let line = text.lines().find(|line| line.to_lowercase().contains("rendered"))?;
        Some(line.trim().to_owned())
    })
}

fn facts(info: &Info) -> Vec<(String, String)> {
    let threshold = &info.threshold;
    let (amplify, distill) = (info.history.amplify.len(), info.history.distill.len());
    let training = match info.score {
        Score::Nearest => {
            "none: an instant detector compares patches with those of the good pictures".to_owned()
        }
        _ => format!("{amplify} epochs of amplification, {distill} of distillation"),
    };
    let facts = [
        ("Name", info.name.clone()),
        ("Backbone", info.backbone.name().to_owned()),
        ("Teacher", info.teacher.clone()),
        ("Input", format!("{}; {}", info.size, info.preprocessing)),
        ("Training", training),
        ("Training pictures", info.training_pictures.to_string()),
        ("Selection", info.selection.describe().to_owned()),
        ("Threshold", format!("{:.4}: {}; {}", threshold.value, threshold.method, threshold.reliability)),
        ("Seed", info.seed.to_string()),
        ("Data fingerprint", info.data_fingerprint.clone()),
        ("Program", info.program.clone()),
    ];
    facts.into_iter().map(|(what, value)| (what.to_owned(), value)).collect()
}
