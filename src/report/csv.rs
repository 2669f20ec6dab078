//! Evaluations as CSV.

use std::path::Path;

use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::metrics::Evaluation;

const HEAD: [&str; 20] = [
    "data_set",
    "defect",
    "pictures",
    "good",
    "detected",
    "image_auroc",
    "pixel_auroc",
    "aupro",
    "pro_rd",
    "pixel_ap",
    "image_f1_max",
    "pixel_f1_max",
    "image_ap",
    "accuracy",
    "true_positive_rate",
    "false_positive_rate",
    "with_masks",
    "threshold",
    "threshold_method",
    "selection",
];

/// A text as a cell of a table. A text that a spreadsheet would take for a formula gets a leading apostrophe,
/// since names of files and folders cannot be trusted.
pub fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

/// Whether a file that begins with `head` is a table that [`write_csv`] wrote.
pub fn is_own_csv(head: &[u8]) -> bool {
    head.starts_with(HEAD.join(",").as_bytes())
}

/// Writes a row per data set (its `defect` is "all") and a row per kind of defect. `pictures` counts anomalous
/// ones; undefined metrics are empty.
///
/// # Errors
/// When the file cannot be written.
pub fn write_csv(path: &Path, evaluations: &[Evaluation]) -> Result<()> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let rows = std::iter::once(HEAD.map(str::to_owned)).chain(evaluations.iter().flat_map(rows));
    for row in rows {
        writer.write_record(&row).map_err(|error| Error::io(path, error.into()))?;
    }
    let bytes = writer.into_inner().map_err(|error| Error::io(path, error.into_error()))?;
    write_atomically(path, &bytes)
}

fn rows(of: &Evaluation) -> Vec<[String; 20]> {
    let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    let detected: usize = of.defects.iter().map(|defect| defect.detected).sum();
    let (threshold, selection) = (of.threshold.to_string(), of.selection.to_string());
    let good = of.counts.good.to_string();
    let all = [
        cell(&of.name),
        "all".into(),
        of.counts.anomalous.to_string(),
        good.clone(),
        detected.to_string(),
        number(of.image_auroc),
        number(of.pixel_auroc),
        number(of.aupro),
        number(of.pro_rd),
        number(of.pixel_ap),
        number(of.image_f1_max),
        number(of.pixel_f1_max),
        number(of.image_ap),
        number(of.accuracy),
        number(of.true_positive_rate),
        number(of.false_positive_rate),
        of.counts.with_masks.to_string(),
        threshold.clone(),
        cell(&of.threshold_method),
        selection.clone(),
    ];
    let per_kind = of.defects.iter().map(|defect| {
        let mut row = [const { String::new() }; 20];
        row[0] = cell(&of.name);
        row[1] = cell(&defect.kind);
        row[2] = defect.count.to_string();
        row[3] = good.clone();
        row[4] = defect.detected.to_string();
        row[5] = number(defect.image_auroc);
        row[6] = number(defect.pixel_auroc);
        row[7] = number(defect.aupro);
        row[8] = number(defect.pro_rd);
        row[14] = number((defect.count > 0).then(|| defect.detected as f64 / defect.count as f64));
        row[17] = threshold.clone();
        row[18] = cell(&of.threshold_method);
        row[19] = selection.clone();
        row
    });
    std::iter::once(all).chain(per_kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_a_formula() {
        for text in ["=1+1", "+a", "-a", "@a", "\ta", "\ra"] {
            assert_eq!(cell(text), format!("'{text}"));
        }
        assert_eq!([cell("a=b"), cell("")], ["a=b", ""]);
    }
}
