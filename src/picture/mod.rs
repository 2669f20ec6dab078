//! Pictures: decoding, the PIL-exact resize, and ImageNet normalisation (method.md 1.3).

/// An 8-bit RGB picture.
pub type Picture = image::RgbImage;

/// Which pixels belong to something (a defect, the foreground), row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` values, row-major.
    pub data: Vec<bool>,
}

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
