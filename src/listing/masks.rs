//! Masks among pictures of parts, recognized by their names, by the picture they belong to, and by their content.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::names::{Meaning, folders_between, is_wholly, picture_of};
use crate::picture::{Picture, open};

/// Which of `pictures` are masks of others among them. A file named like a mask is still a picture of a part if it
/// has no picture of its own, as `front_label.png`, or has as many colors as a photograph.
pub(crate) fn among(pictures: &[PathBuf], root: &Path) -> HashSet<PathBuf> {
    let named: Vec<PathBuf> = by_name(pictures, root);
    named.into_par_iter().filter(|path| open(path).is_ok_and(|picture| is_flat(&picture))).collect()
}

/// Masks judged by names, including the names of folders below `root`: a mask is named like its picture, or
/// lies in a folder named like it.
fn by_name(pictures: &[PathBuf], root: &Path) -> Vec<PathBuf> {
    let folded = |text: &str| text.to_lowercase();
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let in_masks = |path: &Path| folders_between(root, path).any(|name| is_wholly(&name, Meaning::Mask));
    let (inside, outside): (Vec<&PathBuf>, Vec<&PathBuf>) = pictures.iter().partition(|path| in_masks(path));
    let partners: HashSet<String> = outside.iter().map(|path| folded(&stem(path))).collect();
    let beside: HashSet<PathBuf> =
        outside.iter().map(|path| path.with_file_name(folded(&stem(path)))).collect();
    let of_a_picture = |path: &&PathBuf| {
        let stem = stem(path);
        let parent = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        [picture_of(&stem).unwrap_or(&stem), &stem, &parent]
            .iter()
            .any(|name| partners.contains(&folded(name)))
    };
    let of_a_neighbor = |path: &&PathBuf| {
        picture_of(&stem(path)).is_some_and(|name| beside.contains(&path.with_file_name(folded(name))))
    };
    let inside = inside.into_iter().filter(of_a_picture);
    inside.chain(outside.into_iter().filter(of_a_neighbor)).cloned().collect()
}

/// A mask has no more colors than this, unless it is stored as JPEG, which adds colors along the edges.
const COLORS: usize = 16;

/// Whether a picture has as few colors as a mask, or is black and white except for one pixel in fifty.
fn is_flat(picture: &Picture) -> bool {
    let mut colors = HashSet::new();
    let few = picture.pixels().all(|pixel| {
        colors.insert(pixel.0);
        colors.len() <= COLORS
    });
    let extreme = |value: &u8| *value < 8 || *value >= 248;
    let edges = picture.pixels().filter(|pixel| !pixel.0.iter().all(extreme)).count();
    few || edges * 50 <= picture.pixels().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage};

    #[test]
    fn masks_need_a_picture_to_be_one_of_others() {
        let files = [
            "r/a.png",
            "r/a_GT.png",
            "r/front_label.png",
            "r/masks/a.png",
            "r/ground_truth/hole/a/000.png",
            "r/test/b.png",
            "r/labels/c.png",
            "r/wrong_label/b.png",
            "r/NG/b.png",
            "r/test/a_mask.png",
        ];
        let mut found = by_name(&files.map(PathBuf::from), Path::new("r"));
        found.sort();
        assert_eq!(
            found,
            ["r/a_GT.png", "r/ground_truth/hole/a/000.png", "r/masks/a.png"].map(PathBuf::from)
        );
    }

    #[test]
    fn a_photograph_is_no_mask_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let photo = RgbImage::from_fn(40, 30, |x, y| Rgb([6 * x as u8, 8 * y as u8, (x * y) as u8]));
        let mask = GrayImage::from_fn(40, 30, |x, y| Luma([u8::from(x > 20 && y > 9) * 255]));
        let paths = ["a.png", "a_label.png", "b.png", "b_label.png", "b_mask.jpg"]
            .map(|name| folder.path().join(name));
        for path in [&paths[0], &paths[1], &paths[2]] {
            photo.save(path).unwrap();
        }
        mask.save(&paths[3]).unwrap();
        mask.save(&paths[4]).unwrap();
        let found = among(&paths, folder.path());
        assert_eq!(found, HashSet::from([paths[3].clone(), paths[4].clone()]));
    }
}
