//! Which stored values are black and white in pictures of more than 8 bits.
//!
//! A camera with 10 or 12 bits writes 16-bit files whose values end at 1023 or 4095; read at full scale they
//! are nearly black. Floats have no scale of their own; read as 0 to 1, values beyond are clamped. A [`Range`]
//! states the scale; without one, [`Remarks`](super::Remarks) report such values.

use std::fmt;
use std::str::FromStr;

use image::DynamicImage;
use serde::{Deserialize, Serialize};

use super::Picture;

/// The stored values that become black and white in pictures of 16 bits or floats; 8-bit values stay the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Range {
    low: f64,
    high: f64,
}

impl Range {
    /// A range from black to white; `None` unless both are finite and the second is larger.
    pub fn new(low: f64, high: f64) -> Option<Self> {
        (low.is_finite() && high.is_finite() && (high - low).is_finite() && low < high)
            .then_some(Self { low, high })
    }

    /// The smallest usual range that contains the values of these pictures: 8, 10, 12, 14 or 16 bits, or 0 to 1
    /// for floats. `None` if there are only 8-bit pictures.
    pub fn of(values: &[Values]) -> Option<Self> {
        let highest = values.iter().map(|values| values.highest).reduce(f64::max)?;
        let lowest = values.iter().map(|values| values.lowest).fold(0.0, f64::min);
        let float = values.iter().any(|values| values.depth == Depth::Float);
        if lowest < 0.0 || highest > FULL {
            return Self::new(lowest, highest.max(lowest + 1.0));
        }
        let high = if float && highest <= 1.0 { 1.0 } else { usual(highest) };
        Self::new(0.0, high)
    }

    /// Whether it contains all of a picture's values.
    pub(super) fn holds(self, values: &Values) -> bool {
        values.lowest >= self.low && values.highest <= self.high
    }

    /// The 8-bit value of a stored value.
    fn byte(self, value: f64) -> u8 {
        // The cast is saturating.
        (((value - self.low) / (self.high - self.low)) * 255.0).round() as u8
    }

    /// A decoded picture at 8 bits.
    pub(super) fn apply(self, image: DynamicImage) -> Picture {
        fn scaled<T: Copy + Into<f64>>(range: Range, raw: &[T], channels: usize) -> Vec<u8> {
            let byte = |value: T| range.byte(value.into());
            match channels {
                1 | 2 => raw.chunks_exact(channels).flat_map(|pixel| [byte(pixel[0]); 3]).collect(),
                _ => raw.chunks_exact(channels).flat_map(|pixel| [0, 1, 2].map(|c| byte(pixel[c]))).collect(),
            }
        }
        let (width, height) = (image.width(), image.height());
        let channels = usize::from(image.color().channel_count());
        let pixels = match &image {
            DynamicImage::ImageLuma16(image) => scaled(self, image.as_raw(), channels),
            DynamicImage::ImageLumaA16(image) => scaled(self, image.as_raw(), channels),
            DynamicImage::ImageRgb16(image) => scaled(self, image.as_raw(), channels),
            DynamicImage::ImageRgba16(image) => scaled(self, image.as_raw(), channels),
            DynamicImage::ImageRgb32F(image) => scaled(self, image.as_raw(), channels),
            DynamicImage::ImageRgba32F(image) => scaled(self, image.as_raw(), channels),
            _ => return image.into_rgb8(),
        };
        Picture::from_raw(width, height, pixels).unwrap_or_else(|| image.into_rgb8())
    }
}

/// The largest value of 16 bits.
const FULL: f64 = 65535.0;

/// The largest value of the smallest usual bit depth that holds `highest`.
pub(super) fn usual(highest: f64) -> f64 {
    [255.0, 1023.0, 4095.0, 16383.0].into_iter().find(|&top| highest <= top).unwrap_or(FULL)
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.low, self.high)
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ends =
            text.split_once("..").and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
        ends.and_then(|(low, high)| Self::new(low, high))
            .ok_or_else(|| "must be LOW..HIGH, for example 0..4095 for a camera of 12 bits".into())
    }
}

impl TryFrom<String> for Range {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Range> for String {
    fn from(range: Range) -> Self {
        range.to_string()
    }
}

/// A [`Range`], or the one that fits the pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RangeChoice {
    /// [`Range::of`] the training pictures.
    Auto,
    /// This one.
    Fixed(Range),
}

