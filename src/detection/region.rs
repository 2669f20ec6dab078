//! The findings as numbers: the connected regions of a map above the threshold.

use crate::picture::{Mask, ScoreMap, Size};
use serde::{Deserialize, Serialize};

/// A region above the threshold, in pixels of the original picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Left edge, upper edge, width and height of the smallest box around it.
    #[serde(rename = "box")]
    pub bounds: [u32; 4],
    /// Column and row of its center of gravity.
    pub center: [f64; 2],
    /// Number of its pixels.
    pub area: u64,
    /// The map's highest value in it.
    pub maximum: f64,
    /// The map's mean value in it.
    pub mean: f64,
}

/// A region while it is being collected, in cells of the map.
#[derive(Clone)]
struct Sums {
    columns: [usize; 2],
    rows: [usize; 2],
    place: [f64; 2],
    cells: usize,
    maximum: f32,
    sum: f64,
}

/// The 8-connected regions of a map of the whole picture above `threshold` that have at least `min_area` pixels of the
/// picture, whose size is `native`; the highest first.
pub fn regions(map: &ScoreMap, threshold: f64, native: Size, min_area: f64) -> Vec<Found> {
    let (width, height) = (map.width, map.height);
    let above = map.data.iter().map(|&value| f64::from(value) > threshold).collect();
    let above = Mask { width, height, data: above };
    if above.count() == 0 {
        return Vec::new();
    }
    let mut sums: Vec<Option<Sums>> = Vec::new();
    for (i, piece) in above.components().into_iter().enumerate().filter(|(_, piece)| *piece > 0) {
        let (x, y, value) = (i % width, i / width, map.data[i]);
        let piece = piece as usize - 1;
        sums.resize(sums.len().max(piece + 1), None);
        let Sums { columns, rows, place, cells, maximum, sum } = sums[piece].get_or_insert(Sums {
            columns: [x, x],
            rows: [y, y],
            place: [0.0; 2],
            cells: 0,
            maximum: value,
            sum: 0.0,
        });
        *columns = [columns[0].min(x), columns[1].max(x)];
        *rows = [rows[0].min(y), rows[1].max(y)];
        *place = [place[0] + x as f64 + 0.5, place[1] + y as f64 + 0.5];
        *maximum = maximum.max(value);
        *sum += f64::from(value);
        *cells += 1;
    }
    // Pixels of the picture per cell of the map.
    let scale = [native.width as f64 / width as f64, native.height as f64 / height as f64];
    let found = |sums: Sums| {
        let count = sums.cells as f64;
        let side = |axis: usize, [first, last]: [usize; 2]| {
            let from = (first as f64 * scale[axis]).floor();
            let to = ((last + 1) as f64 * scale[axis]).ceil().min([native.width, native.height][axis] as f64);
            [from as u32, (to - from).max(1.0) as u32]
        };
        let ([x, w], [y, h]) = (side(0, sums.columns), side(1, sums.rows));
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        Found {
            bounds: [x, y, w, h],
            center: [0, 1].map(|axis| tenth(sums.place[axis] / count * scale[axis])),
            area: ((count * scale[0] * scale[1]).round() as u64).max(1),
            maximum: f64::from(sums.maximum),
            mean: sums.sum / count,
        }
    };
    let mut regions: Vec<Found> = sums.into_iter().flatten().map(found).collect();
    regions.retain(|region| region.area as f64 >= min_area);
    regions.sort_by(|a, b| b.maximum.total_cmp(&a.maximum));
    regions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_counted_in_pixels_of_the_picture() {
        // 6 x 4 for a picture of 12 x 12: a cell is 2 x 3 pixels.
        #[rustfmt::skip]
        let data = vec![
            0.0, 2.0, 0.0, 0.0, 0.0, 0.0,
            0.0, 0.0, 3.0, 0.0, 0.0, 0.0,
            0.0, 0.0, 0.0, 0.0, 0.0, 9.0,
            1.0, 0.0, 0.0, 0.0, 0.0, 5.0,
        ];
        let map = ScoreMap { width: 6, height: 4, data };
        let native = Size::square(12);
        let found = regions(&map, 1.0, native, 0.0);
        let right = Found { bounds: [10, 6, 2, 6], center: [11.0, 9.0], area: 12, maximum: 9.0, mean: 7.0 };
        // Corners touch: one region.
        let left = Found { bounds: [2, 0, 4, 6], center: [4.0, 3.0], area: 12, maximum: 3.0, mean: 2.5 };
        assert_eq!(found, [right, left]);
        assert_eq!(regions(&map, 1.0, native, 13.0), []);
        assert_eq!(regions(&map, 9.0, native, 0.0), []);
        let text = serde_json::to_string(&found[0]).unwrap();
        assert_eq!(text, r#"{"box":[10,6,2,6],"center":[11.0,9.0],"area":12,"maximum":9.0,"mean":7.0}"#);
    }
}
