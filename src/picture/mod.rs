//! Pictures: decoding, the PIL-exact resize, ImageNet normalization (method.md 1.3), and masks.

mod decode;
mod fit;
mod guard;
mod jpeg;
mod mask;
mod normalize;
mod pages;
mod pixels;
mod pooling;
mod range;
mod region;
mod remarks;
mod resize;
mod scale;
mod size;
mod stored;
mod tiles;
mod turn;
mod view;

pub use decode::{
    BROKE_DOWN, Details, MAX_PIXELS, MAX_SIDE, decode, decode_detailed, decode_ranged, decode_within,
};
#[cfg(not(target_arch = "wasm32"))]
pub use decode::{open, open_ranged, open_size};
pub use fit::{Fit, Frame, cut, mirrored};
pub use guard::is_guarded;
pub use mask::{Mask, PATCH_SHARE, decode_mask};
#[cfg(not(target_arch = "wasm32"))]
pub use mask::{is_drawn_in_alpha, open_mask};
pub use normalize::{MEAN, STD, normalize, normalized_values};
pub use pixels::{Pixels, from_pixels};
pub use pooling::Pooling;
pub use range::{Depth, Range, RangeChoice, Values};
pub use region::Region;
pub use remarks::Remarks;
pub use resize::resize;
pub use scale::color;
pub use size::Size;
pub use tiles::{Blend, Tiles, cover, place_around, tile_of, tile_of_mask};
pub(crate) use turn::turn;
pub use view::{Seen, View};

/// An 8-bit RGB picture.
pub type Picture = image::RgbImage;

/// One number per pixel, for example an anomaly map.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreMap {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` values, row-major.
    pub data: Vec<f32>,
}

impl ScoreMap {
    /// The middle of the highest value, the first of equals, as shares of width and height.
    pub fn peak(&self) -> [f64; 2] {
        let mut highest = 0;
        for (i, value) in self.data.iter().enumerate() {
            if *value > self.data[highest] {
                highest = i;
            }
        }
        let [width, height] = [self.width, self.height].map(|side| side.max(1));
        let share = |at: usize, cells: usize| (at as f64 + 0.5) / cells as f64;
        [share(highest % width, width), share(highest / width, height)]
    }
}
