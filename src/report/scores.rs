//! Figures of how well scores separate good from anomalous: histogram, ROC and PRO.

use plotters::prelude::*;

use super::numbers::{range, short};
use super::plot::{BLUE, Curve, Frame, INK, RED, SIZE, chart, figure, lines, words};
use crate::error::Result;
use crate::metrics::Evaluation;

/// Bars in the histogram.
const BINS: usize = 24;

/// Image scores of good and anomalous pictures, and the threshold.
pub(super) fn histogram(evaluation: &Evaluation) -> Result<String> {
    let pictures = &evaluation.pictures;
    let threshold = Some(evaluation.threshold).filter(|threshold| threshold.is_finite());
    let span = range(pictures.iter().map(|picture| picture.score).chain(threshold));
    let width = (span.end - span.start) / BINS as f64;
    let mut bins = [[0usize; BINS]; 2];
    for picture in pictures {
        let bin = (((picture.score - span.start) / width) as usize).min(BINS - 1);
        bins[usize::from(picture.defect.is_some())][bin] += 1;
    }
    let highest = bins.iter().flatten().copied().max().unwrap_or(0).max(1) as f64;
    let alt = format!(
        "Histogram of image scores: {} good and {} anomalous pictures, from {:.3} to {:.3}, threshold {:.3}",
        evaluation.counts.good, evaluation.counts.anomalous, span.start, span.end, evaluation.threshold
    );
    let key = SeriesLabelPosition::UpperRight;
    figure(&alt, SIZE, |area| {
        let frame = Frame {
            x: span.clone(),
            y: 0.0..highest * 1.3,
            x_words: "image score",
            y_words: "pictures",
            x_label: &|value| short(*value, (span.end - span.start) / 10.0),
            y_label: &|value| if value.fract() == 0.0 { format!("{value:.0}") } else { String::new() },
            x_ticks: 9,
        };
        let mut chart = chart(area, &frame)?;
        for (n, (name, color)) in [("good", BLUE), ("anomalous", RED)].into_iter().enumerate() {
            // Each bin shows both side by side, so that neither hides the other.
            let bar = |(bin, count): (usize, &usize)| {
                let left = span.start + (bin as f64 + 0.08 + 0.42 * n as f64) * width;
                Rectangle::new([(left, 0.0), (left + 0.42 * width, *count as f64)], color.filled())
            };
            let bars: Vec<_> = bins[n].iter().enumerate().filter(|(_, count)| **count > 0).map(bar).collect();
            chart
                .draw_series(bars)?
                .label(name)
                .legend(move |(x, y)| Rectangle::new([(x + 6, y - 5), (x + 18, y + 5)], color.filled()));
        }
        let mut threshold_line = Vec::new();
        if let Some(threshold) = threshold {
            let points = vec![(threshold, 0.0), (threshold, highest * 1.3)];
            threshold_line.push(Curve { name: "threshold".into(), color: INK, dash: Some(5), points });
        }
        lines(&mut chart, threshold_line, key)
    })
}

/// The ROC curves of pictures and of pixels; `None` if neither is defined.
pub(super) fn roc(evaluation: &Evaluation) -> Result<Option<String>> {
    let curves = &evaluation.curves;
    let mut drawn = Vec::new();
    for (n, name, curve, area) in [
        (0, "pictures", &curves.image_roc, evaluation.image_auroc),
        (1, "pixels", &curves.pixel_roc, evaluation.pixel_auroc),
    ] {
        if let Some(area) = area.filter(|_| !curve.is_empty()) {
            drawn.push(Curve::styled(n, &format!("{name} {area:.3}"), curve.clone()));
        }
    }
    if drawn.is_empty() {
        return Ok(None);
    }
    let names: Vec<_> = drawn.iter().map(|line| line.name.clone()).collect();
    let alt = format!("ROC curves; area under the curve: {}", names.join(", "));
    unit_square(&alt, "true positive rate", drawn, None).map(Some)
}

/// The PRO curve; `None` if it is not defined.
pub(super) fn pro(evaluation: &Evaluation) -> Result<Option<String>> {
    let Some(area) = evaluation.aupro.filter(|_| !evaluation.curves.pro.is_empty()) else { return Ok(None) };
    let limit = evaluation.aupro_fpr_limit;
    let alt = format!("PRO curve; normalized area up to a false positive rate of {limit}: {area:.3}");
    let curve = Curve::styled(0, &format!("AUPRO {area:.3}"), evaluation.curves.pro.clone());
    unit_square(&alt, "per-region overlap", vec![curve], Some(limit)).map(Some)
}

fn unit_square(alt: &str, y_words: &str, mut drawn: Vec<Curve>, limit: Option<f64>) -> Result<String> {
    let label = |value: &f64| short(*value, 0.1);
    let key = SeriesLabelPosition::LowerRight;
    figure(alt, SIZE, |area| {
        let frame = Frame {
            x: 0.0..1.0,
            y: 0.0..1.02,
            x_words: "false positive rate",
            y_words,
            x_label: &label,
            y_label: &label,
            x_ticks: 6,
        };
        let mut chart = chart(area, &frame)?;
        if let Some(limit) = limit {
            chart.draw_series([Rectangle::new([(0.0, 0.0), (limit, 1.02)], BLUE.mix(0.1).filled())])?;
            let place = (limit + 0.015, 0.09);
            chart.draw_series([Text::new(format!("counted up to {limit}"), place, words())])?;
        }
        let chance = vec![(0.0, 0.0), (1.0, 1.0)];
        drawn.push(Curve { name: String::new(), color: INK, dash: Some(2), points: chance });
        lines(&mut chart, drawn, key)
    })
}
