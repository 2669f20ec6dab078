//! The intermediate maps of one picture, level by level, from the teacher to the discrepancy.

use maud::{Markup, html};

use super::inline::{cells, photograph};
use super::input::{LevelPanels, Levels};
use crate::error::Result;
use crate::picture::ScoreMap;

/// A row of panels per level.
pub(super) fn section(of: &Levels) -> Result<Markup> {
    let rows =
        of.levels.iter().enumerate().map(|(n, level)| row(n + 1, level)).collect::<Result<Vec<_>>>()?;
    Ok(html! {
        figure.subject {
            (photograph(&of.picture, &format!("The picture {}", of.name))?)
            figcaption { (of.name) }
        }
        @for row in &rows { (row) }
        p.note {
            "Features are averaged over their channels; advanced means the teacher after amplification. Teacher, \
             advanced and student of a level share one color scale; the gate and the discrepancy (a cosine distance) \
             are shown from 0 to 1, the residual from 0 to its largest value. Dark is low, bright is high."
        }
    })
}

fn row(number: usize, level: &LevelPanels) -> Result<Markup> {
    let features = span([&level.teacher, &level.advanced, &level.student]);
    let residual = (0.0, span([&level.residual]).1);
    let panels = [
        ("teacher", &level.teacher, features),
        ("gate", &level.gate, (0.0, 1.0)),
        ("residual", &level.residual, residual),
        ("advanced", &level.advanced, features),
        ("student", &level.student, features),
        ("discrepancy", &level.discrepancy, (0.0, 1.0)),
    ];
    let panel = |(name, map, (low, high)): (&str, &ScoreMap, (f32, f32))| -> Result<Markup> {
        let alt = format!("Level {number}: {name}, from {low:.2} (dark) to {high:.2} (bright)");
        Ok(html! {
            figure {
                (cells(map, low, high, &alt)?)
                figcaption { (name) br; span.faint { (format!("{low:.2} to {high:.2}")) } }
            }
        })
    };
    let panels = panels.into_iter().map(panel).collect::<Result<Vec<_>>>()?;
    let size = (level.teacher.width, level.teacher.height);
    Ok(html! {
        p.level { b { "Level " (number) } span.faint { " " (size.0) " x " (size.1) } }
        div.panels { @for panel in &panels { (panel) } }
    })
}

/// The lowest and the highest finite value of several maps.
fn span<const N: usize>(maps: [&ScoreMap; N]) -> (f32, f32) {
    let values = maps.into_iter().flat_map(|map| map.data.iter().copied()).filter(|value| value.is_finite());
    let (low, high) =
        values.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high { (0.0, 1.0) } else { (low, high) }
}
