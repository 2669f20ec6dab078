//! The changes themselves. Values are rounded and clamped to 0..255, as a camera's are.

use crate::normal::normal;
use crate::picture::{Picture, turn};
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat};
use imageproc::geometric_transformations::{Border, Interpolation, Projection, warp_into};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

fn map_values(picture: &Picture, value: impl Fn(f64) -> f64) -> Picture {
    let table: [u8; 256] = std::array::from_fn(|v| byte(value(v as f64)));
    let mut out = picture.clone();
    out.iter_mut().for_each(|v| *v = table[usize::from(*v)]);
    out
}

fn shorter_side(picture: &Picture) -> f64 {
    f64::from(picture.width().min(picture.height()))
}

pub(super) fn lighting(picture: &Picture, level: f64) -> Picture {
    map_values(picture, |v| v * (1.0 + level))
}

pub(super) fn contrast(picture: &Picture, level: f64) -> Picture {
    let values = picture.as_raw();
    let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len().max(1) as f64;
    map_values(picture, |v| mean + (v - mean) * (1.0 + level))
}

pub(super) fn blur(picture: &Picture, level: f64) -> Picture {
    let sigma = level * shorter_side(picture) / 256.0;
    // Less than a twentieth of a pixel is invisible, and the library requires a value above zero.
    if sigma < 0.05 {
        return picture.clone();
    }
    image::imageops::blur(picture, sigma as f32)
}

pub(super) fn noise(picture: &Picture, level: f64, rng: &mut ChaCha8Rng) -> Picture {
    let mut out = picture.clone();
    for value in out.iter_mut() {
        *value = byte(f64::from(*value) + 255.0 * level * normal(rng));
    }
    out
}

pub(super) fn jpeg(picture: &Picture, level: f64) -> Picture {
    let mut bytes = Vec::new();
    let quality = level.round().clamp(1.0, 100.0) as u8;
    let (width, height) = picture.dimensions();
    let stored = JpegEncoder::new_with_quality(&mut bytes, quality).encode(
        picture.as_raw(),
        width,
        height,
        ExtendedColorType::Rgb8,
    );
    // JPEG allows at most 65,535 pixels a side; a larger picture stays as it is.
    let read = stored.ok().and_then(|()| image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg).ok());
    read.map_or_else(|| picture.clone(), |picture| picture.into_rgb8())
}

pub(super) fn shift(picture: &Picture, level: f64, rng: &mut ChaCha8Rng) -> Picture {
    let way = level * shorter_side(picture);
    let (y, x) = rng.random_range(0.0..std::f64::consts::TAU).sin_cos();
    warp(picture, Projection::translate((way * x) as f32, (way * y) as f32))
}

pub(super) fn rotate(picture: &Picture, degrees: f64) -> Picture {
    warp(picture, turn(picture.dimensions(), degrees as f32))
}

fn warp(picture: &Picture, projection: Projection) -> Picture {
    let mut out = Picture::new(picture.width(), picture.height());
    warp_into(picture, projection, Interpolation::Bilinear, Border::Replicate, &mut out);
    out
}
