//! Heat maps and overlays, on one fixed scale for all pictures of a model.

use crate::picture::{Picture, ScoreMap, resize};
use image::{ImageBuffer, Luma, Rgb, RgbImage, imageops};

/// Where a map value stands on the colour scale: 0 at 0, 0.5 at the threshold, 1 from twice the threshold on.
pub fn scale_position(value: f32, threshold: f64) -> f64 {
    (f64::from(value) / (2.0 * threshold)).clamp(0.0, 1.0)
}

/// The colour of a scale position: inferno, which is perceptually uniform and safe for colour-blind people.
pub fn colour(position: f64) -> Rgb<u8> {
    let colour = colorous::INFERNO.eval_continuous(position);
    Rgb([colour.r, colour.g, colour.b])
}

/// A map up-sampled to `width x height`.
pub fn enlarge(map: &ScoreMap, width: u32, height: u32) -> ScoreMap {
    let source = ImageBuffer::<Luma<f32>, _>::from_raw(map.width as u32, map.height as u32, map.data.clone());
    let Some(source) = source else { return map.clone() };
    let enlarged = imageops::resize(&source, width, height, imageops::FilterType::Triangle);
    ScoreMap { width: width as usize, height: height as usize, data: enlarged.into_raw() }
}

/// The heat map of `map` at its own size.
pub fn heat_map(map: &ScoreMap, threshold: f64) -> Picture {
    RgbImage::from_fn(map.width as u32, map.height as u32, |x, y| {
        colour(scale_position(map.data[y as usize * map.width + x as usize], threshold))
    })
}

/// The picture with the heat map laid over it: the more anomalous, the less transparent. The map must have
/// the picture's size.
pub fn overlay(picture: &Picture, map: &ScoreMap, threshold: f64) -> Picture {
    let mut result = picture.clone();
    for (pixel, &value) in result.pixels_mut().zip(&map.data) {
        let position = scale_position(value, threshold);
        // Below half the threshold the picture stays untouched, so that the eye goes where it should.
        let opacity = ((position - 0.25) / 0.5).clamp(0.0, 1.0) * 0.65;
        let Rgb(heat) = colour(position);
        for (channel, heat) in pixel.0.iter_mut().zip(heat) {
            *channel = (f64::from(*channel) * (1.0 - opacity) + f64::from(heat) * opacity).round() as u8;
        }
    }
    result
}

/// A feature map `[C, H, W]` as one grey-scale-like picture: the length of each position's vector, scaled to
/// the largest, in the colours of the heat map; `width x width` pixels.
pub fn feature_picture(values: &ScoreMap, width: u32) -> Picture {
    let largest = values.data.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let small = heat_map(values, f64::from(largest) / 2.0);
    if small.width() < width {
        imageops::resize(&small, width, width, imageops::FilterType::Nearest)
    } else {
        resize(&small, width, width)
    }
}
