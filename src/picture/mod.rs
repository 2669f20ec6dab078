//! Pictures: decoding, the PIL-exact resize, ImageNet normalization (method.md 1.3), and masks.

mod decode;
mod fit;
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

pub use decode::{Details, MAX_PIXELS, MAX_SIDE, decode, decode_detailed, decode_ranged, decode_within};
#[cfg(not(target_arch = "wasm32"))]
pub use decode::{open, open_ranged, open_size};
pub use fit::{Fit, Frame, cut, mirrored};
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
pub use tiles::{Blend, Tiles, cover, tile_of, tile_of_mask};
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
