//! Why a patch looks odd: the patch of the good pictures that is most like it.

use super::memory::{Patches, most_alike};
use crate::Result;
use crate::embedding::counting;
use crate::inference::{Engine, Plan};
use crate::model::{Info, Kept};
use crate::picture::{Frame, Picture, Seen, Size, View, normalize, place_around, resize};
use crate::teacher::TensorSource;
use std::borrow::Cow;
use std::ops::Range;

/// The level whose patches are compared: large enough to show something, fine enough to be a place.
const LEVEL: usize = 1;

/// Pixels of the network's input from one patch of that level to the next.
const STEP: usize = 8;

/// Pixels that are shown of a patch, of the network's input: what its features have seen, about.
const SHOWN: usize = 48;

/// Good pictures to compare with at most, the first of those that a model keeps: they cover the others best.
const MOST: usize = 12;

/// Inputs of the network that are looked at for them at most, beyond those of the first picture: tiles are many.
const MOST_INPUTS: usize = 128;

/// Good pictures to compare with.
#[derive(Debug)]
pub struct Gallery {
    engine: Engine,
    size: Size,
    view: View,
    good: Vec<Seen<'static>>,
    looked: Vec<Looked>,
}

/// One input of the network, of a good picture.
#[derive(Debug)]
struct Looked {
    /// Which picture.
    picture: usize,
    /// The place of a tile.
    place: [usize; 2],
    /// Those that count.
    patches: Patches,
    /// Their positions, row by row.
    positions: Vec<usize>,
}

/// A patch and the good one that is most like it.
#[derive(Clone, Debug)]
pub struct Likeness {
    /// The cosine of their features, averaged over 3x3 neighborhoods.
    pub cosine: f64,
    /// Which of the good pictures, from 0.
    pub picture: usize,
    /// Around the patch, from the picture that is judged.
    pub odd: Shown,
    /// Around the good patch.
    pub good: Shown,
}

/// What lies around a patch.
#[derive(Clone, Debug)]
pub struct Shown {
    /// As the network gets it.
    pub pixels: Picture,
    /// Where it is: left edge, upper edge, width and height in pixels of the picture itself.
    pub bounds: [u32; 4],
}

impl Gallery {
    /// The good pictures that the model of `info` keeps, looked at with its teacher, of which `teacher` has the tensors;
    /// `None` where it keeps none.
    ///
    /// # Errors
    /// A tensor of the teacher is missing or has another shape.
    pub fn new(info: &Info, teacher: &dyn TensorSource, kept: Kept) -> Result<Option<Self>> {
        if kept.pictures.is_empty() {
            return Ok(None);
        }
        let engine = Engine::new(Plan::teacher(info.backbone, info.size, teacher)?);
        let (size, view) = (info.size, info.view.clone());
        let mut gallery = Self { engine, size, view, good: Vec::new(), looked: Vec::new() };
        let mut inputs = Vec::new();
        for (n, kept) in kept.pictures.into_iter().take(MOST).enumerate() {
            let places = gallery.places(kept.seen.native);
            if n > 0 && inputs.len() + places.len() > MOST_INPUTS {
                break;
            }
            inputs.extend(places.into_iter().map(|place| (n, place)));
            gallery.good.push(kept.seen);
        }
        let look = |(n, place): (usize, [usize; 2])| gallery.look(n, place);
        #[cfg(not(target_arch = "wasm32"))]
        let looked = {
            use rayon::prelude::*;
            inputs.into_par_iter().filter_map(look).collect()
        };
        #[cfg(target_arch = "wasm32")]
        let looked = inputs.into_iter().filter_map(look).collect();
        gallery.looked = looked;
        Ok(Some(gallery))
    }

    /// How many good pictures there are.
    pub fn len(&self) -> usize {
        self.good.len()
    }

    /// Whether there are none; never.
    pub fn is_empty(&self) -> bool {
        self.good.is_empty()
    }