impl FromStr for RangeChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" { Ok(Self::Auto) } else { text.parse().map(Self::Fixed) }
    }
}

/// How values of more than 8 bits are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Integers of 16 bits.
    Sixteen,
    /// Floating-point numbers.
    Float,
}

/// The stored values of one picture of more than 8 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Values {
    /// How they are stored.
    pub depth: Depth,
    /// The smallest one.
    pub lowest: f64,
    /// The largest one.
    pub highest: f64,
}

impl Values {
    /// The values of a picture's colors, without transparency; `None` for 8 bits.
    pub(super) fn of(image: &DynamicImage) -> Option<Self> {
        fn ends<T: Copy + Into<f64>>(raw: &[T], channels: usize) -> (f64, f64) {
            let colors = if channels.is_multiple_of(2) { channels - 1 } else { channels };
            let values = raw.chunks_exact(channels).flat_map(|pixel| &pixel[..colors]);
            // NaN must be passed on, not dropped as in `f64::min`.
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| {
                let value: f64 = value.into();
                let nan = value.is_nan() || low.is_nan();
                if nan { (f64::NAN, f64::NAN) } else { (value.min(low), value.max(high)) }
            })
        }
        let channels = usize::from(image.color().channel_count());
        let (depth, (lowest, highest)) = match image {
            DynamicImage::ImageLuma16(image) => (Depth::Sixteen, ends(image.as_raw(), channels)),
            DynamicImage::ImageLumaA16(image) => (Depth::Sixteen, ends(image.as_raw(), channels)),
            DynamicImage::ImageRgb16(image) => (Depth::Sixteen, ends(image.as_raw(), channels)),
            DynamicImage::ImageRgba16(image) => (Depth::Sixteen, ends(image.as_raw(), channels)),
            DynamicImage::ImageRgb32F(image) => (Depth::Float, ends(image.as_raw(), channels)),
            DynamicImage::ImageRgba32F(image) => (Depth::Float, ends(image.as_raw(), channels)),
            _ => return None,
        };
        Some(Self { depth, lowest, highest })
    }

    /// Whether all of them are finite.
    pub(super) fn are_finite(self) -> bool {
        self.lowest.is_finite() && self.highest.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(depth: Depth, lowest: f64, highest: f64) -> Values {
        Values { depth, lowest, highest }
    }

    #[test]
    fn a_range_is_read_written_and_refused() {
        let range: Range = "0..4095".parse().unwrap();
        assert_eq!(range.to_string(), "0..4095");
        assert_eq!(serde_json::to_string(&range).unwrap(), "\"0..4095\"");
        assert_eq!(
            serde_json::from_str::<Range>("\"-0.5..1e3\"").unwrap(),
            Range::new(-0.5, 1000.0).unwrap()
        );
        for wrong in ["", "4095", "0..", "5..5", "9..1", "nan..1", "0..inf", "-1e308..1e308"] {
            assert!(wrong.parse::<Range>().unwrap_err().contains("LOW..HIGH"), "{wrong}");
            assert!(serde_json::from_str::<Range>(&format!("\"{wrong}\"")).is_err());
        }
        assert_eq!("auto".parse::<RangeChoice>(), Ok(RangeChoice::Auto));
    }

    #[test]
    fn the_usual_depth_that_holds_all_values_is_chosen() {
        let sixteen = |highest| [values(Depth::Sixteen, 3.0, 7.0), values(Depth::Sixteen, 0.0, highest)];
        for (highest, top) in
            [(200.0, 255.0), (1020.0, 1023.0), (4080.0, 4095.0), (9000.0, 16383.0), (30000.0, FULL)]
        {
            assert_eq!(Range::of(&sixteen(highest)), Range::new(0.0, top), "{highest}");
        }
        assert_eq!(Range::of(&[values(Depth::Float, 0.1, 0.9)]), Range::new(0.0, 1.0));
        assert_eq!(Range::of(&[values(Depth::Float, 0.0, 255.0)]), Range::new(0.0, 255.0));
        assert_eq!(Range::of(&[values(Depth::Float, -3.0, 9.5)]), Range::new(-3.0, 9.5));
        assert_eq!(Range::of(&[values(Depth::Float, 0.0, 1e6)]), Range::new(0.0, 1e6));
        assert_eq!(Range::of(&[]), None);
    }
}
