//! Anomaly synthesis: textures blended into good pictures through Perlin masks (method.md 3).
//!
//! The recipe is DRAEM's with the reference's changes. [`Synthesizer::sample`] makes one training sample of
//! stage 1; everything random comes from the generator that it is given.

mod augment;
mod background;
mod blur;
mod color;
mod foreground;
mod geometry;
mod pattern;
mod perlin;
mod plainest;
mod procedural;
mod texture;

pub use foreground::Foreground;
pub use plainest::plainest_defect;
pub use texture::Textures;

use crate::picture::{MEAN, Mask, Picture, STD, Size, cut, normalize};
use perlin::Lattice;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// The settings of the synthesis; the default is the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SynthesisConfig {
    /// Probability that a sample stays clean (step 6).
    pub clean_share: f64,
    /// Noise above this becomes the mask (step 4).
    pub threshold: f32,
    /// The lattice has 2^0 to 2^this cells along each side (step 3).
    pub max_exponent: u32,
    /// How often the noise is drawn again to get a mask that is not (nearly) empty (step 4).
    pub tries: usize,
    /// A mask is accepted as soon as it has more pixels than this (step 4).
    pub min_pixels: usize,
    /// The picture's largest share within the mask (step 5).
    pub blend_max: f32,
}

impl Default for SynthesisConfig {
    fn default() -> Self {
        Self { clean_share: 0.2, threshold: 0.5, max_exponent: 5, tries: 11, min_pixels: 4, blend_max: 0.8 }
    }
}

/// One sample of stage 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Corrupted {
    /// `3 x height x width`, ImageNet-normalized.
    pub pixels: Vec<f32>,
    /// At the picture's size, true where the texture was blended in; empty for a clean sample.
    pub mask: Mask,
    /// The same picture in 8 bits, to look at.
    pub picture: Picture,
}

/// Makes synthetic anomalies in good pictures.
#[derive(Clone, Debug)]
pub struct Synthesizer {
    size: Size,
    textures: Textures,
    config: SynthesisConfig,
}

impl Synthesizer {
    /// For pictures of that size, with the reference's settings.
    pub fn new(size: impl Into<Size>, textures: Textures) -> Self {
        Self::with_config(size, textures, SynthesisConfig::default())
    }

    /// For pictures of that size. Settings beyond their range (a probability above 1, a lattice
    /// finer than the pixels) are clamped.
    pub fn with_config(size: impl Into<Size>, textures: Textures, mut config: SynthesisConfig) -> Self {
        let size = size.into();
        if config.clean_share.is_nan() {
            config.clean_share = SynthesisConfig::default().clean_share;
        }
        config.clean_share = config.clean_share.clamp(0.0, 1.0);
        config.max_exponent = config.max_exponent.min(size.shorter().max(1).ilog2());
        Self { size, textures: textures.resized(size.longer()), config }
    }

    /// Corrupts a picture within its foreground, or leaves it clean (steps 1 to 7).
    ///
    /// A foreground of another size is read by torch's nearest rule (source = floor(i in / out)).
    ///
    /// # Panics
    /// The picture is not of the synthesizer's size; the caller resizes it, with [`crate::picture::resize`].
    pub fn sample(&self, picture: &Picture, foreground: &Mask, rng: &mut ChaCha8Rng) -> Corrupted {
        let size = self.size;
        assert_eq!(picture.dimensions(), size.pixels(), "the synthesizer was made for {size}");
        // Drawn first, since a clean sample needs nothing else; the reference discards its work instead.
        if rng.random_bool(self.config.clean_share) {
            let mask = Mask::filled(size.width, size.height, false);
            return Corrupted { pixels: normalize(picture), mask, picture: picture.clone() };
        }
        let mut texture = self.texture(rng);
        augment::augment(&mut texture, rng);
        let mask = self.mask(foreground, rng);
        let share = self.config.blend_max * rng.random_range(0.0..1.0_f32);

        let mut pixels = normalize(picture);
        let mut preview = picture.clone();
        let area = size.area();
        for n in (0..area).filter(|&n| mask.data[n]) {
            for channel in 0..3 {
                let clean = f32::from(picture.as_raw()[3 * n + channel]);
                // Normalization is affine, so blending before or after it is the same.
                let value = (1.0 - share) * f32::from(texture.as_raw()[3 * n + channel]) + share * clean;
                pixels[channel * area + n] = (value / 255.0 - MEAN[channel]) / STD[channel];
                preview.as_mut()[3 * n + channel] = (value + 0.5) as u8;
            }
        }
        Corrupted { pixels, mask, picture: preview }
    }

    /// Thresholded, rotated Perlin noise within the foreground (steps 3 and 4).
    fn mask(&self, foreground: &Mask, rng: &mut ChaCha8Rng) -> Mask {
        let Size { width, height } = self.size;
        // The noise is made for a square of the longer side, so that rotation leaves no empty ends; its cells are as
        // large as those of a square of the shorter side.
        let (side, repeats) = (self.size.longer(), self.repeats());
        let mut cells = || repeats << rng.random_range(0..=self.config.max_exponent);
        let (rows, columns) = (cells(), cells());
        let [top, left] = [height, width].map(|length| (side - length) / 2);
        let mut mask = Mask::filled(width, height, false);
        for _ in 0..self.config.tries {
            let noise = self.noise(rows, columns, rng);
            for (n, inside) in mask.data.iter_mut().enumerate() {
                let (y, x) = (n / width, n % width);
                let value = noise[(top + y) * side + left + x];
                *inside = value > self.config.threshold && covers(foreground, y, x, self.size);
            }
            if mask.count() > self.config.min_pixels {
                break;
            }
        }
        mask
    }

    fn noise(&self, rows: usize, columns: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let side = self.size.longer();
        let noise = Lattice::random(rows, columns, rng).noise(side, side);
        geometry::rotate_map(noise, side, side, rng.random_range(-90.0..90.0))
    }

    /// About how many times the shorter side fits into the longer.
    fn repeats(&self) -> usize {
        (self.size.longer() as f64 / self.size.shorter().max(1) as f64).round() as usize
    }

    /// The middle of a square texture of the longer side.
    fn texture(&self, rng: &mut ChaCha8Rng) -> Picture {
        let side = self.size.longer();
        let texture = self.textures.draw(side, rng);
        if self.size.is_square() {
            return texture;
        }
        let corner = [self.size.width, self.size.height].map(|length| ((side - length) / 2) as isize);
        cut(&texture, corner, self.size)
    }
}

/// Whether the foreground covers a pixel of a picture of that size.
fn covers(foreground: &Mask, y: usize, x: usize, size: Size) -> bool {
    let (row, column) = (y * foreground.height / size.height, x * foreground.width / size.width);
    foreground.data.get(row * foreground.width + column).copied().unwrap_or(false)
}

#[cfg(test)]
mod tests;
