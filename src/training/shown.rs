//! What an epoch shows: each picture once, or several tiles of it at random positions.

use super::config::{Preset, Settings};
use super::job::TrainingJob;
use super::{Purpose, stream};
use crate::picture::{Mask, Picture, Region, Seen, Size, View, cover, normalize, tile_of_mask};
use crate::synthesis::Foreground;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::borrow::Cow;

/// The fewest tiles of an epoch, if the pictures are large enough for that many.
const TILES: usize = 160;

/// Cells along each side of the grid on which a position within the region of interest is drawn.
const CELLS: usize = 128;

/// What one step sees of one picture.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    /// At the network's size.
    pub picture: Cow<'a, Picture>,
    /// Where the part is.
    pub foreground: Cow<'a, Mask>,
    /// Where may be painted and learned from, if not everywhere.
    pub allowed: Option<Mask>,
}

impl<'a> Shown<'a> {
    /// What a network of that size sees of a picture, of which `foreground` is the part; `rng` gives the position if it
    /// looks at a tile.
    pub fn of(
        seen: &'a Seen<'_>,
        foreground: &'a Mask,
        (size, view): (Size, &View),
        rng: &mut ChaCha8Rng,
    ) -> Self {
        if view.tiles.is_none() {
            return Self {
                picture: Cow::Borrowed(seen.picture.as_ref()),
                foreground: Cow::Borrowed(foreground),
                allowed: view.allowed(seen.native, size, [0; 2]),
            };
        }
        let place = place(seen.native, size, view.region.as_ref(), rng);
        Self {
            picture: Cow::Owned(view.tile(&seen.picture, place, size)),
            foreground: Cow::Owned(tile_of_mask(foreground, place, size)),
            allowed: view.allowed(seen.native, size, place),
        }
    }

    /// Where a synthetic anomaly may be painted by the foreground's `rule`; every other `item` ignores the part.
    pub fn place(&self, rule: &Foreground, item: usize) -> Cow<'_, Mask> {
        let place = rule.place(&self.foreground, item);
        match &self.allowed {
            Some(allowed) => Cow::Owned(allowed.clone().and(&place)),
            None => place,
        }
    }
}

/// How many tiles an epoch shows of each of `pictures` pictures of about `native` size; otherwise an epoch of a few
/// large pictures would be too short, and one of many too long.
pub fn tiles_each(pictures: usize, native: Size, tile: Size) -> usize {
    TILES.div_ceil(pictures.max(1)).clamp(1, cover(native, tile).max(1))
}

impl Settings {
    /// The epochs of a preset for `pictures` good pictures, including those to be held out. If pictures are looked at
    /// in tiles, an epoch shows several of each, depending on their size `native`.
    pub fn usual_epochs(&self, preset: Preset, pictures: usize, native: Option<Size>) -> [usize; 2] {
        let fit = pictures - self.held_out(pictures);
        let tiled = native.filter(|_| self.view.tiles.is_some());
        preset.epochs(fit * tiled.map_or(1, |native| tiles_each(fit, native, self.size)), self.batch)
    }
}

impl TrainingJob {
    /// Number of network inputs in an epoch.
    pub fn items(&self) -> usize {
        let largest = self.pictures.iter().map(|seen| seen.native).max_by_key(|native| native.area());
        match (&self.settings.view.tiles, largest) {
            (Some(_), Some(native)) => {
                self.pictures.len() * tiles_each(self.pictures.len(), native, self.settings.size)
            }
            _ => self.pictures.len(),
        }
    }

