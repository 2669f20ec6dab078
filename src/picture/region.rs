//! The region of interest: which part of every picture counts.

use super::{Mask, Size};
use serde::{Deserialize, Serialize};

/// How much the aspect ratio of a picture may differ from the region's.
const ASPECT: f64 = 0.01;

/// A region of interest, drawn on pictures of one size; on larger or smaller pictures of the same aspect ratio it is
/// scaled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Region {
    /// The size of the pictures it was drawn on.
    pub of: Size,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Shape {
    /// Left edge, upper edge, width, height.
    Rectangle([f64; 4]),
    /// Corners of each polygon in order; a point within an odd number of outlines is inside.
    Polygons(Vec<Vec<[f64; 2]>>),
    /// Lengths of runs of pixels, row by row: first outside, then inside, and so on.
    Mask(Vec<u32>),
}

impl Region {
    /// A rectangle on pictures of the size `of`.
    ///
    /// # Errors
    /// In words: it contains no pixel of the picture.
    pub fn rectangle(of: Size, [x, y, width, height]: [f64; 4]) -> Result<Self, String> {
        Self { of, shape: Shape::Rectangle([x, y, width, height]) }.checked()
    }

    /// Polygons, each a list of corners `[x, y]` in pixels.
    ///
    /// # Errors
    /// In words: they contain no pixel of the picture.
    pub fn polygons(of: Size, polygons: Vec<Vec<[f64; 2]>>) -> Result<Self, String> {
        Self { of, shape: Shape::Polygons(polygons) }.checked()
    }

    /// The marked pixels of a mask.
    ///
    /// # Errors
    /// In words: it has no marked pixel.
    pub fn of_mask(mask: &Mask) -> Result<Self, String> {
        let (mut runs, mut inside) = (vec![0_u32], false);
        for &marked in &mask.data {
            if marked != inside {
                runs.push(0);
                inside = marked;
            }
            if let Some(run) = runs.last_mut() {
                *run += 1;
            }
        }
        Self { of: Size::new(mask.width, mask.height), shape: Shape::Mask(runs) }.checked()
    }

    fn checked(self) -> Result<Self, String> {
        if self.possible().is_none() {
            return Err("is no region: a number is missing or out of range".into());
        }
        // A coarse check is enough for a large region, a fine one is needed for a small one.
        let empty = self.mask(self.of).count() == 0;
        if empty { Err(format!("has no pixel of a picture of {}", self.of)) } else { Ok(self) }
    }

    /// `None` if a number is impossible: it may come from a damaged file.
    pub fn possible(&self) -> Option<()> {
        let finite = |value: &f64| value.is_finite() && value.abs() < 1e9;
        let sides =
            [self.of.width, self.of.height].iter().all(|side| (1..=super::MAX_SIDE as usize).contains(side));
        let shape = match &self.shape {
            Shape::Rectangle(values) => values.iter().all(finite),
            Shape::Polygons(polygons) => polygons.iter().flatten().flatten().all(finite),
            Shape::Mask(runs) => runs.iter().map(|&run| u64::from(run)).sum::<u64>() == self.of.area() as u64,
        };
        (sides && shape).then_some(())
    }

    /// Why it does not fit pictures of that size, if it does not.
    pub fn misfit(&self, picture: Size) -> Option<String> {
        let ratio = picture.aspect() / self.of.aspect();
        ((ratio - 1.0).abs() > ASPECT)
            .then(|| format!("the region of interest is of pictures of {}, this one is {picture}", self.of))
    }

    /// The region on a grid of any size over the whole picture: marks the cells whose center is inside.
    pub fn mask(&self, size: Size) -> Mask {
        self.part([0.0, 0.0], [self.of.width as f64, self.of.height as f64], size)
    }

    /// The region within a piece of a picture of `native` size: `size` pixels, starting at `corner`.
    pub fn within(&self, native: Size, corner: [usize; 2], size: Size) -> Mask {
        let scale =
            [self.of.width as f64 / native.width as f64, self.of.height as f64 / native.height as f64];
        let [x, y] = [corner[0] as f64 * scale[0], corner[1] as f64 * scale[1]];
        self.part([x, y], [size.width as f64 * scale[0], size.height as f64 * scale[1]], size)
    }

    /// The region on `size` cells that cover `extent`, starting at `corner`, in pixels of the region's own
    /// picture.
    fn part(&self, corner: [f64; 2], extent: [f64; 2], size: Size) -> Mask {
        let mut mask = Mask::filled(size.width, size.height, false);
        let step = [extent[0] / size.width.max(1) as f64, extent[1] / size.height.max(1) as f64];
        // The first cell of a row whose center is not left of `x`.
        let cell = |x: f64| (((x - corner[0]) / step[0] - 0.5).ceil().max(0.0) as usize).min(size.width);
        let picture = [self.of.width as f64, self.of.height as f64];
        let starts = self.starts();
        for (y, row) in mask.data.chunks_exact_mut(size.width.max(1)).enumerate() {
            let at = corner[1] + (y as f64 + 0.5) * step[1];
            if !(0.0..picture[1]).contains(&at) {
                continue;
            }
            for [from, to] in self.spans(at, &starts) {
                let cells = cell(from.max(0.0))..cell(to.min(picture[0]));
                row.get_mut(cells).into_iter().flatten().for_each(|inside| *inside ^= true);
            }
        }
        mask
    }

