//! The options that say how a network looks at a data set's pictures: its size, and what lies in it.

use super::choices::SizeChoice;
use super::region;
use crate::Result;
use crate::dataset::Dataset;
use crate::picture::{Fit, Pooling, Size, Tiles, View, open_size};
use crate::training::{Extent, Preset};
use clap::Args;

/// How a network looks at pictures.
#[derive(Debug, Args)]
pub struct LookArgs {
    /// Input size in pixels, in multiples of 32: one number, WIDTHxHEIGHT, or auto for the pictures' aspect ratio.
    /// Unless given, auto if that ratio is beyond 4:3, else 256
    #[arg(long)]
    size: Option<SizeChoice>,
    /// How pictures of another aspect ratio than the input's are fitted: squash stretches them; pad fills up with
    /// their mirror image, which does not count; crop cuts off what is left over, which is not judged. Unless given,
    /// squash, or with --size auto pad if the pictures' ratios differ
    #[arg(long, value_enum, conflicts_with = "tile")]
    fit: Option<Fit>,
    /// Look at the pictures in square tiles of this side in pixels, a multiple of 32, at their own resolution: for
    /// defects that are small beside the picture
    #[arg(long, value_name = "PIXELS", conflicts_with = "size")]
    tile: Option<usize>,
    /// Pixels that a tile shares with the next in detection; a quarter of it unless given
    #[arg(long, value_name = "PIXELS", requires = "tile")]
    overlap: Option<usize>,
    /// The region of the pictures that counts: a mask's file, x,y,width,height in pixels, or a polygon's .json. Outside
    /// it nothing is learned, scored or shown. Kept in the model
    #[arg(long, value_name = "REGION")]
    roi: Option<String>,
}

impl LookArgs {
    /// The network's size and its view of the pictures of `set`, whose sizes are `extent`.
    ///
    /// # Errors
    /// The region of interest cannot be read, or does not fit the pictures.
    pub fn choose(
        &self,
        set: &Dataset,
        extent: Option<&Extent>,
        preset: Preset,
        pooling: Pooling,
    ) -> Result<(Size, View)> {
        let (size, fit) = match (self.tile, self.size, extent) {
            (Some(tile), _, _) => (Size::square(tile), Fit::Squash),
            (None, Some(SizeChoice::Of(size)), _) => (size, Fit::Squash),
            (None, Some(SizeChoice::Auto), Some(extent)) => extent.auto(),
            (None, _, extent) => Extent::usual(extent, preset),
        };
        let overlap = self.overlap.unwrap_or(Tiles::overlap_of(size));
        let region = match (&self.roi, set.train.first()) {
            (Some(roi), Some(first)) => Some(region::read(roi, open_size(first)?)?),
            _ => None,
        };
        let fit = self.fit.unwrap_or(fit);
        Ok((size, View { fit, tiles: self.tile.map(|_| Tiles { overlap }), region, pooling }))
    }

    /// Whether the size is found from the pictures.
    pub fn finds_size(&self) -> bool {
        self.tile.is_none() && !matches!(self.size, Some(SizeChoice::Of(_)))
    }
}
