//! The verdict in one sentence.

use super::numbers::count;
use crate::metrics::{Evaluation, Selection};

/// The summary for a reader in a hurry.
pub(super) fn sentence(of: &Evaluation) -> String {
    let counts = &of.counts;
    let found = of.pictures.iter().filter(|p| p.defect.is_some() && p.called_anomalous).count();
    let alarms = of.pictures.iter().filter(|p| p.defect.is_none() && p.called_anomalous).count();
    let good = count(counts.good, "good picture");
    let mut sentence = match (counts.anomalous, counts.good) {
        (0, _) => {
            format!("At its threshold the detector rejected {alarms} of {good}; there was no defect to find")
        }
        (all, 0) => format!(
            "At its threshold the detector found {found} of {}; there was no good picture to check \
            for false alarms",
            count(all, "anomalous picture")
        ),
        (all, _) => format!(
            "At its threshold the detector found {found} of {} and raised {} on {good}",
            count(all, "anomalous picture"),
            if alarms == 0 { "no false alarm".to_owned() } else { count(alarms, "false alarm") },
        ),
    };
    if let Some(auroc) = of.image_auroc {
        sentence += &format!(" (image AUROC {auroc:.3}");
        if let Some(aupro) = of.aupro {
            sentence += &format!(", AUPRO {aupro:.3}");
        }
        sentence += ")";
    }
    if of.selection == Selection::Test {
        sentence += "; its epoch was chosen on these test pictures, so expect less on new ones";
    }
    sentence + "."
}

/// The verdict on several data sets.
pub(super) fn sentence_of_several(all: &[&Evaluation]) -> String {
    let found: usize =
        all.iter().flat_map(|of| &of.pictures).filter(|p| p.defect.is_some() && p.called_anomalous).count();
    let anomalous: usize = all.iter().map(|of| of.counts.anomalous).sum();
    let alarms =
        all.iter().flat_map(|of| &of.pictures).filter(|p| p.defect.is_none() && p.called_anomalous).count();
    let good: usize = all.iter().map(|of| of.counts.good).sum();
    let aurocs: Vec<f64> = all.iter().filter_map(|of| of.image_auroc).collect();
    let mean = if aurocs.is_empty() {
        String::new()
    } else {
        format!(" (mean image AUROC {:.3})", aurocs.iter().sum::<f64>() / aurocs.len() as f64)
    };
    format!(
        "On {} the detectors found {found} of {} and raised {} on {}{mean}.",
        count(all.len(), "data set"),
        count(anomalous, "anomalous picture"),
        if alarms == 0 { "no false alarm".to_owned() } else { count(alarms, "false alarm") },
        count(good, "good picture"),
    )
}
