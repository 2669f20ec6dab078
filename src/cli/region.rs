//! `--roi`: the region of interest that the argument describes.

use crate::picture::{Region, Size, open_mask};
use crate::{Error, Result};
use serde::Deserialize;
use std::path::Path;

/// Polygons in a file: one as a list of corners, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Drawn {
    One(Vec<[f64; 2]>),
    Several(Vec<Vec<[f64; 2]>>),
}

/// The region that `text` names, on pictures of the size `of`: `x,y,w,h` in pixels, a `.json` file of
/// polygons `[[x, y], …]`, or a mask as large as the pictures.
///
/// # Errors
/// It is none of these, the mask has another size, or no pixel of the pictures is inside.
pub fn read(text: &str, of: Size) -> Result<Region> {
    let wrong = |reason: String| Error::Setting(format!("--roi {text}: {reason}"));
    if let Some(numbers) = rectangle(text) {
        return Region::rectangle(of, numbers).map_err(wrong);
    }
    let path = Path::new(text);
    if path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("json")) {
        let json = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
        let drawn: Drawn = serde_json::from_str(&json)
            .map_err(|_| wrong("give a list of corners, [[x, y], …], or a list of such lists".into()))?;
        let polygons = match drawn {
            Drawn::One(polygon) => vec![polygon],
            Drawn::Several(polygons) => polygons,
        };
        return Region::polygons(of, polygons).map_err(wrong);
    }
    if !path.exists() {
        return Err(wrong("give a mask's file, a polygon's .json, or x,y,width,height in pixels".into()));
    }
    let mask = open_mask(path)?;
    let size = Size::new(mask.width, mask.height);
    if size != of {
        return Err(wrong(format!("the mask is {size}, the pictures are {of}; draw it on one of them")));
    }
    Region::of_mask(&mask).map_err(wrong)
}

fn rectangle(text: &str) -> Option<[f64; 4]> {
    let numbers: Vec<f64> = text.split(',').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma};

    #[test]
    fn three_ways_to_draw_and_one_line_for_what_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let size = Size::new(40, 20);
        let file = |name: &str| folder.path().join(name).display().to_string();
        let count = |text: &str| read(text, size).unwrap().mask(size).count();
        let refused = |text: &str| read(text, size).unwrap_err().to_string();
        assert_eq!(count("10,5,20,10"), 200);
        std::fs::write(file("a.json"), "[[10, 5], [30, 5], [30, 15], [10, 15]]").unwrap();
        assert_eq!(count(&file("a.json")), 200);
        std::fs::write(file("two.JSON"), "[[[0,0],[4,0],[4,4],[0,4]], [[8,8],[10,8],[10,10],[8,10]]]")
            .unwrap();
        assert_eq!(count(&file("two.JSON")), 20);
        let mask = |w, h, value| GrayImage::from_fn(w, h, |x, _| Luma([if x < 5 { value } else { 0 }]));
        mask(40, 20, 255).save(file("m.png")).unwrap();
        assert_eq!(count(&file("m.png")), 100);
        mask(20, 20, 255).save(file("small.png")).unwrap();
        mask(40, 20, 0).save(file("empty.png")).unwrap();
        std::fs::write(file("b.json"), "{}").unwrap();
        for (text, said) in [
            (file("small.png"), "20 x 20"),
            (file("empty.png"), "has no pixel"),
            (file("b.json"), "list of corners"),
            (file("none.png"), "x,y,width,height"),
            ("50,50,5,5".into(), "has no pixel"),
        ] {
            let line = refused(&text);
            assert!(line.contains(said) && !line.contains('\n'), "{line}");
        }
    }
}
