//! Chooses the network's size from the pictures' sizes (`--size auto`), and tells what would be lost at it.

use super::config::{Preset, Settings};
use crate::dataset::Dataset;
use crate::model::MOST_SIZE;
use crate::picture::{Fit, Size, open_size};
use rayon::prelude::*;

/// Pixels of the method's input, and the largest multiple of them: training takes that many times the time
/// and memory.
const USUAL: f64 = 256.0 * 256.0;
const MOST: f64 = 4.0;

/// Beyond this aspect ratio, or its inverse, a square input distorts the pictures too much.
const SQUARE: f64 = 4.0 / 3.0;

/// A defect of fewer input pixels across is hardly visible: level 1 has one position for four by four pixels.
const SEEN: f64 = 3.0;

/// Statistics of the sizes of good pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// Median width and median height.
    pub native: Size,
    /// The 10th and 90th percentile of the aspect ratios.
    aspects: [f64; 2],
    /// The 90th percentile of the widths and of the heights.
    large: Size,
}

impl Extent {
    /// From the headers of a data set's good pictures. Unreadable ones are reported later, when they are trained on.
    pub fn of(set: &Dataset) -> Option<Self> {
        Self::of_sizes(&set.train.par_iter().filter_map(|path| open_size(path).ok()).collect::<Vec<_>>())
    }

    /// From these sizes, if there are any.
    pub fn of_sizes(sizes: &[Size]) -> Option<Self> {
        let at = |mut values: Vec<f64>, percent: usize| {
            values.sort_by(f64::total_cmp);
            values.get((values.len().max(1) - 1) * percent / 100).copied()
        };
        let widths = || sizes.iter().map(|size| size.width as f64).collect();
        let heights = || sizes.iter().map(|size| size.height as f64).collect();
        let aspects = || sizes.iter().map(|size| size.aspect()).collect();
        let pair =
            |percent| Some(Size::new(at(widths(), percent)? as usize, at(heights(), percent)? as usize));
        Some(Self { native: pair(50)?, aspects: [at(aspects(), 10)?, at(aspects(), 90)?], large: pair(90)? })
    }

    /// Whether a square input would distort most of the pictures too much.
    pub fn is_oblong(&self) -> bool {
        let aspect = self.native.aspect();
        !self.is_mixed() && aspect.max(1.0 / aspect) > SQUARE
    }

    /// Whether the pictures have very different aspect ratios.
    pub fn is_mixed(&self) -> bool {
        self.aspects[1] / self.aspects[0].max(f64::MIN_POSITIVE) > SQUARE
    }

    /// The default size, and how pictures are fitted to it: the method's square, or for oblong pictures one by their
    /// aspect ratio. The paper's preset is always square.
    pub fn usual(extent: Option<&Self>, preset: Preset) -> (Size, Fit) {
        match extent {
            Some(extent) if preset != Preset::Paper && extent.is_oblong() => extent.auto(),
            _ => (Settings::default().size, Fit::Squash),
        }
    }

    /// The size for these pictures, and how they are fitted to it. If they have one aspect ratio, the shorter side gets
    /// 256 pixels, if the pictures have that many; if they have mixed ratios, most pictures fit in, with a border.
    pub fn auto(&self) -> (Size, Fit) {
        if self.is_mixed() {
            return (size_of(self.large.aspect(), self.large.area() as f64), Fit::Pad);
        }
        let aspect = self.native.aspect();
        let wanted = USUAL * aspect.max(1.0 / aspect);
        (size_of(aspect, wanted.min(self.native.area() as f64)), Fit::Squash)
    }

    /// The side in pixels of the pictures below which defects are hardly visible at an input of that size; `None` if
    /// the pictures keep half their sides or more.
    pub fn vanishing(&self, input: Size) -> Option<usize> {
        let ratio = |input: usize, native: usize| input as f64 / native.max(1) as f64;
        let scale = ratio(input.width, self.native.width).min(ratio(input.height, self.native.height));
        (scale < 0.5).then(|| (SEEN / scale).ceil() as usize)
    }
}

/// A size in multiples of 32 of about that aspect ratio and area, with the area clamped to its bounds.
fn size_of(aspect: f64, area: f64) -> Size {
    let area = area.clamp(USUAL, MOST * USUAL);
    let side = |length: f64| ((length / 32.0).round() as usize * 32).clamp(32, MOST_SIZE);
    Size::new(side((area * aspect).sqrt()), side((area / aspect).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(sizes: &[[usize; 2]]) -> Extent {
        Extent::of_sizes(&sizes.iter().map(|&[w, h]| Size::new(w, h)).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn auto_keeps_the_aspect_within_bounds() {
        let auto = |w, h| extent(&[[w, h]; 3]).auto();
        assert_eq!(auto(2000, 800), (Size::new(640, 256), Fit::Squash));
        assert_eq!(auto(800, 2000), (Size::new(256, 640), Fit::Squash));
        assert_eq!(auto(1024, 1024), (Size::square(256), Fit::Squash));
        assert_eq!(auto(1920, 1080), (Size::new(448, 256), Fit::Squash));
        // Neither much larger than the pictures nor smaller than the method's input.
        assert_eq!(auto(300, 120).0.area(), 416 * 160);
        // A strip: at most four times the usual pixels, and no side beyond the largest.
        let strip = auto(9000, 100).0;
        assert!(strip.width <= MOST_SIZE && strip.area() as f64 <= 1.2 * MOST * USUAL, "{strip}");
        assert_eq!(Extent::of_sizes(&[]), None);
    }

    #[test]
    fn mixed_aspects_get_a_border() {
        let mixed = extent(&[[227, 320], [320, 130], [320, 202], [226, 320], [320, 317]]);
        assert!(mixed.is_mixed() && !mixed.is_oblong());
        assert_eq!(mixed.auto(), (Size::square(320), Fit::Pad));
        assert!(extent(&[[2000, 800], [2010, 800]]).is_oblong());
        assert!(!extent(&[[640, 480]; 2]).is_oblong());
    }

    #[test]
    fn what_vanishes_is_told_in_the_pictures_own_pixels() {
        let line = extent(&[[2000, 800]]);
        assert_eq!(line.vanishing(Size::new(640, 256)), Some(10));
        assert_eq!(line.vanishing(Size::square(256)), Some(24));
        assert_eq!(extent(&[[300, 300]]).vanishing(Size::square(256)), None);
    }
}