    /// Item number `item` of an epoch; `purpose` is that of the tiles' positions.
    pub(super) fn shown(&self, purpose: Purpose, epoch: usize, item: usize) -> Shown<'_> {
        let (size, view) = (self.settings.size, &self.settings.view);
        let index = item % self.pictures.len();
        let (seen, foreground) = (&self.pictures[index], &self.foregrounds[index]);
        let mut rng = stream(self.settings.seed, purpose, epoch, item);
        Shown::of(seen, foreground, (size, view), &mut rng)
    }

    /// Normalized pixels `[count, 3, H, W]` of some items of an epoch of stage 2.
    pub(super) fn pixels(&self, epoch: usize, chosen: &[usize]) -> Vec<f32> {
        let one = |&item: &usize| {
            let picture = self.shown(Purpose::DistillTile, epoch, item).picture;
            normalize(&self.varied(picture, item, Purpose::DistillVariation, epoch))
        };
        #[cfg(not(target_arch = "wasm32"))]
        {
            use rayon::prelude::*;
            chosen.par_iter().map(one).collect::<Vec<_>>().concat()
        }
        #[cfg(target_arch = "wasm32")]
        chosen.iter().flat_map(one).collect()
    }
}

/// A random position for a tile; if there is a region, the tile contains a random point of it.
fn place(native: Size, tile: Size, region: Option<&Region>, rng: &mut ChaCha8Rng) -> [usize; 2] {
    let grid = Size::square(CELLS);
    let coarse = region.map(|region| (grid, region.mask(grid)));
    // A region that falls between the cells of the coarse grid is searched pixel by pixel.
    let fine = || region.map(|region| (region.of, region.mask(region.of)));
    let found = coarse.filter(|(_, mask)| mask.count() > 0).or_else(fine);
    let cells = found.map(|(grid, mask)| {
        let inside = (0..mask.data.len()).filter(|&i| mask.data[i]);
        (grid, inside.collect::<Vec<usize>>())
    });
    let Some((grid, cells)) = cells.filter(|(_, cells)| !cells.is_empty()) else {
        return [start(native.width, tile.width, rng), start(native.height, tile.height, rng)];
    };
    let cell = cells[rng.random_range(0..cells.len())];
    let mut around = |at: usize, cells: usize, length: usize, tile: usize| {
        let pixel = (2 * at + 1) * length / (2 * cells);
        let [first, last] = [(pixel + 1).saturating_sub(tile), length.saturating_sub(tile)];
        rng.random_range(first.min(last)..=pixel.min(last).max(first.min(last)))
    };
    [
        around(cell % grid.width, grid.width, native.width, tile.width),
        around(cell / grid.width, grid.height, native.height, tile.height),
    ]
}

/// Where a tile begins along one side. All positions are equally likely, except the first and the last, which are each
/// as likely as a whole tile's width of positions: detection places tiles exactly there, and only there is the border
/// seen.
fn start(length: usize, tile: usize, rng: &mut ChaCha8Rng) -> usize {
    let (last, share) = (length.saturating_sub(tile), tile / 4);
    if last == 0 {
        return 0;
    }
    rng.random_range(0..=last + 2 * share).saturating_sub(share).min(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn epochs_of_tiles_are_neither_short_nor_endless() {
        let tile = Size::square(256);
        assert_eq!(tiles_each(50, Size::new(2000, 800), tile), 4);
        assert_eq!(tiles_each(10, Size::new(2000, 800), tile), 16);
        assert_eq!(tiles_each(3, Size::new(2000, 800), tile), 32);
        assert_eq!(tiles_each(500, Size::new(2000, 800), tile), 1);
        assert_eq!(tiles_each(4, Size::new(100, 80), tile), 1);
    }

    #[test]
    fn tiles_lie_within_and_reach_the_border() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let starts: Vec<usize> = (0..400).map(|_| start(1000, 256, &mut rng)).collect();
        assert!(starts.iter().all(|&at| at <= 744));
        let at = |place: usize| starts.iter().filter(|&&start| start == place).count();
        assert!(at(0) > 15 && at(744) > 15 && at(300) < 6, "{} {}", at(0), at(744));
        assert_eq!(start(200, 256, &mut rng), 0);
    }

    #[test]
    fn tiles_show_the_region_of_interest() {
        let native = Size::new(1000, 400);
        let region = Region::rectangle(native, [900.0, 300.0, 60.0, 60.0]).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..20 {
            let place = place(native, Size::square(128), Some(&region), &mut rng);
            assert!(region.within(native, place, Size::square(128)).count() > 0, "{place:?}");
        }
    }
}
