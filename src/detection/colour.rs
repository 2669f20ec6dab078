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

/// A map up-sampled to `width x height`, bilinearly with half-pixel centres.
pub fn enlarge(map: &ScoreMap, width: u32, height: u32) -> ScoreMap {
    // The crate `image` clips floating-point pixels to 0..1 when it resizes.
    let largest = map.data.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let scaled: Vec<f32> = map.data.iter().map(|v| v / largest).collect();
    let source = ImageBuffer::<Luma<f32>, _>::from_raw(map.width as u32, map.height as u32, scaled);
    let Some(source) = source else { return map.clone() };
    let enlarged = imageops::resize(&source, width, height, imageops::FilterType::Triangle);
    let data = enlarged.into_raw().into_iter().map(|v| v * largest).collect();
    ScoreMap { width: width as usize, height: height as usize, data }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_above_one_survive_enlarging() {
        let map = ScoreMap { width: 2, height: 2, data: vec![0.0, 3.0, 1.5, 2.0] };
        let enlarged = enlarge(&map, 8, 8);
        assert_eq!(enlarged.data[7], 3.0);
        assert_eq!(enlarged.data[0], 0.0);
        assert!((enlarged.data[63] - 2.0).abs() < 1e-6);
    }

    #[test]
    fn the_scale_is_fixed_by_the_threshold() {
        assert_eq!(scale_position(0.625, 0.625), 0.5);
        assert_eq!(scale_position(9.0, 0.6), 1.0);
        let map = ScoreMap { width: 2, height: 1, data: vec![0.1, 2.0] };
        let picture = Picture::from_pixel(2, 1, Rgb([10, 200, 30]));
        let overlay = overlay(&picture, &map, 0.5);
        assert_eq!(overlay.get_pixel(0, 0), picture.get_pixel(0, 0));
        assert_ne!(overlay.get_pixel(1, 0), picture.get_pixel(1, 0));
    }
}
