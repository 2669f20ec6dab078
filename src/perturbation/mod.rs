//! Changes of a picture that come from the camera and its surroundings while the part stays the same: light, focus,
//! noise, storage, and where the part lies. Training draws them at random (`--augment`), the stress report applies
//! them one by one.

mod apply;

use crate::picture::Picture;
use crate::{Error, Result};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Perturbation {
    /// Brightness: all values times `1 + level`.
    Lighting,
    /// Contrast: distances from the picture's mean times `1 + level`.
    Contrast,
    /// Focus: a Gaussian blur; `level` is its standard deviation in pixels of a picture whose shorter side is
    /// 256.
    Blur,
    /// Sensor noise: normal, independent in every pixel and channel; `level` is its standard deviation as a
    /// share of white.
    Noise,
    /// Storage as JPEG; `level` is the quality, 1 to 100.
    Jpeg,
    /// The part lies elsewhere: `level` is the distance as a share of the shorter side. The border is
    /// continued.
    Shift,
    /// The part is turned by `level` degrees about the center. The border is continued.
    Rotation,
}

impl Perturbation {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Lighting, Self::Contrast, Self::Blur, Self::Noise, Self::Jpeg, Self::Shift, Self::Rotation];

    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lighting => "lighting",
            Self::Contrast => "contrast",
            Self::Blur => "blur",
            Self::Noise => "noise",
            Self::Jpeg => "jpeg",
            Self::Shift => "shift",
            Self::Rotation => "rotation",
        }
    }

    /// The levels that the stress report applies.
    pub fn levels(self) -> &'static [f64] {
        match self {
            Self::Lighting => &[-0.2, -0.1, 0.1, 0.2],
            Self::Contrast => &[-0.2, 0.2],
            Self::Blur => &[0.5, 1.0, 2.0],
            Self::Noise => &[0.01, 0.02, 0.04],
            Self::Jpeg => &[90.0, 70.0, 40.0],
            Self::Shift => &[0.01, 0.03],
            Self::Rotation => &[-3.0, -1.0, 1.0, 3.0],
        }
    }

    /// The level that leaves a picture unchanged.
    pub fn none(self) -> f64 {
        if self == Self::Jpeg { 100.0 } else { 0.0 }
    }

    /// A level in words.
    pub fn describe(self, level: f64) -> String {
        match self {
            Self::Lighting | Self::Contrast => format!("{:+.0} %", 100.0 * level),
            Self::Blur => format!("{level} px of 256"),
            Self::Noise => format!("{} % of white", 100.0 * level),
            Self::Jpeg => format!("quality {level:.0}"),
            Self::Shift => format!("{} % of the side", 100.0 * level),
            Self::Rotation => format!("{level:+} degrees"),
        }
    }

    /// Whether things in the picture move.
    pub fn moves(self) -> bool {
        matches!(self, Self::Shift | Self::Rotation)
    }

    /// Draws a level to train with, from the range of the stress report's levels.
    fn draw(self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::Lighting | Self::Contrast => rng.random_range(-0.2..=0.2),
            Self::Blur => rng.random_range(0.0..=2.0),
            Self::Noise => rng.random_range(0.0..=0.04),
            Self::Jpeg => rng.random_range(40.0..=100.0),
            Self::Shift => rng.random_range(0.0..=0.03),
            Self::Rotation => rng.random_range(-3.0..=3.0),
        }
    }

    /// The picture with this change; `rng` draws the noise and the direction of a shift.
    pub fn apply(self, picture: &Picture, level: f64, rng: &mut ChaCha8Rng) -> Picture {
        match self {
            Self::Lighting => apply::lighting(picture, level),
            Self::Contrast => apply::contrast(picture, level),
            Self::Blur => apply::blur(picture, level),
            Self::Noise => apply::noise(picture, level, rng),
            Self::Jpeg => apply::jpeg(picture, level),
            Self::Shift => apply::shift(picture, level, rng),
            Self::Rotation => apply::rotate(picture, level),
        }
    }
}

impl fmt::Display for Perturbation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Perturbation {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::Setting(format!("{name}: is no change to train or to test with; there are {names}"))
        })
    }
}

/// A picture as it might have been taken: each of the `kinds` is applied at a level drawn from its range, movement
/// first and storage last.
pub fn vary(picture: &Picture, kinds: &[Perturbation], rng: &mut ChaCha8Rng) -> Picture {
    use Perturbation::{Blur, Contrast, Jpeg, Lighting, Noise, Rotation, Shift};
    // In the physical order: the part lies somewhere, light falls on it, the lens blurs, the sensor adds noise, a file
    // is written.
    let order = [Rotation, Shift, Lighting, Contrast, Blur, Noise, Jpeg];
    order.into_iter().filter(|kind| kinds.contains(kind)).fold(picture.clone(), |picture, kind| {
        let level = kind.draw(rng);
        kind.apply(&picture, level, rng)
    })
}

#[cfg(test)]
mod tests;
