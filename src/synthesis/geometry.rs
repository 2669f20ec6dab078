//! Bilinear rotation and resizing in OpenCV's pixel grid, for pictures and for maps.

use crate::picture::{Picture, turn};
use image::{ImageBuffer, Luma, Pixel};
use imageproc::definitions::{Clamp, Image};
use imageproc::geometric_transformations::{Border, Interpolation, warp_into, warp_into_with};

/// Rotates by `degrees` about the center of the pixel grid, bilinear, same size, zeros from outside
/// (OpenCV `warpAffine` as imgaug calls it; method.md 3 step 4 and 3.1 number 10).
pub fn rotate<P>(picture: &Image<P>, degrees: f32) -> Image<P>
where
    P: Pixel + Send + Sync,
    P::Subpixel: Send + Sync + Into<f32> + Clamp<f32> + Default,
{
    let (width, height) = picture.dimensions();
    let mut out = Image::new(width, height);
    // A new image is zero everywhere, so its first pixel serves as the fill.
    let zero = *ImageBuffer::<P, Vec<P::Subpixel>>::new(1, 1).get_pixel(0, 0);
    warp_into(
        picture,
        turn((width, height), degrees),
        Interpolation::Bilinear,
        Border::Constant(zero),
        &mut out,
    );
    out
}

/// [`rotate`] for a `height x width` map of numbers.
pub fn rotate_map(map: Vec<f32>, height: usize, width: usize, degrees: f32) -> Vec<f32> {
    match Image::<Luma<f32>>::from_raw(width as u32, height as u32, map) {
        Some(image) => rotate(&image, degrees).into_raw(),
        None => vec![0.0; height * width],
    }
}

/// Resizes bilinearly with half-pixel centers, replicated borders and no antialiasing (OpenCV
/// `INTER_LINEAR`; method.md 3 step 1).
pub fn resize_bilinear(picture: &Picture, width: u32, height: u32) -> Picture {
    if picture.dimensions() == (width, height) {
        return picture.clone();
    }
    let (sx, sy) = (picture.width() as f32 / width as f32, picture.height() as f32 / height as f32);
    let mut out = Picture::new(width, height);
    let source = move |x: f32, y: f32| ((x + 0.5) * sx - 0.5, (y + 0.5) * sy - 0.5);
    warp_into_with(picture, source, Interpolation::Bilinear, Border::Replicate, &mut out);
    out
}

/// Enlarges a square map of `from x from` numbers to `to x to`, bilinear, half-pixel centers.
pub fn enlarge_map(map: &[f32], from: usize, to: usize) -> Vec<f32> {
    if from == to {
        return map.to_vec();
    }
    let scale = from as f32 / to as f32;
    let places: Vec<(usize, usize, f32)> = (0..to)
        .map(|n| {
            let place = ((n as f32 + 0.5) * scale - 0.5).clamp(0.0, (from - 1) as f32);
            let low = place as usize;
            (low, (low + 1).min(from - 1), place - low as f32)
        })
        .collect();
    let mut out = Vec::with_capacity(to * to);
    let mut blended = vec![0.0; from];
    for &(top, bottom, weight) in &places {
        let (top, bottom) = (&map[top * from..][..from], &map[bottom * from..][..from]);
        for ((b, &t), &l) in blended.iter_mut().zip(top).zip(bottom) {
            *b = t + weight * (l - t);
        }
        out.extend(places.iter().map(|&(l, r, w)| blended[l] + w * (blended[r] - blended[l])));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn a_quarter_turn_is_a_permutation() {
        let map: Vec<f32> = (0..16).map(|n| n as f32).collect();
        let turned = rotate_map(map.clone(), 4, 4, 90.0);
        for i in 0..4 {
            for j in 0..4 {
                assert!((turned[j * 4 + 3 - i] - map[i * 4 + j]).abs() < 1e-3, "{turned:?}");
            }
        }
    }

    #[test]
    fn corners_are_filled_with_zero() {
        let picture = Picture::from_pixel(32, 32, Rgb([200, 100, 50]));
        let turned = rotate(&picture, 45.0);
        assert_eq!(turned.get_pixel(0, 0), &Rgb([0, 0, 0]));
        assert_eq!(turned.get_pixel(16, 16), &Rgb([200, 100, 50]));
    }

    #[test]
    fn resize_uses_half_pixel_centers() {
        let picture = Picture::from_fn(4, 1, |x, _| Rgb([[0, 100, 200, 40][x as usize]; 3]));
        let half = resize_bilinear(&picture, 2, 1);
        assert_eq!((half.get_pixel(0, 0)[0], half.get_pixel(1, 0)[0]), (50, 120));
        let double = resize_bilinear(&picture, 8, 1);
        assert_eq!((double.get_pixel(0, 0)[0], double.get_pixel(1, 0)[0]), (0, 25));
        assert_eq!(enlarge_map(&[0.0, 100.0, 0.0, 100.0], 2, 4)[..4], [0.0, 25.0, 75.0, 100.0]);
    }
}
