//! Product lines rendered by this crate: pictures of good parts with natural variation, and of parts
//! with defects whose masks are exact. They need no data and no licence; they are *rendered*, and are labeled
//! as such wherever they are shown.
//!
//! A defective picture and its *good twin* share all natural variation (pose, light, material, sensor noise),
//! because each of these has its own stream of random numbers; the mask is where the two pictures differ.

mod board;
mod circuit;
mod cloth;
mod fibres;
mod field;
#[cfg(not(target_arch = "wasm32"))]
mod folder;
mod glyphs;
mod grain;
mod layers;
mod layout;
mod light;
mod parts;
mod sheet;
mod strip;
#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests;
mod turned;
mod washers;
mod weave;

pub use field::SIZE;
#[cfg(not(target_arch = "wasm32"))]
pub use folder::{Counts, check_rendered, is_rendered, write, write_in_light};
pub use glyphs::label;
pub use sheet::contact_sheet;

use crate::picture::{Mask, Picture, Size};
use crate::{Error, Result};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A rendered product line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProductLine {
    /// Woven twill: dark warp, light weft.
    Cloth,
    /// Four turned steel washers in the pockets of a tray.
    Washers,
    /// A populated printed circuit board.
    Circuit,
    /// A rolled steel strip: a wide picture with defects of a few pixels.
    Strip,
}

impl ProductLine {
    /// The lines of the demo, whose pictures are [`SIZE`] x [`SIZE`].
    pub fn all() -> [Self; 3] {
        [Self::Cloth, Self::Washers, Self::Circuit]
    }

    /// Every line.
    pub fn every() -> [Self; 4] {
        [Self::Cloth, Self::Washers, Self::Circuit, Self::Strip]
    }

    /// The size of its pictures.
    pub fn size(self) -> Size {
        match self {
            Self::Cloth | Self::Washers | Self::Circuit => Size::square(SIZE),
            Self::Strip => strip::SIZE,
        }
    }

    /// The name of the line's folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cloth => "cloth",
            Self::Washers => "washers",
            Self::Circuit => "circuit",
            Self::Strip => "strip",
        }
    }

    /// The line's product, in words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Cloth => "Woven cloth",
            Self::Washers => "Machined washers on a tray",
            Self::Circuit => "Printed circuit board",
            Self::Strip => "Rolled steel strip",
        }
    }

    /// The kinds of defect, as their folders are named.
    pub fn defects(self) -> &'static [&'static str] {
        match self {
            Self::Cloth => &["broken_thread", "foreign_fibre", "hole", "misweave", "stain"],
            Self::Washers => &["bore", "chipped_edge", "dent", "rust", "scratch"],
            Self::Circuit => &["misprint", "missing_part", "open_trace", "short", "solder_blob"],
            Self::Strip => &["inclusion", "nick", "pit"],
        }
    }
}

impl std::str::FromStr for ProductLine {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::every().into_iter().find(|line| line.name() == name).ok_or_else(|| {
            let known: Vec<_> = Self::every().iter().map(|line| line.name()).collect();
            Error::Setting(format!("no rendered line is called {name:?}; choose one of {}", known.join(", ")))
        })
    }
}

impl std::fmt::Display for ProductLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A rendered picture ([`ProductLine::size`]) and the mask of its defect.
pub struct Rendered {
    /// The picture.
    pub picture: Picture,
    /// The pixels that differ from the good twin; none for a good part.
    pub mask: Mask,
}

/// The defect to draw: its kind, how visible it is, and its own random numbers.
struct Flaw {
    kind: &'static str,
    /// 0 barely visible .. 1 obvious.
    severity: f32,
    rng: ChaCha8Rng,
}

impl Flaw {
    /// A number from `barely` (severity 0) to `plainly` (severity 1).
    fn grade(&self, barely: f32, plainly: f32) -> f32 {
        barely + (plainly - barely) * self.severity
    }
}

/// Differences up to this (of 255, in any channel) do not count as a defect.
const VISIBLE: u8 = 8;
/// The smallest connected piece of a defect that is kept, and the smallest defect, both in pixels.
const PIECE: usize = 4;
const SMALLEST: usize = 20;

/// Renders one part. The same line, seed and defect always give the same picture; with another defect,
/// or none, the seed gives the same part, pose, light and sensor noise.
///
/// # Errors
/// [`Error::Setting`] when the line has no such defect.
pub fn render(line: ProductLine, seed: u64, defect: Option<&str>) -> Result<Rendered> {
    let good = draw(line, seed, None);
    let Some(defect) = defect else {
        let mask = blank(&good);
        return Ok(Rendered { picture: good, mask });
    };
    let (index, kind) =
        line.defects().iter().enumerate().find(|(_, kind)| **kind == defect).ok_or_else(|| {
            Error::Setting(format!(
                "{line} has no defect {defect:?}; choose one of {}",
                line.defects().join(", ")
            ))
        })?;
    // A defect may fall where nothing shows (under a part, outside the frame): try other places, each time a
    // little more visible, and keep the best.
    let mut best: Option<Rendered> = None;
    for attempt in 0..12u64 {
        let stream = grain::mix(seed ^ grain::mix(100 * (index as u64 + 1) + attempt));
        let mut rng = ChaCha8Rng::seed_from_u64(stream);
        let severity = (rng.random::<f32>() + 0.08 * attempt as f32).min(1.0);
        let rendered = against(&good, draw(line, seed, Some(Flaw { kind, severity, rng })));
        let pixels = |rendered: &Rendered| rendered.mask.data.iter().filter(|&&on| on).count();
        if best.as_ref().is_none_or(|best| pixels(&rendered) > pixels(best)) {
            best = Some(rendered);
        }
        if best.as_ref().is_some_and(|best| pixels(best) >= SMALLEST) {
            break;
        }
    }
    let mask = blank(&good);
    Ok(best.unwrap_or(Rendered { picture: good, mask }))
}

fn blank(picture: &Picture) -> Mask {
    Mask::filled(picture.width() as usize, picture.height() as usize, false)
}

fn draw(line: ProductLine, seed: u64, flaw: Option<Flaw>) -> Picture {
    let part = &mut ChaCha8Rng::seed_from_u64(grain::mix(seed ^ ((line as u64 + 1) << 56)));
    match line {
        ProductLine::Cloth => cloth::photograph(part, flaw),
        ProductLine::Washers => washers::photograph(part, flaw),
        ProductLine::Circuit => circuit::photograph(part, flaw),
        ProductLine::Strip => strip::photograph(part, flaw),
    }
}

/// The mask of a defective picture. Differences too small to see, and specks, are reset to the good twin's
/// pixels, so that outside the mask the two are identical.
fn against(good: &Picture, mut picture: Picture) -> Rendered {
    let mut mask = blank(good);
    for (marked, (a, b)) in mask.data.iter_mut().zip(picture.pixels().zip(good.pixels())) {
        *marked = a.0.into_iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > VISIBLE);
    }
    let pieces: Vec<usize> = mask.components().into_iter().map(|piece| piece as usize).collect();
    let mut sizes = vec![0usize; 1];
    for &piece in &pieces {
        sizes.resize(sizes.len().max(piece + 1), 0);
        sizes[piece] += 1;
    }
    for (index, (piece, (to, from))) in
        pieces.into_iter().zip(picture.pixels_mut().zip(good.pixels())).enumerate()
    {
        mask.data[index] = piece != 0 && sizes[piece] >= PIECE;
        if !mask.data[index] {
            *to = *from;
        }
    }
    Rendered { picture, mask }
}
