//! Grids of the picture's size, and the camera that turns linear light into an 8-bit picture.

use super::grain::{Lattice, mix};
use super::light::{Vector, normal};
use crate::picture::Picture;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// Width and height of every rendered picture, in pixels.
pub const SIZE: usize = 256;

/// One value per pixel, row-major.
#[derive(Clone)]
pub(super) struct Field<T>(pub(super) Vec<T>);

impl<T: Copy> Field<T> {
    pub(super) fn filled(value: T) -> Self {
        Self(vec![value; SIZE * SIZE])
    }

    /// Computes every pixel from its center.
    pub(super) fn from_fn(mut value: impl FnMut(f32, f32) -> T) -> Self {
        let mut data = Vec::with_capacity(SIZE * SIZE);
        for y in 0..SIZE {
            for x in 0..SIZE {
                data.push(value(x as f32 + 0.5, y as f32 + 0.5));
            }
        }
        Self(data)
    }

    /// The pixel at (x, y); outside, the nearest pixel of the border.
    pub(super) fn at(&self, x: i32, y: i32) -> T {
        let last = SIZE as i32 - 1;
        self.0[y.clamp(0, last) as usize * SIZE + x.clamp(0, last) as usize]
    }
}

impl Field<f32> {
    /// The normal at (x, y), with the field's values as heights in pixels.
    pub(super) fn normal(&self, x: i32, y: i32, steepness: f32) -> Vector {
        normal([
            0.5 * steepness * (self.at(x + 1, y) - self.at(x - 1, y)),
            0.5 * steepness * (self.at(x, y + 1) - self.at(x, y - 1)),
        ])
    }

    pub(super) fn blurred(&self, sigma: f32) -> Self {
        let wide: Vec<[f32; 1]> = self.0.iter().map(|&v| [v]).collect();
        Self(blur(&wide, sigma).into_iter().map(|[v]| v).collect())
    }
}

/// Gaussian blur in two passes, the border repeated.
fn blur<const N: usize>(data: &[[f32; N]], sigma: f32) -> Vec<[f32; N]> {
    let reach = (3.0 * sigma).ceil() as i32;
    let kernel: Vec<f32> = (-reach..=reach).map(|k| (-0.5 * (k as f32 / sigma).powi(2)).exp()).collect();
    let total: f32 = kernel.iter().sum();
    let pass = |from: &[[f32; N]], across: bool| -> Vec<[f32; N]> {
        let last = SIZE as i32 - 1;
        let mut out = vec![[0f32; N]; SIZE * SIZE];
        for y in 0..SIZE as i32 {
            for x in 0..SIZE as i32 {
                let mut sum = [0f32; N];
                for (k, weight) in (-reach..=reach).zip(&kernel) {
                    let (sx, sy) = if across { (x + k, y) } else { (x, y + k) };
                    let pixel = from[sy.clamp(0, last) as usize * SIZE + sx.clamp(0, last) as usize];
                    for (s, p) in sum.iter_mut().zip(pixel) {
                        *s += weight * p;
                    }
                }
                out[y as usize * SIZE + x as usize] = sum.map(|s| s / total);
            }
        }
        out
    };
    pass(&pass(data, true), false)
}

/// Lens and sensor: blur, vignette, exposure, shot and read noise, sRGB.
pub(super) struct Camera {
    blur: f32,
    exposure: f32,
    vignette: f32,
    noise: f32,
    grain: u64,
}

impl Camera {
    /// A camera whose focus, exposure and noise vary a little from shot to shot.
    pub(super) fn draw(rng: &mut ChaCha8Rng, blur: f32) -> Self {
        Self {
            blur: blur * rng.random_range(0.95..1.06f32),
            exposure: rng.random_range(0.975..1.025f32),
            vignette: rng.random_range(0.06..0.12f32),
            noise: rng.random_range(0.008..0.012f32),
            grain: rng.random(),
        }
    }

    /// The 8-bit picture of a scene in linear light. A pixel depends only on the light around it and on its
    /// own grain, so two scenes that agree in some area give the same pixels there.
    pub(super) fn expose(&self, scene: &Field<[f32; 3]>) -> Picture {
        let scene = blur(&scene.0, self.blur);
        let middle = SIZE as f32 / 2.0;
        Picture::from_fn(SIZE as u32, SIZE as u32, |x, y| {
            let (dx, dy) = ((x as f32 + 0.5 - middle) / middle, (y as f32 + 0.5 - middle) / middle);
            let gain = self.exposure * (1.0 - self.vignette * (dx * dx + dy * dy));
            let pixel = scene[y as usize * SIZE + x as usize];
            image::Rgb(std::array::from_fn(|k| {
                let light = (pixel[k] * gain).max(0.0);
                let grain = Lattice(mix(self.grain + k as u64)).normal(x.into(), y.into());
                // Shot noise grows with the root of the light; the floor is the read noise.
                let noise = self.noise * (0.3 * light + 0.002).sqrt() * grain;
                to_srgb(light + noise)
            }))
        })
    }
}

/// Linear light to an 8-bit sRGB value, with a soft shoulder instead of hard clipping above 0.8.
pub(super) fn to_srgb(light: f32) -> u8 {
    let light = light.max(0.0);
    let light = if light > 0.8 { 0.8 + 0.2 * (1.0 - (-(light - 0.8) / 0.2).exp()) } else { light };
    let value = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (255.0 * value + 0.5).clamp(0.0, 255.0) as u8
}
