//! Draws the circuit board: copper, lacquer, holes, print, parts, and their defects.

use super::field::SIZE;
use super::glyphs::{ADVANCE, text};
use super::grain::blend;
use super::layers::{Ink, Layers, polyline};
use super::layout::{HOLES, PARTS, PINS, TRACE, TRACES, VIAS, WORDS};
use super::parts;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tiny_skia::{PathBuilder, Rect, Transform};

/// Height of the board's surface, so that holes can lie lower.
pub(super) const FACE: f32 = 3.0;
/// Pixels per board unit: the camera sees everything but the rim of the board.
const SCALE: f32 = 1.23;
const HOLE: Ink = Ink { rgb: [0.008, 0.008, 0.008], height: FACE - 1.5, gloss: 0.0, metal: 0.0, alpha: 1.0 };
const TIN: [f32; 3] = [0.62, 0.62, 0.60];
const GOLD: [f32; 3] = [0.72, 0.55, 0.24];
const LOT: &str = "D-2802";
const COPPER: [f32; 3] = [0.52, 0.25, 0.11];
const LAMINATE: [f32; 3] = [0.34, 0.27, 0.13];
const PRINT: [f32; 3] = [0.72, 0.74, 0.70];

/// How one part lies after placement and soldering.
pub(super) struct Seat {
    pub(super) shift: [f32; 2],
    /// Rotation in degrees.
    pub(super) turn: f32,
    /// Brightness of the body relative to the usual.
    pub(super) shade: f32,
    /// Height of the solder relative to the usual.
    pub(super) solder: f32,
}

/// One board: its position, its colors, its parts' seats, its print.
pub(super) struct Board {
    place: Transform,
    copper: [f32; 3],
    bare: [f32; 3],
    seats: Vec<Seat>,
    /// Offset of the print from the copper, pen width, opacity.
    print: ([f32; 2], f32, f32),
}

pub(super) enum Fault {
    None,
    /// Copper etched away around a point on a trace, as far as `reach` of its width.
    Open {
        at: [f32; 2],
        along: [f32; 2],
        gap: f32,
        bite: f32,
        /// How far the lacquer is scraped off the laminate.
        scraped: f32,
    },
    Short {
        from: [f32; 2],
        to: [f32; 2],
        width: f32,
        /// Whether the bridge is solder instead of a splash of bare copper.
        solder: bool,
    },
    Missing(usize),
    Blob {
        at: [f32; 2],
        radius: f32,
        stretch: f32,
    },
    Misprint {
        item: usize,
        how: Misprint,
    },
}

#[derive(Clone, Copy)]
pub(super) enum Misprint {
    /// Too little ink: this opacity is left.
    Faint(f32),
    /// Printed twice, this far apart.
    Double([f32; 2]),
    /// Wiped while wet: this far, leaving a film of this opacity.
    Smeared([f32; 2], f32),
}

impl Board {
    pub(super) fn draw(rng: &mut ChaCha8Rng) -> Self {
        let (dx, dy) = (rng.random_range(-2.0..2.0f32), rng.random_range(-2.0..2.0f32));
        let (turn, scale) = (rng.random_range(-0.5..0.5f32), SCALE * rng.random_range(0.995..1.005f32));
        let middle = SIZE as f32 / 2.0;
        let place = Transform::from_translate(middle + dx, middle + dy)
            .pre_concat(Transform::from_rotate(turn))
            .pre_scale(scale, scale)
            .pre_translate(-118.0, -118.0);
        let lacquer = rng.random_range(0.97..1.03f32);
        let hue = rng.random_range(-0.008..0.008f32);
        let green = |rgb: [f32; 3]| {
            [rgb[0] * lacquer * (1.0 + hue), rgb[1] * lacquer, rgb[2] * lacquer * (1.0 - 2.0 * hue)]
        };
        let seats = PARTS
            .iter()
            .map(|_| Seat {
                shift: [rng.random_range(-0.5..0.5), rng.random_range(-0.5..0.5)],
                turn: rng.random_range(-1.3..1.3),
                shade: rng.random_range(0.92..1.08),
                solder: rng.random_range(0.8..1.2),
            })
            .collect();
        let offset = [rng.random_range(-0.4..0.4), rng.random_range(-0.4..0.4)];
        let print = (offset, rng.random_range(0.95..1.1), rng.random_range(0.86..0.95));
        Self { place, copper: green([0.044, 0.185, 0.076]), bare: green([0.011, 0.064, 0.027]), seats, print }
    }

    pub(super) fn paint(&self, fault: &Fault) -> Option<Layers> {
        let lacquer = |rgb, height| Ink { rgb, height: FACE + height, gloss: 0.6, metal: 0.0, alpha: 1.0 };
        let bare = lacquer(self.bare, 0.0);
        let copper = lacquer(self.copper, 0.55);
        // The ground plane fills the face and keeps clear of the traces.
        let mut layers = Layers::new(copper)?;
        for trace in TRACES {
            layers.stroke(&polyline(trace)?, TRACE + 5.0, self.place, bare);
        }
        for trace in TRACES {
            layers.stroke(&polyline(trace)?, TRACE, self.place, copper);
        }
        match *fault {
            Fault::Open { at, along, gap, bite, scraped } => {
                let side = [-along[1], along[0]];
                // From beyond one edge of the trace, `bite` of its width deep.
                let start = -0.5 * TRACE - 0.8;
                let end = start + 0.8 + bite * (TRACE + 0.8);
                let cut = [start, end].map(|s| [at[0] + s * side[0], at[1] + s * side[1]]);
                let raw =
                    Ink { rgb: blend(self.bare, LAMINATE, scraped), gloss: 0.6 - 0.5 * scraped, ..bare };
                layers.stroke(&polyline(&cut)?, gap, self.place, raw);
            }
            Fault::Short { from, to, width, solder } => {
                let path = polyline(&[from, to])?;
                let metal = if solder { TIN } else { COPPER };
                layers.stroke(&path, width, self.place, Ink::metal(metal, FACE + 1.0));
                if solder {
                    layers.stroke(&path, 0.5 * width, self.place, Ink::metal(metal, FACE + 2.2));
                }
            }
            _ => {}
        }
        self.holes(&mut layers)?;
        self.silkscreen(&mut layers, fault)?;
        for (index, (part, seat)) in PARTS.iter().zip(&self.seats).enumerate() {
            let present = !matches!(fault, Fault::Missing(missing) if *missing == index);
            parts::place(&mut layers, self.place, part, seat, present)?;
        }
        if let Fault::Blob { at, radius, stretch } = *fault {
            let place = self
                .place
                .pre_translate(at[0], at[1])
                .pre_rotate(57.0 * stretch)
                .pre_scale(stretch, 1.0 / stretch);
            parts::dome(&mut layers, place, [0.0, 0.0], [radius, radius], FACE, 0.8 * radius, TIN)?;
        }
        Some(layers)
    }

