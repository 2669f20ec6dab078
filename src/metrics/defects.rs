//! The metrics of one kind of defect: its pictures compared with all good ones.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::judged::Judged;
use super::meters::{image_metrics, mean, pixel_metrics};
use super::ranking::PixelRanking;

/// What was measured on one kind of defect together with all good pictures; fractions, `None` where undefined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DefectEvaluation {
    /// The kind of defect.
    pub kind: String,
    /// Pictures of this kind.
    pub count: usize,
    /// Pictures of this kind that are called anomalous at the stored threshold.
    pub detected: usize,
    /// Area under the ROC curve of image scores.
    pub image_auroc: Option<f64>,
    /// Area under the ROC curve of all pixels pooled.
    pub pixel_auroc: Option<f64>,
    /// AUPRO by the official definition.
    pub aupro: Option<f64>,
    /// Mean PRO-RD.
    pub pro_rd: Option<f64>,
}

impl DefectEvaluation {
    /// `pro_rds` has one value for each of `judged`.
    pub(super) fn new(
        kind: &str,
        judged: &[Judged],
        called: &dyn Fn(&Judged) -> bool,
        ranking: &PixelRanking,
        pro_rds: &[Option<f64>],
    ) -> Self {
        let of_kind = |picture: &Judged| picture.defect.as_deref() == Some(kind);
        let kept = |picture: &Judged| picture.defect.is_none() || of_kind(picture);
        let pixel = pixel_metrics(ranking, |n| kept(&judged[n]));
        let own = || judged.iter().zip(pro_rds).filter(|(picture, _)| of_kind(picture));
        Self {
            kind: kind.to_owned(),
            count: own().count(),
            detected: own().filter(|(picture, _)| called(picture)).count(),
            image_auroc: image_metrics(judged, kept).auroc,
            pixel_auroc: pixel.auroc,
            aupro: pixel.aupro,
            pro_rd: mean(own().filter_map(|(_, value)| *value)),
        }
    }
}

/// The kinds of defect that occur, by name.
pub(super) fn kinds(judged: &[Judged]) -> BTreeSet<&str> {
    judged.iter().filter_map(|picture| picture.defect.as_deref()).collect()
}
