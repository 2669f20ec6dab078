//! The colors of heat maps.

use image::Rgb;

/// The color of a scale position, 0 to 1: inferno, which is perceptually uniform and safe for color-blind people.
pub fn color(position: f64) -> Rgb<u8> {
    let color = colorous::INFERNO.eval_continuous(position);
    Rgb([color.r, color.g, color.b])
}
