//! Pictures whose aspect ratio is not the network's: squashed, padded or cropped.

use super::{Mask, Picture, ScoreMap, Size, resize};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How a picture is fitted to the network's aspect ratio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(not(target_arch = "wasm32"), derive(clap::ValueEnum))]
pub enum Fit {
    /// Stretched to it. The method's way.
    #[default]
    Squash,
    /// Shrunk until all of it fits; the remaining area is filled with its mirror image and does not count.
    Pad,
    /// Shrunk until it covers the input; the excess is cut off, half at either end, and is not judged.
    Crop,
}

/// Where a picture lies in the network's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    input: Size,
    /// Size of the whole picture at the input's scale.
    scaled: Size,
    /// Position of its upper left corner; negative where it extends beyond the input.
    corner: [isize; 2],
}

impl Fit {
    /// The position of a picture of `native` size in an input of the size `input`.
    pub fn frame(self, native: Size, input: Size) -> Frame {
        let ratio = |a: usize, b: usize| a as f64 / b.max(1) as f64;
        let scales = [ratio(input.width, native.width), ratio(input.height, native.height)];
        let scale = match self {
            Self::Squash => return Frame { input, scaled: input, corner: [0; 2] },
            Self::Pad => scales[0].min(scales[1]),
            Self::Crop => scales[0].max(scales[1]),
        };
        let side = |native: usize, input: usize| {
            let side = ((native as f64 * scale).round() as usize).max(1);
            // Rounding must neither leave a gap nor extend beyond the input.
            if self == Self::Pad { side.min(input) } else { side.max(input) }
        };
        let scaled = Size::new(side(native.width, input.width), side(native.height, input.height));
        let middle = |input: usize, scaled: usize| (input as isize - scaled as isize) / 2;
        Frame {
            input,
            scaled,
            corner: [middle(input.width, scaled.width), middle(input.height, scaled.height)],
        }
    }
}

impl Frame {
    /// The picture as the network receives it.
    pub fn picture(&self, picture: &Picture) -> Picture {
        let (width, height) = self.scaled.pixels();
        let scaled = resize(picture, width, height);
        if self.is_whole() { scaled } else { cut(&scaled, self.corner.map(|at| -at), self.input) }
    }

    /// A mask of the picture as it lies in the input, resized by torch's nearest rule; unmarked where there is
    /// no picture.
    pub fn mask(&self, mask: &Mask) -> Mask {
        let scaled = mask.resize_torch_nearest(self.scaled.width, self.scaled.height);
        if self.is_whole() { scaled } else { scaled.cut(self.corner.map(|at| -at), self.input) }
    }

    /// The same for a ground truth, by Pillow's nearest rule.
    pub fn truth(&self, mask: &Mask) -> Mask {
        let scaled = mask.resize_pil_nearest(self.scaled.width, self.scaled.height);
        if self.is_whole() { scaled } else { scaled.cut(self.corner.map(|at| -at), self.input) }
    }

    /// The input's map as a map of the whole picture: without the padding, and with zeros for the parts that
    /// were cut off.
    pub fn whole(&self, map: ScoreMap) -> ScoreMap {
        if self.is_whole() {
            return map;
        }
        let Size { width, height } = self.scaled;
        let mut whole = ScoreMap { width, height, data: vec![0.0; self.scaled.area()] };
        for y in 0..height {
            for x in 0..width {
                let [column, row] = [x as isize + self.corner[0], y as isize + self.corner[1]];
                let inside =
                    (0..map.width as isize).contains(&column) && (0..map.height as isize).contains(&row);
                if inside {
                    whole.data[y * width + x] = map.data[row as usize * map.width + column as usize];
                }
            }
        }
        whole
    }

    /// A tile of a picture of `native` size at that picture's own resolution.
    pub fn of_tile(native: Size, input: Size, place: [usize; 2]) -> Self {
        Self { input, scaled: native, corner: place.map(|at| -(at as isize)) }
    }

