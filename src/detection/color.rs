//! Heat maps and overlays, on one fixed scale for all pictures of a model.

use super::Found;
use crate::picture::{Picture, ScoreMap, Size, color, resize};
use image::{ImageBuffer, Luma, Rgb, imageops};

/// The position of a map value on the color scale: 0 at 0, 0.5 at the threshold, 1 at twice the threshold and
/// above.
pub fn scale_position(value: f32, threshold: f64) -> f64 {
    (f64::from(value) / (2.0 * threshold)).clamp(0.0, 1.0)
}

/// A map up-sampled to `width x height`, bilinearly with half-pixel centers.
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

/// The heat map of `map`, stretched to `size`.
pub fn heat_map(map: &ScoreMap, size: Size, threshold: f64) -> Picture {
    let (width, height) = size.pixels();
    let mut picture = Picture::new(width, height);
    stretched(map, size, |y, values| {
        let line = picture.pixels_mut().skip(y * size.width);
        line.zip(values).for_each(|(pixel, &value)| *pixel = color(scale_position(value, threshold)));
    });
    picture
}

/// The picture with the heat map laid over it, stretched to its size: the more anomalous, the less transparent.
pub fn overlay(picture: &Picture, map: &ScoreMap, threshold: f64) -> Picture {
    let size = Size::of(picture);
    let mut result = picture.clone();
    stretched(map, size, |y, values| {
        for (pixel, &value) in result.pixels_mut().skip(y * size.width).zip(values) {
            let position = scale_position(value, threshold);
            // Below half the threshold the picture stays as it is, so that anomalies draw the eye.
            let opacity = ((position - 0.25) / 0.5).clamp(0.0, 1.0) * 0.65;
            let Rgb(heat) = color(position);
            for (channel, heat) in pixel.0.iter_mut().zip(heat) {
                *channel = (f64::from(*channel) * (1.0 - opacity) + f64::from(heat) * opacity).round() as u8;
            }
        }
    });
    result
}

/// The color of the boxes: far from every color of the scale.
const BOX: Rgb<u8> = Rgb([0, 224, 255]);

/// Draws a box around every region, a little outside it. `picture` shows a whole picture of size `native`,
/// possibly scaled.
pub fn draw_boxes(picture: &mut Picture, regions: &[Found], native: Size) {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let scale = [width / native.width.max(1) as f64, height / native.height.max(1) as f64];
    // Thick enough to be seen when the picture is shrunk to fit a screen.
    let thick = (picture.width().max(picture.height()) / 800 + 1) as i32;
    for Found { bounds: [x, y, w, h], .. } in regions {
        let low = [f64::from(*x) * scale[0], f64::from(*y) * scale[1]].map(|v| v.floor() as i32 - 2);
        let high = [f64::from(x + w) * scale[0], f64::from(y + h) * scale[1]].map(|v| v.ceil() as i32 + 2);
        for line in 0..thick {
            let [left, top] = low.map(|v| v - line);
            let [right, bottom] = high.map(|v| v + line);
            let sides = [right - left, bottom - top].map(|side| side.max(1) as u32);
            let rect = imageproc::rect::Rect::at(left, top).of_size(sides[0], sides[1]);
            imageproc::drawing::draw_hollow_rect_mut(picture, rect, BOX);
        }
    }
}

/// Stretches a map to `size` and passes its lines to `line` one by one: the whole stretched map may be too large for
/// memory.
fn stretched(map: &ScoreMap, size: Size, mut line: impl FnMut(usize, &[f32])) {
    let (width, height) = size.pixels();
    if map.data.is_empty() || size.area() == 0 {
        return;
    }
    if map.width > size.width || map.height > size.height {
        let shrunk = enlarge(map, width, height);
        shrunk.data.chunks_exact(size.width).enumerate().for_each(|(y, values)| line(y, values));
        return;
    }
    let columns: Vec<(usize, usize, f32)> =
        (0..size.width).map(|x| between(x, size.width, map.width)).collect();
    let mut values = vec![0.0; size.width];
    for y in 0..size.height {
        let (top, bottom, share) = between(y, size.height, map.height);
        let [top, bottom] = [top, bottom].map(|row| &map.data[row * map.width..][..map.width]);
        let at = |x: usize| top[x] + (bottom[x] - top[x]) * share;
        for (value, &(left, right, share)) in values.iter_mut().zip(&columns) {
            let (left, right) = (at(left), at(right));
            *value = left + (right - left) * share;
        }
        line(y, &values);
    }
}

/// The two inputs that an output lies between, with half-pixel centers, and the weight of the second.
fn between(output: usize, outputs: usize, inputs: usize) -> (usize, usize, f32) {
    let place = (output as f64 + 0.5) * inputs as f64 / outputs as f64 - 0.5;
    let place = place.clamp(0.0, (inputs - 1) as f64);
    let low = place as usize;
    (low, (low + 1).min(inputs - 1), (place - low as f64) as f32)
}

/// A feature map `[C, H, W]` as one picture: the length of each position's vector, relative to the largest,
/// in the colors of the heat map; `width` pixels wide.
pub fn feature_picture(values: &ScoreMap, width: u32) -> Picture {
    let largest = values.data.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let own = Size::new(values.width, values.height);
    let small = heat_map(values, own, f64::from(largest) / 2.0);
    let height = ((f64::from(width) / own.aspect()).round() as u32).max(1);
    if small.width() < width {
        imageops::resize(&small, width, height, imageops::FilterType::Nearest)
    } else {
        resize(&small, width, height)
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
    fn stretching_is_bilinear_line_by_line() {
        let map = ScoreMap { width: 3, height: 2, data: vec![0.0, 3.0, 1.5, 2.0, 1.0, 0.25] };
        for size in [Size::new(3, 2), Size::new(12, 11), Size::new(2, 2)] {
            let whole = enlarge(&map, size.width as u32, size.height as u32);
            let mut lines = 0;
            stretched(&map, size, |y, values| {
                for (value, right) in values.iter().zip(&whole.data[y * size.width..]) {
                    assert!((value - right).abs() < 1e-5, "{size}: {value} is not {right}");
                }
                lines += 1;
            });
            assert_eq!(lines, size.height);
        }
    }

    #[test]
    fn boxes_are_drawn_around_regions_and_within_the_picture() {
        let mut picture = Picture::new(40, 20);
        let found = |bounds| Found { bounds, center: [0.0; 2], area: 1, maximum: 1.0, mean: 1.0 };
        draw_boxes(&mut picture, &[found([20, 20, 10, 10]), found([0, 0, 2, 2])], Size::new(80, 40));
        assert_eq!(*picture.get_pixel(8, 10), BOX);
        assert_eq!(*picture.get_pixel(16, 16), BOX);
        assert_eq!(*picture.get_pixel(12, 12), Rgb([0; 3]));
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
