//! What all figures share: colors that work on light and dark backgrounds, axes, lines with a key, SVG for a
//! page.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use crate::error::{Error, Result};

/// Replaced by `currentColor`, so that axes and words follow the page's light or dark theme.
pub(super) const INK: RGBColor = RGBColor(1, 1, 1);
/// Good pictures, normal patches. Color-blind people can distinguish this and the next two colors, which have
/// enough contrast on white and on near-black.
pub(super) const BLUE: RGBColor = RGBColor(0x2b, 0x83, 0xc6);
/// Anomalous pictures and patches.
pub(super) const RED: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
/// A third series.
pub(super) const GREEN: RGBColor = RGBColor(0x0b, 0x96, 0x6e);

/// The area to draw on.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What a drawing returns.
pub(super) type Drawn = std::result::Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// Size of most figures; small, so that words stay legible when a phone shrinks them.
pub(super) const SIZE: (u32, u32) = (440, 290);

/// The style of words in a figure.
pub(super) fn words() -> TextStyle<'static> {
    ("sans-serif", 16).into_font().color(&INK)
}

/// A figure as SVG. `alt` describes it.
pub(super) fn figure(alt: &str, size: (u32, u32), draw: impl FnOnce(&Area) -> Drawn) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area)
            .and_then(|()| area.present())
            .map_err(|error| Error::Setting(format!("a figure of the report could not be drawn: {error}")))?;
    }
    let escaped = alt.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let head = format!("<svg role=\"img\" aria-label=\"{escaped}\" ");
    Ok(svg.replacen("<svg ", &head, 1).replace("\"#010101\"", "\"currentColor\""))
}

/// One line of a chart.
pub(super) struct Curve {
    /// The name in the key; empty if not in the key.
    pub name: String,
    pub color: RGBColor,
    /// Length of its dashes; solid if `None`. So lines can be distinguished without color too.
    pub dash: Option<u32>,
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    /// A line of the n-th style.
    pub fn styled(n: usize, name: &str, points: Vec<(f64, f64)>) -> Self {
        let (color, dash) = [(BLUE, None), (RED, Some(7)), (GREEN, Some(2))][n % 3];
        Self { name: name.to_owned(), color, dash, points }
    }
}

/// A chart's frame.
pub(super) struct Frame<'a> {
    pub x: Range<f64>,
    pub y: Range<f64>,
    pub x_words: &'a str,
    pub y_words: &'a str,
    pub x_label: &'a dyn Fn(&f64) -> String,
    pub y_label: &'a dyn Fn(&f64) -> String,
    pub x_ticks: usize,
}

/// The coordinates of a chart with two plain axes.
pub(super) type Plane =
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>;

/// Draws the frame of a chart.
pub(super) fn chart<'a, 'b>(
    area: &'a Area<'b>,
    frame: &Frame,
) -> std::result::Result<ChartContext<'a, SVGBackend<'b>, Plane>, DrawingAreaErrorKind<std::io::Error>> {
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .margin_right(14)
        .x_label_area_size(44)
        .y_label_area_size(62)
        .build_cartesian_2d(frame.x.clone(), frame.y.clone())?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.13))
        .axis_style(INK.mix(0.5))
        .label_style(words())
        .axis_desc_style(words())
        .x_desc(frame.x_words)
        .y_desc(frame.y_words)
        .x_labels(frame.x_ticks)
        .y_labels(6)
        .x_label_formatter(frame.x_label)
        .y_label_formatter(frame.y_label)
        .draw()?;
    Ok(chart)
}

/// Draws lines and their key into a chart.
pub(super) fn lines<'a, 'b: 'a>(
    chart: &mut ChartContext<'a, SVGBackend<'b>, Plane>,
    lines: Vec<Curve>,
    key: SeriesLabelPosition,
) -> Drawn {
    let named = lines.iter().any(|line| !line.name.is_empty());
    for Curve { name, color, dash, points } in lines {
        let style = color.stroke_width(2);
        let single = points.len() == 1;
        if let (true, Some(point)) = (single, points.first()) {
            chart.draw_series([Circle::new(*point, 3, color.filled())])?;
        }
        let series = match dash {
            None => chart.draw_series(LineSeries::new(points, style))?,
            Some(dash) => chart.draw_series(DashedLineSeries::new(points, dash, 4, style))?,
        };
        if !name.is_empty() {
            // A dash longer than the key's sample is drawn as a solid line.
            let dash = dash.unwrap_or(100);
            series
                .label(name)
                .legend(move |(x, y)| DashedPathElement::new([(x, y), (x + 22, y)], dash, 4, style));
        }
    }
    if named {
        chart
            .configure_series_labels()
            .position(key)
            .legend_area_size(28)
            .label_font(words())
            .background_style(TRANSPARENT)
            .border_style(TRANSPARENT)
            .draw()?;
    }
    Ok(())
}
