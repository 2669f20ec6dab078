//! The stress report as a page: a table, and a figure for each kind of change.

use super::page::document;
use super::plot::{Curve, Frame, SIZE, chart, figure, lines};
use crate::Result;
use crate::files::write_atomically;
use crate::perturbation::Perturbation;
use crate::stress::{HEAD, Row, Stress, cells};
use maud::{Markup, PreEscaped, html};
use plotters::prelude::SeriesLabelPosition;
use std::path::Path;

/// Writes a stress report as one self-contained HTML file.
///
/// # Errors
/// A figure cannot be drawn, or the file cannot be written; then nothing is left behind.
pub fn write_stress(path: &Path, of: &Stress) -> Result<()> {
    let title = format!("{}: verdicts under changes", of.name);
    let figures =
        Perturbation::ALL.into_iter().filter(|kind| of.rows.iter().any(|r| r.change == Some(*kind)));
    let figures = figures.map(|kind| Ok((kind, draw(of, kind)?))).collect::<Result<Vec<_>>>()?;
    let body = html! {
        header {
            h1 { (title) }
            p.lead { (sentence(of)) }
        }
        main {
            h2 { "Every change" }
            (table(of))
            p.note {
                "Threshold " (format!("{:.4}", of.threshold.value)) ": " (of.threshold.method) "; "
                (of.threshold.statement()) ". That holds for pictures taken like those it rests on; the changes were \
                 made in the test pictures at their own size. Lost recall is against the pictures as they are."
            }
            h2 { "By kind" }
            div.plots {
                @for (kind, svg) in &figures {
                    figure { (PreEscaped(svg)) figcaption { b { (kind) } ". " (words(*kind)) } }
                }
            }
        }
    };
    write_atomically(path, document(&title, &body).as_bytes())
}

/// The change with the worst effect, in a sentence.
fn sentence(of: &Stress) -> String {
    let alarms = |row: &&Row| row.false_alarms;
    let lost = |row: &&Row| of.rows[0].found.saturating_sub(row.found);
    let clean = &of.rows[0];
    let mut sentence = format!(
        "Of {} good pictures {} are called anomalous as they are, of {} anomalous ones {} are found",
        of.good, clean.false_alarms, of.anomalous, clean.found
    );
    if let Some(worst) =
        of.rows.iter().skip(1).max_by_key(alarms).filter(|r| r.false_alarms > clean.false_alarms)
    {
        sentence += &format!("; most false alarms come from {} ({})", worst.words, worst.false_alarms);
    }
    if let Some(worst) = of.rows.iter().skip(1).max_by_key(lost).filter(|row| row.found < clean.found) {
        sentence += &format!("; most defects are lost by {} ({} found)", worst.words, worst.found);
    }
    sentence + "."
}

fn words(kind: Perturbation) -> &'static str {
    match kind {
        Perturbation::Lighting => "All values times 1 + level.",
        Perturbation::Contrast => "Distances from the mean times 1 + level.",
        Perturbation::Blur => "Gaussian, its deviation in pixels of a side of 256.",
        Perturbation::Noise => "Normal, its deviation as a share of white.",
        Perturbation::Jpeg => "Stored with this quality; 100 stands for the pictures as they are.",
        Perturbation::Shift => "In any direction, as a share of the side.",
        Perturbation::Rotation => "About the center, in degrees.",
    }
}

fn table(of: &Stress) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { @for head in HEAD { th scope="col" { (head) } } } }
                tbody {
                    @for row in &of.rows {
                        @let [first, rest @ ..] = cells(row, of);
                        tr { th scope="row" { (first) } @for cell in rest { td { (cell) } } }
                    }
                }
            }
        }
    }
}

/// False alarms and missed defects over the level of one kind of change, including the unchanged pictures.
fn draw(of: &Stress, kind: Perturbation) -> Result<String> {
    let level = |row: &Row| match row.change {
        None => kind.none(),
        Some(_) => row.level,
    };
    let mut rows: Vec<&Row> = of.rows.iter().filter(|r| r.change.is_none_or(|c| c == kind)).collect();
    rows.sort_by(|a, b| level(a).total_cmp(&level(b)));
    let points = |share: &dyn Fn(&Row) -> Option<f64>| -> Vec<(f64, f64)> {
        rows.iter().filter_map(|row| Some((level(row), share(row)?))).collect()
    };
    let alarms = points(&|row| row.false_alarm_rate);
    let missed = points(&|row| row.recall.map(|recall| 1.0 - recall));
    let (first, last) = (rows.first().map_or(0.0, |r| level(r)), rows.last().map_or(1.0, |r| level(r)));
    let percent = |share: &f64| format!("{:.0} %", 100.0 * share);
    let label = |value: &f64| match kind {
        Perturbation::Lighting | Perturbation::Contrast | Perturbation::Noise | Perturbation::Shift => {
            format!("{:.0} %", 100.0 * value)
        }
        Perturbation::Jpeg => format!("{value:.0}"),
        Perturbation::Blur | Perturbation::Rotation => format!("{value:.1}"),
    };
    let alt = format!("False alarms and missed defects over {kind}");
    figure(&alt, SIZE, |area| {
        let frame = Frame {
            x: first..last,
            y: 0.0..1.0,
            x_words: kind.name(),
            y_words: "share",
            x_label: &label,
            y_label: &percent,
            x_ticks: 5,
        };
        let mut chart = chart(area, &frame)?;
        let drawn = vec![Curve::styled(0, "false alarms", alarms), Curve::styled(1, "missed", missed)];
        lines(&mut chart, drawn, SeriesLabelPosition::UpperMiddle)
    })
}
