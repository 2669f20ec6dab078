//! A stroke font for silkscreen and part marking: five columns, seven rows, pen strokes only.

use super::layers::{pen, polyline};
use crate::picture::Picture;
use tiny_skia::{Color, Paint, Path, PathBuilder, Pixmap, Transform};

/// Width of one character with its gap, in units of the 4 x 6 grid.
pub(super) const ADVANCE: f32 = 5.6;

/// The strokes of a character: each a run of column-row pairs (column 0-4, row 0-6 downwards).
fn strokes(character: char) -> &'static str {
    match character {
        '0' => "103041453616050110",
        '1' => "112026 1636",
        '2' => "01103041420646",
        '3' => "004023334445361605",
        '4' => "300343 3036",
        '5' => "400002324345361605",
        '6' => "4130100105163645443303",
        '7' => "004016",
        '8' => "103041423313020110 1304051636454433",
        '9' => "0516364541301001021343",
        'A' => "0601204146 0444",
        'B' => "00063645443303 3342413000",
        'C' => "4130100105163645",
        'D' => "00063645413000",
        'E' => "40000646 0333",
        'F' => "400006 0333",
        'G' => "41301001051636454323",
        'H' => "0006 4046 0343",
        'I' => "2026 1030 1636",
        'J' => "4045361605",
        'K' => "0006 400346",
        'L' => "000646",
        'N' => "06004640",
        'O' => "103041453616050110",
        'P' => "06003041423303",
        'Q' => "103041453616050110 2446",
        'R' => "06003041423303 2346",
        'S' => "413010010213334445361605",
        'T' => "0040 2026",
        'U' => "000516364540",
        'V' => "002640",
        'X' => "0046 4006",
        'Y' => "002340 2326",
        'Z' => "00400646",
        '-' => "0343",
        '+' => "0343 2125",
        '.' => "2526",
        _ => "",
    }
}

/// A line of text whose top left corner is (x, y) and whose capitals are `height` tall; `None` when
/// nothing in it can be drawn.
pub(super) fn text(words: &str, x: f32, y: f32, height: f32) -> Option<Path> {
    let unit = height / 6.0;
    let mut all = PathBuilder::new();
    for (index, character) in words.chars().enumerate() {
        let left = x + index as f32 * ADVANCE * unit;
        for stroke in strokes(character).split(' ') {
            let places: Vec<f32> = stroke.chars().filter_map(|c| c.to_digit(10)).map(|d| d as f32).collect();
            let points: Vec<[f32; 2]> =
                places.chunks_exact(2).map(|p| [left + unit * p[0], y + unit * p[1]]).collect();
            if let Some(path) = polyline(&points) {
                all.push_path(&path);
            }
        }
    }
    all.finish()
}

/// Writes a line of capitals, figures, `-`, `+` and `.` into a picture, its top left corner at (x, y). The font has no M and
/// no W.
pub fn label(picture: &mut Picture, words: &str, [x, y]: [f32; 2], height: f32, color: [u8; 3]) {
    let (w, h) = picture.dimensions();
    let (Some(path), Some(mut ink)) = (text(words, x, y, height), Pixmap::new(w, h)) else { return };
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(Color::WHITE);
    ink.stroke_path(&path, &paint, &pen(height / 7.0), Transform::identity(), None);
    for (pixel, ink) in picture.pixels_mut().zip(ink.pixels()) {
        let opacity = f32::from(ink.alpha()) / 255.0;
        for (channel, color) in pixel.0.iter_mut().zip(color) {
            *channel = (f32::from(*channel) * (1.0 - opacity) + f32::from(color) * opacity).round() as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_written_where_it_is_told() {
        let mut picture = Picture::new(60, 24);
        label(&mut picture, "L1", [10.0, 5.0], 14.0, [9, 200, 30]);
        // The L's stem, and nothing beside the label.
        assert_eq!(picture.get_pixel(10, 10).0, [9, 200, 30]);
        let end = 10 + (2.0 * ADVANCE * 14.0 / 6.0) as u32;
        let inked = picture.enumerate_pixels().filter(|(_, _, pixel)| pixel.0 != [0; 3]);
        assert!(inked.map(|(x, y, _)| (x, y)).all(|(x, y)| (8..end).contains(&x) && (3..21).contains(&y)));
        label(&mut picture, "", [0.0; 2], 12.0, [9; 3]);
    }

    #[test]
    fn every_stroke_stays_in_its_cell() {
        for character in "0123456789ABCDEFGHIJKLNOPQRSTUVXYZ-+.".chars() {
            for stroke in strokes(character).split(' ') {
                let digits: Vec<u32> = stroke.chars().filter_map(|c| c.to_digit(10)).collect();
                assert!(digits.len() >= 4 && digits.len().is_multiple_of(2), "{character}: {stroke}");
                assert!(digits.chunks(2).all(|p| p[0] <= 4 && p[1] <= 6), "{character}: {stroke}");
            }
            assert!(text(&character.to_string(), 0.0, 0.0, 6.0).is_some(), "{character}");
        }
    }
}
