//! An odd patch beside the good one that is most like it, as one picture.

use super::why::Likeness;
use crate::picture::Picture;
use crate::render::label;
use image::{Rgb, imageops};

/// The longer side of a patch, in pixels.
const SIDE: u32 = 240;
/// Around and between the patches.
const MARGIN: u32 = 16;
/// The height of a label's capitals.
const CAPITALS: u32 = 10;
const GROUND: Rgb<u8> = Rgb([24, 24, 27]);
/// That of the boxes in overlays.
const HERE: [u8; 3] = [0, 224, 255];
const GOOD: [u8; 3] = [228, 228, 231];

impl Likeness {
    /// Both patches side by side, enlarged, with a label above each and how far they are apart below; of `count` good
    /// pictures the good one is from.
    pub fn beside(&self, count: usize) -> Picture {
        let patches = [(&self.odd, HERE, "HERE"), (&self.good, GOOD, "NEAREST GOOD PATCH")];
        let line = CAPITALS + MARGIN;
        let mut picture = Picture::from_pixel(3 * MARGIN + 2 * SIDE, 2 * MARGIN + 2 * line + SIDE, GROUND);
        for (n, (shown, color, words)) in patches.into_iter().enumerate() {
            let left = MARGIN + n as u32 * (SIDE + MARGIN);
            label(&mut picture, words, [left as f32, MARGIN as f32], CAPITALS as f32, color);
            let patch = shown.enlarged(SIDE);
            let (w, h) = patch.dimensions();
            let [x, y] = [left + (SIDE - w) / 2, MARGIN + line + (SIDE - h) / 2];
            for thick in 1..=2 {
                let corner = [x, y].map(|at| (at - thick) as i32);
                let frame = imageproc::rect::Rect::at(corner[0], corner[1]);
                let frame = frame.of_size(w + 2 * thick, h + 2 * thick);
                imageproc::drawing::draw_hollow_rect_mut(&mut picture, frame, Rgb(color));
            }
            imageops::replace(&mut picture, &patch, x.into(), y.into());
        }
        let words = format!("PICTURE {} OF {count}  DISTANCE {:.3}", self.picture + 1, self.distance());
        let place = [(2 * MARGIN + SIDE) as f32, (MARGIN + line + SIDE + MARGIN) as f32];
        // As much smaller as it takes to stay below the patch.
        let height = (CAPITALS as f32).min(SIDE as f32 * 6.0 / 5.6 / words.chars().count() as f32);
        label(&mut picture, &words, place, height, GOOD);
        picture
    }
}
