//! The parts on the circuit board: bodies, terminals, solder, markings.

use super::board::{FACE, Seat};
use super::glyphs::{ADVANCE, text};
use super::layers::{Ink, Layers};
use super::layout::{Component, Kind};
use tiny_skia::{Path, PathBuilder, Rect, Transform};

const TIN: [f32; 3] = [0.60, 0.60, 0.58];
const MARK: [f32; 3] = [0.55, 0.55, 0.52];

/// A rectangle with rounded corners.
pub(super) fn rounded(rect: Rect, radius: f32) -> Option<Path> {
    let (l, t, r, b) = (rect.left(), rect.top(), rect.right(), rect.bottom());
    let q = radius.min(0.5 * rect.width()).min(0.5 * rect.height());
    let mut path = PathBuilder::new();
    path.move_to(l + q, t);
    path.line_to(r - q, t);
    path.quad_to(r, t, r, t + q);
    path.line_to(r, b - q);
    path.quad_to(r, b, r - q, b);
    path.line_to(l + q, b);
    path.quad_to(l, b, l, b - q);
    path.line_to(l, t + q);
    path.quad_to(l, t, l + q, t);
    path.close();
    path.finish()
}

/// A box centered at `at` with bevelled top edges: nested shapes, each a little higher.
fn block(
    layers: &mut Layers,
    place: Transform,
    at: [f32; 2],
    half: [f32; 2],
    radius: f32,
    ink: Ink,
) -> Option<()> {
    for (inset, drop) in [(0.0, 0.45), (0.6, 0.2), (1.2, 0.0)] {
        let (w, h) = (half[0] - inset, half[1] - inset);
        let rect = Rect::from_ltrb(at[0] - w, at[1] - h, at[0] + w, at[1] + h)?;
        let height = FACE + (ink.height - FACE) * (1.0 - drop);
        layers.fill(&rounded(rect, radius)?, place, Ink { height, ..ink });
    }
    Some(())
}

/// A dome of bare metal: nested ellipses along a circular arc.
pub(super) fn dome(
    layers: &mut Layers,
    place: Transform,
    at: [f32; 2],
    radii: [f32; 2],
    foot: f32,
    rise: f32,
    metal: [f32; 3],
) -> Option<()> {
    for step in 0..6 {
        let part = 1.0 - step as f32 / 6.0;
        let (rx, ry) = (radii[0] * part, radii[1] * part);
        let oval = PathBuilder::from_oval(Rect::from_ltrb(at[0] - rx, at[1] - ry, at[0] + rx, at[1] + ry)?)?;
        let height = foot + rise * (0.15 + 0.85 * (1.0 - part * part).sqrt());
        layers.fill(&oval, place, Ink::metal(metal, height));
    }
    Some(())
}

/// A part's pads: center and half size, in the part's own axes.
fn pads(kind: Kind) -> Vec<([f32; 2], [f32; 2])> {
    match kind {
        Kind::Chip => (0..14)
            .map(|pin| {
                let side = if pin < 7 { -1.0 } else { 1.0 };
                ([26.0 * side, -24.0 + 8.0 * (pin % 7) as f32], [5.6, 2.5])
            })
            .collect(),
        Kind::Resistor | Kind::Ceramic | Kind::Diode => {
            [-1.0, 1.0].map(|side| ([8.6 * side, 0.0], [4.2, 5.2])).to_vec()
        }
        Kind::Can => [-1.0, 1.0].map(|side| ([14.5 * side, 0.0], [5.5, 4.0])).to_vec(),
        Kind::Crystal => [-1.0, 1.0].map(|side| ([20.0 * side, 0.0], [4.5, 4.5])).to_vec(),
        Kind::Regulator => {
            [([-8.0, -8.0], [3.0, 3.6]), ([8.0, -8.0], [3.0, 3.6]), ([0.0, 9.0], [3.0, 3.6])].to_vec()
        }
    }
}

/// Draws the pads with their solder and, when it is `present`, the part itself.
pub(super) fn place(
    layers: &mut Layers,
    board: Transform,
    part: &Component,
    seat: &Seat,
    present: bool,
) -> Option<()> {
    let [x, y] = part.at;
    let quarter = if part.upright { 90.0 } else { 0.0 };
    let fixed = board.pre_translate(x, y).pre_rotate(quarter);
    let [dx, dy] = seat.shift;
    let loose = board.pre_translate(x + dx, y + dy).pre_rotate(quarter + seat.turn);
    for (at, half) in pads(part.kind) {
        let rect = Rect::from_ltrb(at[0] - half[0], at[1] - half[1], at[0] + half[0], at[1] + half[1])?;
        layers.fill(&rounded(rect, 1.0)?, fixed, Ink::metal(TIN, FACE + 0.5));
        let rise = if present { 1.6 } else { 1.0 } * seat.solder;
        let radii = [half[0] * 0.92, half[1] * 0.92];
        dome(layers, fixed, at, radii, FACE + 0.5, rise, TIN)?;
    }
    if present { body(layers, loose, part.kind, seat) } else { Some(()) }
}

