//! Anomaly synthesis: textures blended into good pictures through Perlin masks (method.md 3).
//!
//! The recipe is DRAEM's with the reference's changes. [`Synthesizer::sample`] makes one training sample of
//! stage 1; everything random comes from the generator handed in.

mod augment;
mod background;
mod blur;
mod colour;
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

use crate::picture::{MEAN, Mask, Picture, STD, normalise};
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
    /// How often the noise is redrawn for a mask that isn't (nearly) empty (step 4).
    pub tries: usize,
    /// A mask is taken as soon as it has more pixels than this (step 4).
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
    /// `3 x size x size`, ImageNet-normalised.
    pub pixels: Vec<f32>,
    /// `size x size`, true where the texture was blended in; empty for a clean sample.
    pub mask: Mask,
    /// The same picture in 8 bits, to look at.
    pub picture: Picture,
}

/// Makes defects in good pictures.
#[derive(Clone, Debug)]
pub struct Synthesizer {
    size: usize,
    textures: Textures,
    config: SynthesisConfig,
}

impl Synthesizer {
    /// For pictures of `size x size` pixels, with the reference's settings.
    pub fn new(size: usize, textures: Textures) -> Self {
        Self::with_config(size, textures, SynthesisConfig::default())
    }

    /// For pictures of `size x size` pixels. Settings beyond their range (a probability above 1, a lattice
    /// finer than the pixels) are brought back to its end.
    pub fn with_config(size: usize, textures: Textures, mut config: SynthesisConfig) -> Self {
        if config.clean_share.is_nan() {
            config.clean_share = SynthesisConfig::default().clean_share;
        }
        config.clean_share = config.clean_share.clamp(0.0, 1.0);
        config.max_exponent = config.max_exponent.min(size.max(1).ilog2());
        Self { size, textures: textures.resized(size), config }
    }

    /// Corrupts a picture of `size x size` within its foreground, or leaves it clean (steps 1 to 7).
    ///
    /// A foreground of another size is read by torch's nearest rule (source = floor(i in / out)).
    ///
    /// # Panics
    /// The picture is not `size x size`; the caller resizes it, with [`crate::picture::resize`].
    pub fn sample(&self, picture: &Picture, foreground: &Mask, rng: &mut ChaCha8Rng) -> Corrupted {
        let size = self.size;
        assert_eq!(picture.dimensions(), (size as u32, size as u32), "the synthesizer was made for {size}");
        // Drawn first, as a clean sample needs nothing else; the reference discards its work instead.
        if rng.random_bool(self.config.clean_share) {
            let mask = Mask::filled(size, size, false);
            return Corrupted { pixels: normalise(picture), mask, picture: picture.clone() };
        }
        let mut texture = self.textures.draw(size, rng);
        augment::augment(&mut texture, rng);
        let mask = self.mask(foreground, rng);
        let share = self.config.blend_max * rng.random_range(0.0..1.0_f32);

        let mut pixels = normalise(picture);
        let mut preview = picture.clone();
        let area = size * size;
        for n in (0..area).filter(|&n| mask.data[n]) {
            for channel in 0..3 {
                let clean = f32::from(picture.as_raw()[3 * n + channel]);
                // Normalising is affine: blending before it is the same as after.
                let value = (1.0 - share) * f32::from(texture.as_raw()[3 * n + channel]) + share * clean;
                pixels[channel * area + n] = (value / 255.0 - MEAN[channel]) / STD[channel];
                preview.as_mut()[3 * n + channel] = (value + 0.5) as u8;
            }
        }
        Corrupted { pixels, mask, picture: preview }
    }

    /// Thresholded, rotated Perlin noise within the foreground (steps 3 and 4).
    fn mask(&self, foreground: &Mask, rng: &mut ChaCha8Rng) -> Mask {
        let size = self.size;
        let mut cells = || 1_usize << rng.random_range(0..=self.config.max_exponent);
        let (rows, columns) = (cells(), cells());
        let mut mask = Mask::filled(size, size, false);
        for _ in 0..self.config.tries {
            let noise = self.noise(rows, columns, rng);
            for (n, (inside, &value)) in mask.data.iter_mut().zip(&noise).enumerate() {
                *inside = value > self.config.threshold && covers(foreground, n / size, n % size, size);
            }
            if mask.count() > self.config.min_pixels {
                break;
            }
        }
        mask
    }

    fn noise(&self, rows: usize, columns: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let noise = Lattice::random(rows, columns, rng).noise(self.size, self.size);
        geometry::rotate_map(noise, self.size, self.size, rng.random_range(-90.0..90.0))
    }
}

/// Whether the foreground covers a pixel of the `size x size` picture.
fn covers(foreground: &Mask, y: usize, x: usize, size: usize) -> bool {
    let (row, column) = (y * foreground.height / size, x * foreground.width / size);
    foreground.data.get(row * foreground.width + column).copied().unwrap_or(false)
}

#[cfg(test)]
mod tests;
