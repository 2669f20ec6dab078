//! Tiles: a picture is looked at piece by piece at its own resolution, and the pieces' maps are joined.

use super::{Mask, Picture, ScoreMap, Size, cut};
use serde::{Deserialize, Serialize};

/// A map of a whole picture has at most about this many values: for a larger picture, one value for 2x2, 3x3
/// … pixels.
const MOST_VALUES: usize = 1 << 20;

/// How tiles overlap. Their size is that of the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tiles {
    /// The fewest pixels that a tile shares with the next.
    pub overlap: usize,
}

impl Tiles {
    /// The overlap unless another is given: a quarter of the tile.
    pub fn overlap_of(tile: Size) -> usize {
        tile.shorter() / 4
    }

    /// The upper left corners of the tiles that cover a picture of `native` size, row by row, evenly spaced. A picture
    /// smaller than a tile lies in the tile's upper left corner.
    pub fn places(self, native: Size, tile: Size) -> Vec<[usize; 2]> {
        let [columns, rows] = [(native.width, tile.width), (native.height, tile.height)]
            .map(|(length, tile)| starts(length, tile, self.overlap));
        rows.iter().flat_map(|&y| columns.iter().map(move |&x| [x, y])).collect()
    }
}

/// How many tiles cover a picture without overlap.
pub fn cover(native: Size, tile: Size) -> usize {
    native.width.div_ceil(tile.width.max(1)) * native.height.div_ceil(tile.height.max(1))
}

/// The upper left corner of the tile around a pixel, within the picture where that is as large as a tile.
pub fn place_around(pixel: [usize; 2], native: Size, tile: Size) -> [usize; 2] {
    let corner =
        |at: usize, length: usize, tile: usize| at.saturating_sub(tile / 2).min(length.saturating_sub(tile));
    [corner(pixel[0], native.width, tile.width), corner(pixel[1], native.height, tile.height)]
}

/// Where tiles begin along one side.
fn starts(length: usize, tile: usize, overlap: usize) -> Vec<usize> {
    let rest = length.saturating_sub(tile);
    let steps = rest.div_ceil(tile.saturating_sub(overlap).max(1));
    (0..=steps).map(|i| (i * rest).checked_div(steps).unwrap_or(0)).collect()
}

/// One tile of a picture, which is mirrored beyond its border.
pub fn tile_of(picture: &Picture, place: [usize; 2], tile: Size) -> Picture {
    cut(picture, place.map(|at| at as isize), tile)
}

/// One tile of a mask; nothing is marked beyond its border.
pub fn tile_of_mask(mask: &Mask, place: [usize; 2], tile: Size) -> Mask {
    mask.cut(place.map(|at| at as isize), tile)
}

/// The map of a whole picture while its tiles are being added.
///
/// Where tiles overlap their values are averaged, and a tile counts less toward its edge, since it has not seen what
/// lies beyond; so the result has no seam.
#[derive(Debug)]
pub struct Blend {
    native: Size,
    /// Pixels of the picture per value of the map, along each side.
    step: usize,
    size: Size,
    /// For each value of the map, the weighted sum and the sum of the weights.
    sums: Vec<[f32; 2]>,
}

impl Blend {
    /// An empty map of a picture of that size.
    pub fn new(native: Size) -> Self {
        let step = (1..).find(|step| native.area() / (step * step) <= MOST_VALUES).unwrap_or(1);
        let size = Size::new(native.width.div_ceil(step), native.height.div_ceil(step));
        Self { native, step, size, sums: vec![[0.0; 2]; size.area()] }
    }

    /// Adds the map of the tile at `place`.
    pub fn add(&mut self, place: [usize; 2], map: &ScoreMap, overlap: usize) {
        let columns = weights(place[0], map.width, self.native.width, overlap);
        let rows = weights(place[1], map.height, self.native.height, overlap);
        for (y, (line, &across)) in map.data.chunks_exact(map.width.max(1)).zip(&rows).enumerate() {
            let row = (place[1] + y) / self.step * self.size.width;
            for (x, (&value, &along)) in line.iter().zip(&columns).enumerate() {
                let weight = across * along;
                if let Some([sum, all]) =
                    self.sums.get_mut(row + (place[0] + x) / self.step).filter(|_| weight > 0.0)
                {
                    *sum += weight * value;
                    *all += weight;
                }
            }
        }
    }

