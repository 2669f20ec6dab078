//! The stress report as a table for a terminal.

use super::{Row, Stress};
use crate::metrics::write_table;
use std::fmt;

/// The column headings of a stress table.
pub const HEAD: [&str; 6] = ["pictures", "false alarms", "rate", "found", "lost recall", "image AUROC"];

/// A row's cells, in the order of [`HEAD`].
pub fn cells(row: &Row, of: &Stress) -> [String; 6] {
    let percent = |share: Option<f64>| share.map_or("-".into(), |share| format!("{:.1} %", 100.0 * share));
    [
        row.words.clone(),
        format!("{} of {}", row.false_alarms, of.good),
        percent(row.false_alarm_rate),
        format!("{} of {}", row.found, of.anomalous),
        // Rounding may leave a negative zero.
        percent(row.lost_recall.map(|lost| lost + 0.0)),
        row.image_auroc.map_or("-".into(), |auroc| format!("{auroc:.3}")),
    ]
}

impl fmt::Display for Stress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} good and {} anomalous pictures, threshold {:.4}, {}",
            self.name,
            self.good,
            self.anomalous,
            self.threshold.value,
            self.threshold.statement()
        )?;
        let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
        rows.extend(self.rows.iter().map(|row| cells(row, self).to_vec()));
        write_table(f, &rows)
    }
}