    /// Where a place of a picture of `native` size, in its pixels, lies in the input.
    pub fn at(&self, [x, y]: [f64; 2], native: Size) -> [f64; 2] {
        let along = |at: f64, native: usize, scaled: usize, corner: isize| {
            at * scaled as f64 / native.max(1) as f64 + corner as f64
        };
        [
            along(x, native.width, self.scaled.width, self.corner[0]),
            along(y, native.height, self.scaled.height, self.corner[1]),
        ]
    }

    /// The columns and the rows of the input that show the picture and no mirror image.
    pub fn shown(&self) -> [Range<usize>; 2] {
        let along = |corner: isize, scaled: usize, input: usize| {
            let inside = |at: isize| at.clamp(0, input as isize) as usize;
            inside(corner)..inside(corner + scaled as isize)
        };
        [
            along(self.corner[0], self.scaled.width, self.input.width),
            along(self.corner[1], self.scaled.height, self.input.height),
        ]
    }

    /// The pixels of a picture of `native` size that some columns and rows of the input show: left edge, upper edge, width
    /// and height, at least one pixel.
    pub fn bounds(&self, [columns, rows]: &[Range<usize>; 2], native: Size) -> [u32; 4] {
        let along = |cells: &Range<usize>, native: usize, scaled: usize, corner: isize| {
            let scale = native as f64 / scaled.max(1) as f64;
            let at = |cell: usize| (cell as isize - corner) as f64 * scale;
            let from = at(cells.start).floor().clamp(0.0, native.saturating_sub(1) as f64);
            let to = at(cells.end).ceil().clamp(from + 1.0, (native as f64).max(from + 1.0));
            [from as u32, (to - from) as u32]
        };
        let [x, width] = along(columns, native.width, self.scaled.width, self.corner[0]);
        let [y, height] = along(rows, native.height, self.scaled.height, self.corner[1]);
        [x, y, width, height]
    }

    /// Whether the input is the whole picture and nothing else.
    pub fn is_whole(&self) -> bool {
        self.scaled == self.input
    }
}

/// `size` pixels of a picture, starting at `corner`; beyond its border it is mirrored repeatedly.
pub fn cut(picture: &Picture, corner: [isize; 2], size: Size) -> Picture {
    let (width, height) = picture.dimensions();
    let (w, h) = size.pixels();
    if width == 0 || height == 0 {
        return Picture::new(w, h);
    }
    let source = |from: isize, count: u32, length: u32| -> Vec<u32> {
        (0..count as isize).map(|i| mirrored(from + i, length as usize) as u32).collect()
    };
    let (columns, rows) = (source(corner[0], w, width), source(corner[1], h, height));
    Picture::from_fn(w, h, |x, y| *picture.get_pixel(columns[x as usize], rows[y as usize]))
}