fn body(layers: &mut Layers, place: Transform, kind: Kind, seat: &Seat) -> Option<()> {
    let shaded = |rgb: [f32; 3]| rgb.map(|channel| channel * seat.shade);
    let plastic = |rgb, height| Ink { gloss: 0.25, ..Ink::matte(shaded(rgb), FACE + height) };
    let write = |layers: &mut Layers, words: &str, middle: [f32; 2], height: f32, pen: f32, ink: Ink| {
        let left = middle[0] - 0.5 * (ADVANCE * words.len() as f32 - 1.6) * height / 6.0;
        let path = text(words, left, middle[1] - 0.5 * height, height)?;
        layers.stroke(&path, pen, place, ink);
        Some(())
    };
    match kind {
        Kind::Chip => {
            for (at, _) in pads(kind) {
                let side = at[0].signum();
                block(layers, place, [21.0 * side, at[1]], [5.5, 1.5], 0.6, Ink::metal(TIN, FACE + 3.0))?;
            }
            let black = plastic([0.022, 0.022, 0.024], 7.5);
            block(layers, place, [0.0, 0.0], [18.5, 31.0], 1.2, black)?;
            let notch = PathBuilder::from_circle(-13.0, -25.5, 2.2)?;
            layers.fill(&notch, place, Ink { height: FACE + 6.9, ..black });
            let laser = Ink { alpha: 0.75, ..Ink::matte(MARK, FACE + 7.5) };
            write(layers, "ND07", [0.5, -9.0], 7.0, 1.1, laser)?;
            write(layers, "2241", [0.5, 4.0], 7.0, 1.1, laser)
        }
        Kind::Resistor => {
            block(layers, place, [0.0, 0.0], [9.5, 5.0], 0.6, Ink::metal(TIN, FACE + 3.2))?;
            let black = plastic([0.018, 0.018, 0.020], 3.5);
            block(layers, place, [0.0, 0.0], [6.8, 5.0], 0.4, black)?;
            let ink = Ink { alpha: 0.8, ..Ink::matte([0.7, 0.7, 0.68], FACE + 3.5) };
            write(layers, "103", [0.0, 0.0], 4.6, 0.8, ink)
        }
        Kind::Ceramic => {
            block(layers, place, [0.0, 0.0], [9.5, 5.0], 0.8, Ink::metal(TIN, FACE + 4.2))?;
            block(layers, place, [0.0, 0.0], [6.2, 5.0], 0.6, plastic([0.33, 0.21, 0.115], 4.4))
        }
        Kind::Can => {
            block(layers, place, [0.0, 0.0], [16.0, 16.0], 2.5, plastic([0.02, 0.02, 0.02], 2.5))?;
            for (inset, height) in [(0.0, 9.0), (0.8, 10.2), (1.6, 10.8)] {
                let circle = PathBuilder::from_circle(0.0, 0.0, 14.6 - inset)?;
                layers.fill(&circle, place, Ink::metal(shaded([0.50, 0.50, 0.50]), FACE + height));
            }
            // The black segment that marks the negative side.
            let mut segment = PathBuilder::new();
            segment.move_to(6.5, -11.0);
            segment.quad_to(19.5, 0.0, 6.5, 11.0);
            segment.close();
            layers.fill(&segment.finish()?, place, Ink::matte([0.02, 0.02, 0.02], FACE + 10.8));
            let ink = Ink::matte([0.03, 0.03, 0.03], FACE + 10.8);
            write(layers, "47", [-4.5, -3.5], 5.0, 0.9, ink)?;
            write(layers, "16V", [-4.0, 4.5], 4.0, 0.8, ink)
        }
        Kind::Crystal => {
            let steel = shaded([0.58, 0.57, 0.54]);
            block(layers, place, [0.0, 0.0], [27.0, 10.5], 10.0, Ink::metal(steel, FACE + 1.5))?;
            block(layers, place, [0.0, 0.0], [24.5, 8.3], 8.0, Ink::metal(steel, FACE + 8.5))?;
            let ink = Ink { alpha: 0.85, ..Ink::matte([0.05, 0.05, 0.05], FACE + 8.5) };
            write(layers, "16.000", [0.0, 0.0], 6.0, 1.0, ink)
        }
        Kind::Regulator => {
            for (at, _) in pads(kind) {
                block(layers, place, [at[0], 0.8 * at[1]], [1.8, 3.4], 0.4, Ink::metal(TIN, FACE + 2.5))?;
            }
            block(layers, place, [0.0, 0.0], [13.0, 6.2], 0.8, plastic([0.022, 0.022, 0.024], 5.5))?;
            let laser = Ink { alpha: 0.7, ..Ink::matte(MARK, FACE + 5.5) };
            write(layers, "L33", [0.0, 0.0], 5.0, 0.9, laser)
        }
        Kind::Diode => {
            block(layers, place, [0.0, 0.0], [10.0, 5.0], 0.6, plastic([0.62, 0.60, 0.54], 3.2))?;
            dome(layers, place, [0.0, 0.0], [5.2, 4.4], FACE + 3.2, 1.6, [0.66, 0.52, 0.08])?;
            let lens = PathBuilder::from_oval(Rect::from_ltrb(-5.2, -4.4, 5.2, 4.4)?)?;
            let ink = Ink { alpha: 0.75, gloss: 0.9, ..Ink::matte([0.66, 0.54, 0.12], FACE + 4.4) };
            layers.fill(&lens, place, ink);
            Some(())
        }
    }
}

/// The printed outline around a part, in board units.
pub(super) fn courtyard(part: &Component) -> Option<Path> {
    let half = match part.kind {
        Kind::Chip => [34.0, 35.0],
        Kind::Can => [21.5, 18.0],
        Kind::Crystal => [30.0, 13.0],
        Kind::Ceramic => [14.5, 7.0],
        _ => return None,
    };
    let [w, h] = if part.upright { [half[1], half[0]] } else { half };
    let [x, y] = part.at;
    Some(PathBuilder::from_rect(Rect::from_ltrb(x - w, y - h, x + w, y + h)?))
}
