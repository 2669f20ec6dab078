//! The input of a report: plain data, so that the modules that compute it do not depend on the report.

use crate::metrics::Evaluation;
use crate::model::History;
use crate::picture::{Mask, Picture, ScoreMap};

/// Everything that one report, or one part of a report on several data sets, shows.
#[derive(Clone, Debug)]
pub struct ReportInput<'a> {
    /// The heading, for example "bottle".
    pub title: String,
    /// Shown prominently if the pictures are not photographs, for example "Rendered pictures: ...".
    pub rendered_note: Option<String>,
    /// Lines on the model, as (what, value): backbone, size, epochs, seed, ...
    pub model: Vec<(String, String)>,
    /// Which pictures were measured, for example "test folder of ../data/bottle; trained on 209 good pictures".
    pub split: String,
    /// The metrics, with pictures and curves.
    pub evaluation: &'a Evaluation,
    /// The pictures to show, in any order; the report sorts and limits them.
    pub gallery: Vec<GalleryItem>,
    /// The history of both training stages. Values that are not finite are left out of the figures.
    pub history: History,
    /// Patch features before and after amplification (the paper's Fig. 6).
    pub embedding: Option<Vec<EmbeddingRow>>,
    /// The intermediate maps of one picture.
    pub levels: Option<Levels>,
}

/// A labeled picture with its anomaly map made visible.
#[derive(Clone, Debug)]
pub struct GalleryItem {
    /// Its name, for example "broken_large/000.png".
    pub name: String,
    /// The kind of defect; `None` for a good picture.
    pub defect: Option<String>,
    /// The image score.
    pub score: f64,
    /// The picture.
    pub picture: Picture,
    /// The ground truth, at any size.
    pub mask: Option<Mask>,
    /// The colored anomaly map, on the scale that all pictures share.
    pub heat: Picture,
    /// The anomaly map over the picture.
    pub overlay: Picture,
    /// Of a picture that is called anomalous the worst patch, and the one of the kept good pictures that is most like it.
    pub why: Option<[Picture; 2]>,
}

/// The features of one patch from the plain teacher and from the advanced teacher.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingRow {
    /// The teacher's feature vector; all rows have the same length.
    pub vanilla: Vec<f32>,
    /// The advanced teacher's feature vector; all rows have the same length.
    pub advanced: Vec<f32>,
    /// Whether the patch lies on a defect.
    pub anomalous: bool,
}

/// The three levels of the method on one picture.
#[derive(Clone, Debug)]
pub struct Levels {
    /// The picture's name.
    pub name: String,
    /// The picture.
    pub picture: Picture,
    /// One entry per level, finest first.
    pub levels: Vec<LevelPanels>,
}

/// The maps of one level, H_k x W_k, with features averaged over channels.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelPanels {
    /// Mean activation of the teacher.
    pub teacher: ScoreMap,
    /// The residual gate, 0 to 1.
    pub gate: ScoreMap,
    /// Mean magnitude of the gated residual.
    pub residual: ScoreMap,
    /// Mean activation of the advanced teacher.
    pub advanced: ScoreMap,
    /// Mean activation of the student.
    pub student: ScoreMap,
    /// Cosine distance of student and advanced teacher, 0 to 1.
    pub discrepancy: ScoreMap,
}