    /// The map of the picture.
    pub fn map(self) -> ScoreMap {
        let value = |[sum, weight]: [f32; 2]| if weight > 0.0 { sum / weight } else { 0.0 };
        let data = self.sums.into_iter().map(value).collect();
        ScoreMap { width: self.size.width, height: self.size.height, data }
    }
}

/// The weight of each pixel of a tile along one side: full in its middle, decreasing over the width of the
/// overlap, zero beyond the picture. At the picture's own border the weight is full, since nothing lies
/// beyond.
fn weights(start: usize, tile: usize, length: usize, overlap: usize) -> Vec<f32> {
    // A ramp that is flat at both ends: a network sees less near the edge of a tile, and the start of the tile must
    // not show.
    let ramp = |distance: usize| {
        let share = ((distance as f32 + 0.5) / overlap.max(1) as f32).min(1.0);
        share * share * (3.0 - 2.0 * share)
    };
    let weight = |x: usize| {
        let before = if start == 0 { 1.0 } else { ramp(x) };
        let after = if start + tile >= length { 1.0 } else { ramp(tile - 1 - x) };
        if start + x < length { before * after } else { 0.0 }
    };
    (0..tile).map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_all_with_overlap() {
        let tiles = Tiles { overlap: 16 };
        for native in [Size::new(64, 64), Size::new(65, 200), Size::new(1000, 64), Size::new(10, 90)] {
            let tile = Size::square(64);
            let places = tiles.places(native, tile);
            let mut covered = vec![0; native.area()];
            for [x, y] in &places {
                for (row, column) in (0..64).flat_map(|r| (0..64).map(move |c| (y + r, x + c))) {
                    if row < native.height && column < native.width {
                        covered[row * native.width + column] += 1;
                    }
                }
            }
            assert!(covered.iter().all(|&count| count > 0), "{native}");
        }
        assert_eq!(tiles.places(Size::square(64), Size::square(64)), [[0, 0]]);
        assert_eq!(starts(130, 64, 16), [0, 33, 66]);
        assert_eq!(cover(Size::new(2000, 800), Size::square(256)), 32);
        let around = |pixel| place_around(pixel, Size::new(100, 40), Size::square(64));
        assert_eq!([[0, 39], [50, 0], [99, 0]].map(around), [[0, 0], [18, 0], [36, 0]]);
    }

    /// Tiles that differ by a constant: the map changes from one to the next in steps of at most 1.5 / overlap,
    /// twice that where two directions meet.
    #[test]
    fn the_map_has_no_seam() {
        let (native, tile, tiles) = (Size::new(300, 170), Size::square(128), Tiles { overlap: 32 });
        let mut blend = Blend::new(native);
        for (i, place) in tiles.places(native, tile).into_iter().enumerate() {
            let map = ScoreMap { width: 128, height: 128, data: vec![0.5 + (i % 2) as f32; tile.area()] };
            blend.add(place, &map, tiles.overlap);
        }
        let map = blend.map();
        assert_eq!((map.width, map.height), (300, 170));
        let steps = map.data.chunks(300).flat_map(|line| line.windows(2).map(|w| (w[1] - w[0]).abs()));
        let highest = steps.fold(0.0, f32::max);
        assert!(highest > 0.0 && highest < 3.0 / 32.0, "{highest}");
        assert!(map.data.iter().all(|v| (0.4999..=1.5001).contains(v)));
    }

    #[test]
    fn what_all_tiles_agree_on_stays_as_it_is() {
        let (native, tile, tiles) = (Size::new(90, 40), Size::square(64), Tiles { overlap: 10 });
        let at = |x: usize, y: usize| (x * 3 + y) as f32;
        let mut blend = Blend::new(native);
        for [x0, y0] in tiles.places(native, tile) {
            let data = (0..64 * 64).map(|i| at(x0 + i % 64, y0 + i / 64)).collect();
            blend.add([x0, y0], &ScoreMap { width: 64, height: 64, data }, tiles.overlap);
        }
        let map = blend.map();
        for (i, value) in map.data.iter().enumerate() {
            assert!((value - at(i % 90, i / 90)).abs() < 1e-3);
        }
    }

    #[test]
    fn large_pictures_have_coarser_maps() {
        let blend = Blend::new(Size::new(8000, 6000));
        assert_eq!(blend.step, 7);
        assert!(blend.size.area() <= MOST_VALUES + 8000 + 6000);
        assert_eq!(Blend::new(Size::new(1000, 1000)).step, 1);
    }
}
