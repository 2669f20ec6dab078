//! Drawing with tiny-skia into layers of color, height and finish.

use super::field::{Field, SIZE};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, Stroke, Transform,
};

/// Heights are stored in 8 bits; this many pixels of height fill the range.
const TALLEST: f32 = 20.0;

/// The material of one shape.
#[derive(Clone, Copy)]
pub(super) struct Ink {
    /// Linear color, 0..1 per channel.
    pub(super) rgb: [f32; 3],
    /// Height of the top above the board, in pixels.
    pub(super) height: f32,
    /// 0 matte .. 1 glossy.
    pub(super) gloss: f32,
    /// 0 for plastics and lacquer .. 1 for bare metal.
    pub(super) metal: f32,
    /// Opacity.
    pub(super) alpha: f32,
}

impl Ink {
    pub(super) const fn matte(rgb: [f32; 3], height: f32) -> Self {
        Self { rgb, height, gloss: 0.1, metal: 0.0, alpha: 1.0 }
    }

    pub(super) const fn metal(rgb: [f32; 3], height: f32) -> Self {
        Self { rgb, height, gloss: 0.8, metal: 1.0, alpha: 1.0 }
    }
}

/// Two pictures drawn together: color, and height/gloss/metal.
pub(super) struct Layers {
    color: Pixmap,
    relief: Pixmap,
}

impl Layers {
    /// Layers covered with `ground`.
    pub(super) fn new(ground: Ink) -> Option<Self> {
        let mut color = Pixmap::new(SIZE as u32, SIZE as u32)?;
        let mut relief = Pixmap::new(SIZE as u32, SIZE as u32)?;
        color.fill(color_of(ground));
        relief.fill(relief_of(ground));
        Some(Self { color, relief })
    }

    /// Fills `path`, whose coordinates `place` maps to pixels.
    pub(super) fn fill(&mut self, path: &Path, place: Transform, ink: Ink) {
        for (layer, color) in [(&mut self.color, color_of(ink)), (&mut self.relief, relief_of(ink))] {
            let mut paint = Paint { anti_alias: true, ..Paint::default() };
            paint.set_color(color);
            layer.fill_path(path, &paint, FillRule::Winding, place, None);
        }
    }

    /// Draws along `path` with a round pen.
    pub(super) fn stroke(&mut self, path: &Path, width: f32, place: Transform, ink: Ink) {
        for (layer, color) in [(&mut self.color, color_of(ink)), (&mut self.relief, relief_of(ink))] {
            let mut paint = Paint { anti_alias: true, ..Paint::default() };
            paint.set_color(color);
            layer.stroke_path(path, &paint, &pen(width), place, None);
        }
    }

    /// The color, linear, at every pixel.
    pub(super) fn albedo(&self) -> Field<[f32; 3]> {
        let channel = |value: u8| (f32::from(value) / 255.0).powi(2);
        Field(
            self.color
                .pixels()
                .iter()
                .map(|p| [channel(p.red()), channel(p.green()), channel(p.blue())])
                .collect(),
        )
    }

    /// `[height in pixels, gloss, metal]` at every pixel.
    pub(super) fn relief(&self) -> Field<[f32; 3]> {
        Field(
            self.relief
                .pixels()
                .iter()
                .map(|p| {
                    let part = |value: u8| f32::from(value) / 255.0;
                    [TALLEST * part(p.red()), part(p.green()), part(p.blue())]
                })
                .collect(),
        )
    }
}

fn color_of(ink: Ink) -> Color {
    // The square root gives dark colors more of the 8 bits, as sRGB does.
    let [r, g, b] = ink.rgb.map(|channel| channel.clamp(0.0, 1.0).sqrt());
    Color::from_rgba(r, g, b, ink.alpha.clamp(0.0, 1.0)).unwrap_or(Color::BLACK)
}

fn relief_of(ink: Ink) -> Color {
    let height = (ink.height / TALLEST).clamp(0.0, 1.0);
    let alpha = ink.alpha.clamp(0.0, 1.0);
    Color::from_rgba(height, ink.gloss.clamp(0.0, 1.0), ink.metal.clamp(0.0, 1.0), alpha)
        .unwrap_or(Color::BLACK)
}

pub(super) fn pen(width: f32) -> Stroke {
    Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() }
}

/// An open path through the points; `None` for fewer than two.
pub(super) fn polyline(points: &[[f32; 2]]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, &[x, y]) in points.iter().enumerate() {
        if index == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    path.finish()
}

/// How much of every pixel a pen of this width covers when it draws along the points, 0..1.
pub(super) fn coverage(points: &[[f32; 2]], width: f32) -> Field<f32> {
    let drawn = polyline(points).and_then(|path| path.stroke(&pen(width), 1.0)).and_then(|outline| {
        let mut mask = Mask::new(SIZE as u32, SIZE as u32)?;
        mask.fill_path(&outline, FillRule::Winding, true, Transform::identity());
        Some(Field(mask.data().iter().map(|&value| f32::from(value) / 255.0).collect()))
    });
    drawn.unwrap_or_else(|| Field::filled(0.0))
}