    /// Where each run of a mask begins, and the end of the last.
    fn starts(&self) -> Vec<u64> {
        let Shape::Mask(runs) = &self.shape else { return Vec::new() };
        let ends = runs.iter().scan(0_u64, |end, &run| {
            *end += u64::from(run);
            Some(*end)
        });
        std::iter::once(0).chain(ends).collect()
    }

    /// The segments of the line at height `y` that are inside.
    fn spans(&self, y: f64, starts: &[u64]) -> Vec<[f64; 2]> {
        match &self.shape {
            Shape::Rectangle([x, top, width, height]) => {
                let meets = (*top..top + height).contains(&y);
                if meets { vec![[*x, x + width]] } else { Vec::new() }
            }
            Shape::Polygons(polygons) => {
                let mut crossings: Vec<f64> =
                    polygons.iter().flat_map(|polygon| crossings(polygon, y)).collect();
                crossings.sort_by(f64::total_cmp);
                crossings.as_chunks::<2>().0.to_vec()
            }
            Shape::Mask(_) => {
                let width = self.of.width as u64;
                let (from, to) = (y as u64 * width, (y as u64 + 1) * width);
                let first = starts.partition_point(|&start| start <= from).saturating_sub(1);
                let pairs = starts.windows(2).enumerate().skip(first);
                let inside = pairs.take_while(|(_, pair)| pair[0] < to).filter(|(i, _)| i % 2 == 1);
                inside
                    .map(|(_, pair)| {
                        [pair[0].max(from) - from, pair[1].min(to).max(from) - from].map(|x| x as f64)
                    })
                    .collect()
            }
        }
    }
}

/// Where the outline of a polygon crosses the line at height `y`.
fn crossings(polygon: &[[f64; 2]], y: f64) -> Vec<f64> {
    let next = polygon.iter().cycle().skip(1);
    let sides = polygon.iter().zip(next);
    let crossing = |(a, b): (&[f64; 2], &[f64; 2])| {
        let crosses = (a[1] <= y) != (b[1] <= y);
        crosses.then(|| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
    };
    sides.filter_map(crossing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(region: &Region, size: Size) -> Vec<String> {
        let mask = region.mask(size);
        let letters: String = mask.data.iter().map(|&inside| if inside { '#' } else { '.' }).collect();
        (0..size.height).map(|y| letters[y * size.width..][..size.width].to_owned()).collect()
    }

    #[test]
    fn a_rectangle_scales_with_the_picture() {
        let region = Region::rectangle(Size::new(8, 4), [2.0, 1.0, 4.0, 2.0]).unwrap();
        assert_eq!(drawn(&region, Size::new(8, 4)), ["........", "..####..", "..####..", "........"]);
        assert_eq!(region.mask(Size::new(24, 12)).count(), 12 * 6);
        assert_eq!(region.mask(Size::new(16, 8)).count(), 32);
        assert!(region.misfit(Size::new(800, 400)).is_none());
        assert!(region.misfit(Size::new(400, 400)).unwrap().contains("8 x 4"));
        let piece = region.within(Size::new(16, 8), [4, 0], Size::new(4, 4));
        assert_eq!(piece.count(), 8);
    }

    #[test]
    fn polygons_and_masks_are_as_drawn() {
        let size = Size::new(8, 5);
        let triangle = vec![[0.0, 0.0], [8.0, 0.0], [0.0, 5.0]];
        let hole = vec![[1.0, 1.0], [2.0, 1.0], [2.0, 2.0], [1.0, 2.0]];
        let region = Region::polygons(size, vec![triangle, hole]).unwrap();
        let picture = ["#######.", "#.####..", "####....", "##......", "#......."];
        assert_eq!(drawn(&region, size), picture);
        let again = Region::of_mask(&region.mask(size)).unwrap();
        assert_eq!(drawn(&again, size), picture);
        let json = serde_json::to_string(&again).unwrap();
        assert_eq!(serde_json::from_str::<Region>(&json).unwrap(), again);
        assert_eq!(again.mask(Size::new(16, 10)).count(), 4 * region.mask(size).count());
    }

    #[test]
    fn nothing_is_no_region() {
        let size = Size::new(8, 4);
        assert!(Region::rectangle(size, [9.0, 0.0, 5.0, 5.0]).unwrap_err().contains("8 x 4"));
        assert!(Region::rectangle(size, [f64::NAN, 0.0, 5.0, 5.0]).is_err());
        assert!(Region::polygons(size, vec![]).is_err());
        assert!(Region::of_mask(&Mask::filled(8, 4, false)).is_err());
        let short = Region { of: size, shape: Shape::Mask(vec![0, 3]) };
        assert!(short.possible().is_none());
    }
}