    fn holes(&self, layers: &mut Layers) -> Option<()> {
        let circle = |at: [f32; 2], radius| PathBuilder::from_circle(at[0], at[1], radius);
        let clear = Ink { rgb: self.bare, height: FACE, gloss: 0.6, metal: 0.0, alpha: 1.0 };
        let rings = HOLES.iter().map(|&at| (at, 9.0, 5.5, TIN));
        let rings = rings.chain(PINS.iter().map(|&at| (at, 5.2, 2.5, GOLD)));
        for (at, ring, hole, metal) in rings.chain(VIAS.iter().map(|&at| (at, 2.7, 1.0, GOLD))) {
            layers.fill(&circle(at, ring + 1.6)?, self.place, clear);
            layers.fill(&circle(at, ring)?, self.place, Ink::metal(metal, FACE + 0.6));
            layers.fill(&circle(at, hole)?, self.place, HOLE);
        }
        // The traces that end in a plated hole reach it through the clearance.
        for trace in TRACES {
            let copper = Ink { rgb: self.copper, height: FACE + 0.55, gloss: 0.6, metal: 0.0, alpha: 1.0 };
            for (end, next) in [(trace[0], trace[1]), (trace[trace.len() - 1], trace[trace.len() - 2])] {
                let ring = PINS.contains(&end).then_some(5.2).or(VIAS.contains(&end).then_some(2.7));
                if let Some(ring) = ring {
                    let away = [next[0] - end[0], next[1] - end[1]];
                    let length = (away[0] * away[0] + away[1] * away[1]).sqrt();
                    let step = |by: f32| [end[0] + by * away[0] / length, end[1] + by * away[1] / length];
                    layers.stroke(&polyline(&[step(ring), step(ring + 2.0)])?, TRACE, self.place, copper);
                }
            }
        }
        Some(())
    }

    /// The printed words: designators first, then the rest.
    pub(super) fn words() -> impl Iterator<Item = (&'static str, [f32; 2], f32)> {
        PARTS.iter().map(|part| (part.name, part.name_at, 6.0)).chain(WORDS)
    }

    fn silkscreen(&self, layers: &mut Layers, fault: &Fault) -> Option<()> {
        let ([dx, dy], pen, alpha) = self.print;
        let place = self.place.pre_translate(dx, dy);
        let ink = |alpha| Ink { rgb: PRINT, height: FACE + 0.7, gloss: 0.1, metal: 0.0, alpha };
        for (index, (words, [x, y], height)) in Self::words().enumerate() {
            let width = if height > 8.0 { 1.5 * pen } else { pen };
            let path = text(words, x, y, height)?;
            let how = match fault {
                Fault::Misprint { item, how } if *item == index => Some(*how),
                _ => None,
            };
            match how {
                None => layers.stroke(&path, width, place, ink(alpha)),
                Some(Misprint::Faint(left)) => layers.stroke(&path, width, place, ink(alpha * left)),
                Some(Misprint::Smeared([sx, sy], film)) => {
                    // Each further copy is fainter, as if a finger was dragged over the ink.
                    for step in 0..8 {
                        let part = step as f32 / 7.0;
                        let place = place.pre_translate(part * sx, part * sy);
                        layers.stroke(&path, width * (1.0 + part), place, ink(film * (1.0 - 0.8 * part)));
                    }
                    layers.stroke(&path, width, place, ink(0.8 * alpha));
                }
                Some(Misprint::Double([sx, sy])) => {
                    layers.stroke(&path, width, place, ink(alpha));
                    layers.stroke(&path, width, place.pre_translate(sx, sy), ink(0.7 * alpha));
                }
            }
        }
        for part in &PARTS {
            if let Some(outline) = parts::courtyard(part) {
                layers.stroke(&outline, pen, place, ink(alpha));
            }
        }
        let frame = PathBuilder::from_rect(Rect::from_ltrb(14.0, 53.0, 30.0, 147.0)?);
        layers.stroke(&frame, pen, place, ink(alpha));
        // A paper label with the lot number, black on white.
        let label = parts::rounded(Rect::from_ltrb(136.0, 17.0, 196.0, 39.0)?, 1.5)?;
        layers.fill(&label, self.place, Ink::matte([0.74, 0.73, 0.69], FACE + 1.2));
        let black = Ink::matte([0.02, 0.02, 0.02], FACE + 1.2);
        let left = 166.0 - 0.5 * ADVANCE * 9.0 / 6.0 * LOT.len() as f32 + 0.8;
        layers.stroke(&text(LOT, left, 23.5, 9.0)?, 1.5, self.place, black);
        Some(())
    }
}
