//! Pictures inside the page.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::{FilterType, resize};
use image::{ExtendedColorType, ImageEncoder, ImageResult};
use maud::{Markup, html};

use crate::error::{Error, Result};
use crate::picture::{Mask, Picture, ScoreMap, color};

/// The longer side of a photograph in the page, in pixels.
const SIDE: u32 = 256;

/// A photograph as an inline JPEG of at most 256 pixels.
pub(super) fn photograph(picture: &Picture, alt: &str) -> Result<Markup> {
    let (w, h) = picture.dimensions();
    let scale = f64::from(SIDE) / f64::from(w.max(h).max(1));
    let small = if scale < 1.0 {
        let side = |length: u32| ((f64::from(length) * scale).round() as u32).max(1);
        &resize(picture, side(w), side(h), FilterType::CatmullRom)
    } else {
        picture
    };
    let mut bytes = Vec::new();
    let (w, h) = small.dimensions();
    let done =
        JpegEncoder::new_with_quality(&mut bytes, 82).write_image(small, w, h, ExtendedColorType::Rgb8);
    image_tag("jpeg", done, &bytes, (w, h), alt, "")
}

/// A mask in black and white, at most 256 pixels.
pub(super) fn mask(mask: &Mask, alt: &str) -> Result<Markup> {
    let step = mask.width.max(mask.height).div_ceil(SIDE as usize).max(1);
    let (w, h) = (mask.width.div_ceil(step), mask.height.div_ceil(step));
    // A cell is white if any of its pixels is: a defect of one pixel must not vanish.
    let mut grey = vec![0u8; w * h];
    for (n, _) in mask.data.iter().enumerate().filter(|(_, inside)| **inside) {
        grey[n / mask.width / step * w + n % mask.width / step] = 255;
    }
    let mut bytes = Vec::new();
    let done = PngEncoder::new(&mut bytes).write_image(&grey, w as u32, h as u32, ExtendedColorType::L8);
    image_tag("png", done, &bytes, (w as u32, h as u32), alt, "crisp")
}

/// A map of few cells, colored from `low` to `high`, each cell a square.
pub(super) fn cells(map: &ScoreMap, low: f32, high: f32, alt: &str) -> Result<Markup> {
    let span = if high > low { high - low } else { 1.0 };
    let colored: Vec<u8> =
        (map.data.iter()).flat_map(|value| color(f64::from((value - low) / span)).0).collect();
    let (w, h) = (map.width as u32, map.height as u32);
    let mut bytes = Vec::new();
    let done = PngEncoder::new(&mut bytes).write_image(&colored, w, h, ExtendedColorType::Rgb8);
    image_tag("png", done, &bytes, (w, h), alt, "crisp")
}

fn image_tag(
    kind: &str,
    encoded: ImageResult<()>,
    bytes: &[u8],
    (w, h): (u32, u32),
    alt: &str,
    class: &str,
) -> Result<Markup> {
    encoded.map_err(|error| Error::picture(alt, format!("{error}; leave it out of the report")))?;
    let source = format!("data:image/{kind};base64,{}", STANDARD.encode(bytes));
    Ok(
        html! { img src=(source) width=(w) height=(h) alt=(alt) class=[(!class.is_empty()).then_some(class)]; },
    )
}