    /// The good patch that is most like the one at `x`, `y` (shares of width and height) of a picture as the model looks at
    /// it; `None` where that has another size than the network's.
    pub fn nearest(&self, seen: &Seen<'_>, [x, y]: [f64; 2]) -> Option<Likeness> {
        let native = seen.native;
        let at = |share: f64, length: usize| (share * length as f64).clamp(0.0, (length.max(1) - 1) as f64);
        let pixel = [at(x, native.width), at(y, native.height)];
        let place = match self.view.tiles {
            Some(_) => place_around(pixel.map(|at| at as usize), native, self.size),
            None => [0; 2],
        };
        let input = self.input(seen, place)?;
        let level = self.level();
        let [x, y] = self.view.lies(native, self.size, place).at(pixel, native);
        let cell = |at: f64, cells: usize| ((at.max(0.0) as usize) / STEP).min(cells.saturating_sub(1));
        let position = cell(y, level.height) * level.width + cell(x, level.width);
        let patches = self.patches(&input);
        let own = patches.row(position);
        let alike = self.looked.iter().enumerate().filter_map(|(n, looked)| {
            let (row, cosine) = most_alike(own, &looked.patches)?;
            Some((n, looked.positions[row], cosine))
        });
        // Of equals the first.
        let (n, found, cosine) = alike.max_by(|a, b| a.2.total_cmp(&b.2).then(b.0.cmp(&a.0)))?;
        let good = &self.looked[n];
        Some(Likeness {
            cosine: f64::from(cosine),
            picture: good.picture,
            odd: self.around(seen, place, position)?,
            good: self.around(&self.good[good.picture], good.place, found)?,
        })
    }

    /// Positions of the level that is compared.
    fn level(&self) -> Size {
        self.size.over(STEP)
    }

    /// Where the inputs of the network lie that show a picture.
    fn places(&self, native: Size) -> Vec<[usize; 2]> {
        self.view.tiles.map_or_else(|| vec![[0; 2]], |tiles| tiles.places(native, self.size))
    }

    /// An input of the network; `None` where the picture has another size.
    fn input<'a>(&self, seen: &'a Seen<'_>, place: [usize; 2]) -> Option<Cow<'a, Picture>> {
        match self.view.tiles {
            Some(_) => Some(Cow::Owned(self.view.tile(&seen.picture, place, self.size))),
            None => (Size::of(&seen.picture) == self.size).then_some(Cow::Borrowed(seen.picture.as_ref())),
        }
    }

    /// Looks at one input of a good picture: of its patches those that count, or all where none does.
    fn look(&self, picture: usize, place: [usize; 2]) -> Option<Looked> {
        let seen = &self.good[picture];
        let Patches { rows, channels } = self.patches(self.input(seen, place)?.as_ref());
        let counts = counting(self.view.allowed(seen.native, self.size, place).as_ref(), self.level());
        let all = !counts.contains(&true);
        let positions: Vec<usize> = (0..counts.len()).filter(|&i| all || counts[i]).collect();
        let rows = positions.iter().flat_map(|&i| &rows[i * channels..][..channels]).copied().collect();
        Some(Looked { picture, place, patches: Patches { rows, channels }, positions })
    }

    fn patches(&self, input: &Picture) -> Patches {
        Patches::of(&self.engine.look(&normalize(input), false)[LEVEL])
    }

    /// What lies around a position of an input, and where that is in the picture.
    fn around(&self, seen: &Seen<'_>, place: [usize; 2], position: usize) -> Option<Shown> {
        let (input, lies) = (self.input(seen, place)?, self.view.lies(seen.native, self.size, place));
        let columns = self.level().width.max(1);
        let window = window(&lies, [position % columns, position / columns]);
        let [columns, rows] = &window;
        let pixels = image::imageops::crop_imm(
            input.as_ref(),
            columns.start as u32,
            rows.start as u32,
            columns.len() as u32,
            rows.len() as u32,
        );
        Some(Shown { pixels: pixels.to_image(), bounds: lies.bounds(&window, seen.native) })
    }
}

impl Likeness {
    /// How far the patches are apart: one minus the cosine.
    pub fn distance(&self) -> f64 {
        (1.0 - self.cosine).max(0.0)
    }
}

impl Shown {
    /// Made so large that the longer side has `side` pixels, in the picture's own aspect.
    pub fn enlarged(&self, side: u32) -> Picture {
        let [_, _, width, height] = self.bounds.map(f64::from);
        let scale = f64::from(side) / width.max(height).max(1.0);
        let pixels = |length: f64| ((length * scale).round() as u32).max(1);
        resize(&self.pixels, pixels(width), pixels(height))
    }
}

/// The columns and rows that are shown around a patch; at the picture's border, as many within it.
fn window(lies: &Frame, [column, row]: [usize; 2]) -> [Range<usize>; 2] {
    let [columns, rows] = lies.shown();
    let side = SHOWN.min(columns.len()).min(rows.len()).max(1);
    let along = |cell: usize, shown: Range<usize>| {
        let middle = cell * STEP + STEP / 2;
        let first =
            middle.saturating_sub(side / 2).clamp(shown.start, shown.end.max(shown.start + side) - side);
        first..first + side
    };
    [along(column, columns), along(row, rows)]
}
