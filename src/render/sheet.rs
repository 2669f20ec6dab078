//! One picture that shows a line at a glance.

use super::{ProductLine, grain, render};
use crate::Result;
use crate::picture::{Mask, Picture};

const GAP: u32 = 6;
const PAPER: image::Rgb<u8> = image::Rgb([250, 250, 250]);
const OUTLINE: image::Rgb<u8> = image::Rgb([255, 40, 60]);

/// A sheet of `columns` pictures a row: good parts first, then one row for each kind of defect in the
/// order of [`ProductLine::defects`], its mask outlined in red.
///
/// # Errors
/// None of its own; those of [`render`].
pub fn contact_sheet(line: ProductLine, columns: u32, seed: u64) -> Result<Picture> {
    let columns = columns.max(1);
    let rows = 1 + line.defects().len() as u32;
    let (width, height) = line.size().pixels();
    let [across, down] = [width + GAP, height + GAP];
    let mut sheet = Picture::from_pixel(columns * across + GAP, rows * down + GAP, PAPER);
    let kinds = std::iter::once(None).chain(line.defects().iter().copied().map(Some));
    for (row, defect) in (0..).zip(kinds) {
        for column in 0..columns {
            let part = grain::mix(seed ^ u64::from(row * columns + column));
            let mut rendered = render(line, part, defect)?;
            outline(&mut rendered.picture, &rendered.mask);
            let (x, y) = (GAP + column * across, GAP + row * down);
            image::imageops::replace(&mut sheet, &rendered.picture, x.into(), y.into());
        }
    }
    Ok(sheet)
}

/// Draws a line around the mask, three pixels away so that it hides nothing.
fn outline(picture: &mut Picture, mask: &Mask) {
    let marks = image::GrayImage::from_fn(mask.width as u32, mask.height as u32, |x, y| {
        image::Luma([if mask.data[y as usize * mask.width + x as usize] { 255 } else { 0 }])
    });
    let norm = imageproc::distance_transform::Norm::L2;
    let inner = imageproc::morphology::dilate(&marks, norm, 3);
    let outer = imageproc::morphology::dilate(&marks, norm, 4);
    for (pixel, (inner, outer)) in picture.pixels_mut().zip(inner.pixels().zip(outer.pixels())) {
        if outer.0[0] > 0 && inner.0[0] == 0 {
            *pixel = OUTLINE;
        }
    }
}