/// Index into a line that is mirrored repeatedly, with edge pixels repeated.
pub fn mirrored(position: isize, length: usize) -> usize {
    let period = 2 * length as isize;
    let position = position.rem_euclid(period) as usize;
    if position < length { position } else { period as usize - 1 - position }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn ramp(width: u32, height: u32) -> Picture {
        Picture::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 0]))
    }

    #[test]
    fn squashing_is_a_plain_resize() {
        let picture = ramp(50, 20);
        let frame = Fit::Squash.frame(Size::new(50, 20), Size::square(32));
        assert!(frame.is_whole());
        assert_eq!(frame.picture(&picture), resize(&picture, 32, 32));
    }

    #[test]
    fn padding_mirrors_and_does_not_count() {
        // 40 x 20 in 32 x 32: 32 x 16, rows 8 to 23.
        let (picture, input) = (ramp(40, 20), Size::square(32));
        let frame = Fit::Pad.frame(Size::of(&picture), input);
        let padded = frame.picture(&picture);
        assert_eq!(padded.dimensions(), (32, 32));
        let small = resize(&picture, 32, 16);
        for (row, from) in [(8, 0), (23, 15), (7, 0), (0, 7), (24, 15), (31, 8)] {
            assert_eq!(padded.get_pixel(5, row), small.get_pixel(5, from), "{row}");
        }
        let mask = frame.mask(&Mask::filled(40, 20, true));
        assert_eq!((mask.width, mask.height, mask.count()), (32, 32, 32 * 16));
        assert!(!mask.data[7 * 32] && mask.data[8 * 32]);
        let data = (0..32 * 32).map(|i| (i / 32) as f32).collect();
        let map = frame.whole(ScoreMap { width: 32, height: 32, data });
        assert_eq!((map.width, map.height, map.data[0], map.data[15 * 32]), (32, 16, 8.0, 23.0));
    }

    #[test]
    fn cropping_keeps_the_middle_and_knows_what_it_left() {
        // 40 x 20 to 16 x 16: 32 x 16, columns 8 to 23.
        let picture = ramp(40, 20);
        let frame = Fit::Crop.frame(Size::of(&picture), Size::square(16));
        let cropped = frame.picture(&picture);
        assert_eq!(cropped.dimensions(), (16, 16));
        assert_eq!(cropped.get_pixel(0, 3), resize(&picture, 32, 16).get_pixel(8, 3));
        let map = frame.whole(ScoreMap { width: 16, height: 16, data: vec![1.0; 256] });
        assert_eq!((map.width, map.height), (32, 16));
        assert_eq!([7, 8, 23, 24].map(|x| map.data[x]), [0.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn what_the_input_shows_is_told_in_pixels_of_the_picture() {
        // 40 x 20 in 32 x 32: 32 x 16, rows 8 to 23; in 16 x 16, cropped: 32 x 16, columns 8 to 23.
        let native = Size::new(40, 20);
        let padded = Fit::Pad.frame(native, Size::square(32));
        assert_eq!(padded.at([20.0, 10.0], native), [16.0, 16.0]);
        assert_eq!(padded.shown(), [0..32, 8..24]);
        assert_eq!(padded.bounds(&[16..24, 8..16], native), [20, 0, 10, 10]);
        assert_eq!(padded.bounds(&[0..32, 0..32], native), [0, 0, 40, 20], "no mirror image");
        let cropped = Fit::Crop.frame(native, Size::square(16));
        assert_eq!(cropped.at([20.0, 10.0], native), [8.0, 8.0]);
        assert_eq!(
            (cropped.shown(), cropped.bounds(&[0..8, 0..8], native)),
            ([0..16, 0..16], [10, 0, 10, 10])
        );
        let squashed = Fit::Squash.frame(native, Size::square(32));
        assert_eq!(squashed.bounds(&[8..16, 16..32], native), [10, 10, 10, 10]);
        // A tile that sticks out below.
        let tile = Frame::of_tile(native, Size::square(32), [8, 0]);
        assert_eq!(tile.at([20.0, 10.0], native), [12.0, 10.0]);
        assert_eq!((tile.shown(), tile.bounds(&[0..16, 16..32], native)), ([0..32, 0..20], [8, 16, 16, 4]));
    }

    #[test]
    fn odd_sizes_leave_no_gap() {
        for fit in [Fit::Pad, Fit::Crop] {
            for native in [Size::new(1, 1), Size::new(7, 1000), Size::new(333, 100), Size::new(101, 103)] {
                let frame = fit.frame(native, Size::new(64, 32));
                let picture = frame.picture(&ramp(native.width as u32, native.height as u32));
                assert_eq!(Size::of(&picture), Size::new(64, 32));
                let map = frame.whole(ScoreMap { width: 64, height: 32, data: vec![1.0; 64 * 32] });
                let seen = map.data.iter().filter(|&&v| v > 0.0).count();
                assert_eq!(seen == map.data.len(), fit == Fit::Pad || frame.scaled == frame.input);
            }
        }
    }
}
