//! Figures of the training: losses of both stages, and the residual intensity of the paper's Fig. 8.

use std::path::Path;

use plotters::prelude::*;

use super::numbers::{range, short, significant};
use super::plot::{Area, Curve, Drawn, Frame, SIZE, chart, figure, lines, words};
use crate::error::Result;
use crate::files::write_atomically;
use crate::model::{AmplifyRecord, DistillRecord, History};

/// Losses that span more than this are drawn on a logarithmic axis.
const LOGARITHMIC: f64 = 30.0;

/// The description within the picture.
const ALT: &str = "Training losses of both stages";

/// Draws the losses of both stages, one below the other, into an SVG file beside the model.
///
/// # Errors
/// When the file cannot be written.
pub fn training_picture(path: &Path, history: &History) -> Result<()> {
    let (width, height) = (SIZE.0 * 3 / 2, SIZE.1 * 3 / 2);
    let svg = figure(ALT, (width, 2 * height), |area| {
        area.fill(&WHITE)?;
        let (upper, lower) = area.split_vertically(height);
        for (area, title, drawn) in [
            (upper, "Stage 1: residual anomaly amplification", stage1_lines(&history.amplify)),
            (lower, "Stage 2: normality distillation", stage2_lines(&history.distill)),
        ] {
            draw(&area.titled(title, ("sans-serif", 16))?, "loss", drawn, true)?;
        }
        Ok(())
    })?;
    // A picture of its own has no page to inherit a color from.
    write_atomically(path, svg.replace("currentColor", "#222222").as_bytes())
}

/// Whether a file that begins with `head` is a picture that [`training_picture`] drew.
pub fn is_own_picture(head: &[u8]) -> bool {
    head.windows(ALT.len()).any(|part| part == ALT.as_bytes())
}

/// The losses of stage 1; `None` without epochs.
pub(super) fn stage1(epochs: &[AmplifyRecord]) -> Result<Option<String>> {
    losses("Losses of stage 1 per epoch", stage1_lines(epochs))
}

/// The losses of stage 2; `None` without epochs.
pub(super) fn stage2(epochs: &[DistillRecord]) -> Result<Option<String>> {
    losses("Losses of stage 2 per epoch", stage2_lines(epochs))
}

/// Residual intensity on normal and anomalous patches per epoch (Fig. 8); `None` without epochs.
pub(super) fn residuals(epochs: &[AmplifyRecord]) -> Result<Option<String>> {
    let of = |name, n, value: fn(&AmplifyRecord) -> f64| {
        line(n, name, epochs.iter().map(|epoch| (epoch.epoch, value(epoch))))
    };
    let drawn = vec![
        of("normal patches", 0, |epoch| epoch.residual_normal),
        of("anomalous patches", 1, |epoch| epoch.residual_anomalous),
    ];
    if drawn.iter().all(|line| line.points.is_empty()) {
        return Ok(None);
    }
    let last = |line: &Curve| line.points.last().map_or(f64::NAN, |point| point.1);
    let (normal, anomalous) = (last(&drawn[0]), last(&drawn[1]));
    let alt = format!(
        "Residual intensity per epoch of stage 1; at the end {normal:.3} on normal patches and {anomalous:.3} on \
         anomalous ones"
    );
    figure(&alt, SIZE, |area| draw(area, "residual intensity", drawn, false)).map(Some)
}

fn stage1_lines(epochs: &[AmplifyRecord]) -> Vec<Curve> {
    vec![
        line(0, "focal", epochs.iter().map(|epoch| (epoch.epoch, epoch.focal))),
        line(1, "amplification", epochs.iter().map(|epoch| (epoch.epoch, epoch.amplification))),
    ]
}

fn stage2_lines(epochs: &[DistillRecord]) -> Vec<Curve> {
    vec![
        line(0, "KD + HKD", epochs.iter().map(|epoch| (epoch.epoch, epoch.kd + epoch.hkd))),
        line(1, "HKD", epochs.iter().map(|epoch| (epoch.epoch, epoch.hkd))),
        line(2, "KD", epochs.iter().map(|epoch| (epoch.epoch, epoch.kd))),
    ]
}

fn line(n: usize, name: &str, points: impl Iterator<Item = (usize, f64)>) -> Curve {
    let points = points.filter(|(_, value)| value.is_finite()).map(|(epoch, value)| (epoch as f64, value));
    Curve::styled(n, name, points.collect())
}

fn losses(alt: &str, drawn: Vec<Curve>) -> Result<Option<String>> {
    if drawn.iter().all(|line| line.points.is_empty()) {
        return Ok(None);
    }
    figure(alt, SIZE, |area| draw(area, "loss", drawn, true)).map(Some)
}

/// Lines over epochs, on a logarithmic axis if that is allowed and helps.
fn draw(area: &Area, y_words: &str, mut drawn: Vec<Curve>, may_be_logarithmic: bool) -> Drawn {
    let values: Vec<f64> = drawn.iter().flat_map(|line| &line.points).map(|point| point.1).collect();
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let logarithmic = may_be_logarithmic && lowest > 0.0 && highest > LOGARITHMIC * lowest;
    if logarithmic {
        for point in drawn.iter_mut().flat_map(|line| &mut line.points) {
            point.1 = point.1.log10();
        }
    }
    let mut x = range(drawn.iter().flat_map(|line| &line.points).map(|point| point.0));
    if x.end - x.start < 2.0 {
        x = x.start - 1.0..x.end + 1.0; // a single epoch: a dot in the middle
    }
    let mut y = range(drawn.iter().flat_map(|line| &line.points).map(|point| point.1));
    if !logarithmic && lowest >= 0.0 {
        y.start = 0.0;
    }
    let margin = 0.28 * (y.end - y.start); // space for the key
    y.end += margin;
    let step = (y.end - y.start) / 6.0;
    let y_label = |value: &f64| {
        if logarithmic { significant(10f64.powf(*value)) } else { short(*value, step) }
    };
    let key = SeriesLabelPosition::UpperRight;
    let frame = Frame {
        x,
        y,
        x_words: "epoch",
        y_words,
        x_label: &|value| if value.fract() == 0.0 { format!("{value:.0}") } else { String::new() },
        y_label: &y_label,
        x_ticks: 8,
    };
    if values.is_empty() {
        area.draw(&Text::new("no epochs yet", (70, 60), words()))?;
        return Ok(());
    }
    let mut chart = chart(area, &frame)?;
    lines(&mut chart, drawn, key)
}
