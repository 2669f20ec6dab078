//! Evaluations as aligned tables for a terminal.

use std::fmt::{self, Display};

use super::INTERVAL_CONFIDENCE;
use super::evaluation::Evaluation;
use super::meters::mean;

/// Three decimals, or a dash if the metric is not defined.
pub(crate) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

impl Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, counts) = (self, &self.counts);
        writeln!(f, "{}: {} good and {} anomalous pictures", all.name, counts.good, counts.anomalous)?;
        if counts.anomalous > counts.with_masks {
            let with = match counts.with_masks {
                0 => "no masks, so no pixel metrics".to_owned(),
                n => format!("pixel metrics are of the {n} anomalous pictures with masks and the good ones"),
            };
            writeln!(f, "{with}")?;
        }
        writeln!(f, "weights: {}", selection(all))?;
        writeln!(f)?;
        let mut rows = vec![row(["metric", "image", "pixel"])];
        rows.push(["AUROC".into(), number(all.image_auroc), number(all.pixel_auroc)].into());
        rows.push(["AP".into(), number(all.image_ap), number(all.pixel_ap)].into());
        rows.push(["F1-max".into(), number(all.image_f1_max), number(all.pixel_f1_max)].into());
        rows.push(["AUPRO".into(), String::new(), number(all.aupro)].into());
        rows.push(["PRO-RD".into(), String::new(), number(all.pro_rd)].into());
        write_table(f, &rows)?;
        writeln!(f, "\n")?;
        writeln!(f, "threshold {:.4} ({})", all.threshold, all.threshold_method)?;
        let found = [
            ("right", all.accuracy),
            ("anomalous found", all.true_positive_rate),
            ("good rejected", all.false_positive_rate),
        ];
        let found: Vec<_> = found.iter().map(|(what, share)| format!("{what} {}", percent(*share))).collect();
        writeln!(f, "{}", found.join(", "))?;
        writeln!(f, "{}", promise(all))?;
        write!(
            f,
            "PG2 {} (good sorted out at 2 % missed), PB2 {} (missed at 2 % of the good sorted out)",
            percent(all.pg2),
            percent(all.pb2)
        )?;
        if !all.defects.is_empty() {
            let head = ["defect", "pictures", "found", "image AUROC", "pixel AUROC", "AUPRO", "PRO-RD"];
            let mut rows = vec![row(head)];
            rows.extend(all.defects.iter().map(|defect| {
                let numbers =
                    [defect.image_auroc, defect.pixel_auroc, defect.aupro, defect.pro_rd].map(number);
                let counts = [defect.kind.clone(), defect.count.to_string(), defect.detected.to_string()];
                counts.into_iter().chain(numbers).collect()
            }));
            writeln!(f, "\n")?;
            write_table(f, &rows)?;
        }
        Ok(())
    }
}

/// One row per data set and, if there are several, their unweighted mean, as in papers' tables. If a metric is not
/// defined for all of them, the mean says over how many it is.
pub fn summary(evaluations: &[Evaluation]) -> impl Display + '_ {
    struct Summary<'a>(&'a [Evaluation]);
    impl Display for Summary<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let head = [
                "data set",
                "good",
                "anomalous",
                "image AUROC",
                "pixel AUROC",
                "AUPRO",
                "PRO-RD",
                "pixel AP",
            ];
            let metrics =
                |of: &Evaluation| [of.image_auroc, of.pixel_auroc, of.aupro, of.pro_rd, of.pixel_ap];
            let mut rows = vec![row(head)];
            for of in self.0 {
                let counts = [of.name.clone(), of.counts.good.to_string(), of.counts.anomalous.to_string()];
                rows.push(counts.into_iter().chain(metrics(of).map(number)).collect());
            }
            if self.0.len() > 1 {
                let all = self.0.len();
                let column = |n: usize| {
                    let defined: Vec<f64> = self.0.iter().filter_map(|of| metrics(of)[n]).collect();
                    let over = match defined.len() {
                        0 => String::new(),
                        count if count == all => String::new(),
                        count => format!(" (of {count})"),
                    };
                    number(mean(defined.into_iter())) + &over
                };
                let counts = [format!("mean of {all}"), String::new(), String::new()];
                rows.push(counts.into_iter().chain((0..5).map(column)).collect());
            }
            write_table(f, &rows)
        }
    }
    Summary(evaluations)
}

/// Which weights were measured, in words that disclose a selection on test data.
pub(crate) fn selection(of: &Evaluation) -> &'static str {
    match of.selection {
        super::Selection::LastEpoch => "last epoch (test pictures were not used in training)",
        super::Selection::Test => "best epoch on these test pictures, so the numbers are optimistic",
    }
}

/// One line with the false-alarm rate that the threshold states and the measured one.
pub(crate) fn promise(of: &Evaluation) -> String {
    let stated = match (of.stated_false_positive_rate, of.stated_confidence) {
        (Some(rate), Some(sure)) => format!("stated at most {} ({} sure)", percent(Some(rate)), whole(sure)),
        _ => "none stated".to_owned(),
    };
    let measured = match (of.false_positive_rate, of.false_positive_interval) {
        (Some(rate), Some([low, high])) => format!(
            "measured {} of {} good pictures (true rate {} to {}, {} sure)",
            percent(Some(rate)),
            of.counts.good,
            percent(Some(low)),
            percent(Some(high)),
            whole(INTERVAL_CONFIDENCE),
        ),
        _ => "no good pictures to measure on".to_owned(),
    };
    format!("false alarms: {stated}; {measured}")
}

fn whole(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", 100.0 * share))
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}

/// The first column to the left, the others to the right, a rule below the head.
pub(crate) fn write_table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |n: usize| rows.iter().map(|row| row[n].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (n, row) in rows.iter().enumerate() {
        let mut line = format!("{:<1$}", row[0], widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            line.push_str(&format!("  {cell:>width$}"));
        }
        if n > 0 {
            writeln!(f)?;
        }
        write!(f, "{}", line.trim_end())?;
        if n == 0 {
            write!(f, "\n{}", "-".repeat(widths.iter().sum::<usize>() + 2 * (columns - 1)))?;
        }
    }
    Ok(())
}
