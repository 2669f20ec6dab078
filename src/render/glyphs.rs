//! A stroke font for silkscreen and part marking: five columns, seven rows, pen strokes only.

use super::layers::polyline;
use tiny_skia::{Path, PathBuilder};

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
        'J' => "4045361605",
        'K' => "0006 400346",
        'L' => "000646",
        'N' => "06004640",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stroke_stays_in_its_cell() {
        for character in "0123456789ABCDEFGHJKLNPQRSTUVXYZ-+.".chars() {
            for stroke in strokes(character).split(' ') {
                let digits: Vec<u32> = stroke.chars().filter_map(|c| c.to_digit(10)).collect();
                assert!(digits.len() >= 4 && digits.len().is_multiple_of(2), "{character}: {stroke}");
                assert!(digits.chunks(2).all(|p| p[0] <= 4 && p[1] <= 6), "{character}: {stroke}");
            }
            assert!(text(&character.to_string(), 0.0, 0.0, 6.0).is_some(), "{character}");
        }
    }
}
