//! Why a patch looks odd: the patch of the good pictures that is most like it.

use super::memory::{Patches, most_alike};
use crate::Result;
use crate::inference::{Engine, Plan};
use crate::picture::{Picture, Size, normalize};
use crate::teacher::{Backbone, TensorSource};

/// The level whose patches are compared: large enough to show something, fine enough to be a place.
const LEVEL: usize = 1;

/// Pixels of the network's input from one patch of that level to the next.
const STEP: usize = 8;

/// Pixels that are shown of a patch, of the network's input: what its features have seen, about.
const SHOWN: usize = 48;

/// Good pictures to compare with.
#[derive(Debug)]
pub struct Gallery {
    engine: Engine,
    size: Size,
    good: Vec<(Picture, Patches)>,
}

/// A patch and the good one that is most like it.
#[derive(Clone, Debug)]
pub struct Likeness {
    /// The cosine of their features, averaged over 3x3 neighborhoods.
    pub cosine: f64,
    /// Which of the good pictures.
    pub picture: usize,
    /// Around the patch, from the picture that is judged, as the network gets it.
    pub odd: Picture,
    /// Around the good patch.
    pub good: Picture,
}

impl Gallery {
    /// Good pictures of the network's size, looked at with the teacher of a model.
    ///
    /// # Errors
    /// A tensor of the teacher is missing.
    pub fn new(
        backbone: Backbone,
        size: Size,
        teacher: &dyn TensorSource,
        good: impl IntoIterator<Item = Picture>,
    ) -> Result<Self> {
        let engine = Engine::new(Plan::teacher(backbone, size, teacher)?);
        let mut gallery = Self { engine, size, good: Vec::new() };
        for picture in good.into_iter().filter(|picture| Size::of(picture) == size) {
            let patches = gallery.patches(&picture);
            gallery.good.push((picture, patches));
        }
        Ok(gallery)
    }

    /// How many good pictures there are.
    pub fn len(&self) -> usize {
        self.good.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.good.is_empty()
    }

    /// The good patch that is most like the one at `x`, `y` (shares of width and height) of a picture of the network's
    /// size; `None` where there are no good pictures or the picture has another size.
    pub fn nearest(&self, picture: &Picture, [x, y]: [f64; 2]) -> Option<Likeness> {
        if Size::of(picture) != self.size {
            return None;
        }
        let (columns, rows) = (self.size.width / STEP, self.size.height / STEP);
        let cell = |share: f64, cells: usize| ((share * cells as f64) as usize).min(cells.saturating_sub(1));
        let place = [cell(x, columns), cell(y, rows)];
        let patches = self.patches(picture);
        let own = patches.row(place[1] * columns + place[0]);
        let alike = self.good.iter().enumerate().filter_map(|(n, (_, good))| {
            let (position, cosine) = most_alike(own, good)?;
            Some((n, position, cosine))
        });
        let (n, position, cosine) = alike.max_by(|a, b| a.2.total_cmp(&b.2).then(b.0.cmp(&a.0)))?;
        Some(Likeness {
            cosine: f64::from(cosine),
            picture: n,
            odd: around(picture, place),
            good: around(&self.good[n].0, [position % columns, position / columns]),
        })
    }

    fn patches(&self, picture: &Picture) -> Patches {
        let [_, level, _] = self.engine.look(&normalize(picture), false);
        debug_assert_eq!(LEVEL, 1, "the middle one");
        Patches::of(&level)
    }
}

/// What lies around a patch; at the border, as much within the picture.
fn around(picture: &Picture, [column, row]: [usize; 2]) -> Picture {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let side = SHOWN.min(width).min(height);
    let first = |cell: usize, most: usize| (cell * STEP + STEP / 2).saturating_sub(side / 2).min(most - side);
    let (left, top) = (first(column, width), first(row, height));
    image::imageops::crop_imm(picture, left as u32, top as u32, side as u32, side as u32).to_image()
}
