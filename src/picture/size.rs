//! Width and height.

use crate::Error;
use serde::{Deserialize, Serialize};

/// Width and height in pixels or positions.
///
/// Written as one number if both are the same, as in older files, which knew only squares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Size {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// The form in a file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Square(usize),
    Any { width: usize, height: usize },
}

impl From<Stored> for Size {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Square(side) => Self::square(side),
            Stored::Any { width, height } => Self { width, height },
        }
    }
}

impl From<Size> for Stored {
    fn from(Size { width, height }: Size) -> Self {
        if width == height { Self::Square(width) } else { Self::Any { width, height } }
    }
}

impl From<usize> for Size {
    fn from(side: usize) -> Self {
        Self::square(side)
    }
}

impl Size {
    /// A size.
    pub const fn new(width: usize, height: usize) -> Self {
        Self { width, height }
    }

    /// A square.
    pub const fn square(side: usize) -> Self {
        Self { width: side, height: side }
    }

    /// The size of a picture.
    pub fn of(picture: &super::Picture) -> Self {
        Self { width: picture.width() as usize, height: picture.height() as usize }
    }

    /// Number of pixels.
    pub const fn area(self) -> usize {
        self.width * self.height
    }

    /// The shorter side.
    pub fn shorter(self) -> usize {
        self.width.min(self.height)
    }

    /// The longer side.
    pub fn longer(self) -> usize {
        self.width.max(self.height)
    }

    /// Whether both are the same.
    pub fn is_square(self) -> bool {
        self.width == self.height
    }

    /// Width divided by height.
    pub fn aspect(self) -> f64 {
        self.width as f64 / self.height.max(1) as f64
    }

    /// The size divided by `step`, of which both sides are multiples.
    pub const fn over(self, step: usize) -> Self {
        Self { width: self.width / step, height: self.height / step }
    }

    /// Width and height in the integers of `image`.
    pub fn pixels(self) -> (u32, u32) {
        (self.width as u32, self.height as u32)
    }

    /// Whether a network can have this input: both sides are multiples of 32 and at most `most`.
    pub fn fits_network(self, most: usize) -> bool {
        [self.width, self.height].iter().all(|side| *side > 0 && side.is_multiple_of(32) && *side <= most)
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} x {}", self.width, self.height)
    }
}

/// `256`, or `640x256`: width, then height.
impl std::str::FromStr for Size {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let side = |text: &str| text.trim().parse::<usize>().ok();
        let size = match text.split_once(['x', 'X']) {
            None => side(text).map(Self::square),
            Some((width, height)) => side(width).zip(side(height)).map(|(w, h)| Self::new(w, h)),
        };
        size.ok_or_else(|| {
            Error::Setting(format!("size \"{text}\": give one number, or WIDTHxHEIGHT as in 640x256"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_is_one_number_in_files() {
        assert_eq!(serde_json::to_string(&Size::square(256)).unwrap(), "256");
        let wide = Size::new(640, 256);
        let text = serde_json::to_string(&wide).unwrap();
        assert_eq!(text, r#"{"width":640,"height":256}"#);
        assert_eq!(serde_json::from_str::<Size>(&text).unwrap(), wide);
        assert_eq!(serde_json::from_str::<Size>("64").unwrap(), Size::square(64));
    }

    #[test]
    fn one_number_or_two() {
        assert_eq!("96".parse::<Size>().unwrap(), Size::square(96));
        assert_eq!("640x256".parse::<Size>().unwrap(), Size::new(640, 256));
        for text in ["", "x", "640x", "640x256x3", "-1", "2.5"] {
            assert!(text.parse::<Size>().unwrap_err().to_string().contains("640x256"), "{text}");
        }
    }
}
