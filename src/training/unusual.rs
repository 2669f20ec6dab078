//! Which good pictures are unlike the others: they stay in training.
//!
//! Where one good picture in thirty shows another light or another tray, holding out just that one leaves the
//! model without it, and it will flag every such part. The threshold is drawn from the rest.

use crate::picture::{Picture, resize};

/// Side of the thumbnails that are compared.
const THUMBNAIL: u32 = 8;

/// One picture in so many counts as unusual.
const ONE_IN: usize = 5;

/// For each picture whether it belongs to the fifth whose nearest neighbour is farthest, by the squared
/// distance of 8x8 thumbnails.
pub fn unusual(pictures: &[&Picture]) -> Vec<bool> {
    let thumbnails: Vec<Vec<i32>> = pictures
        .iter()
        .map(|p| resize(p, THUMBNAIL, THUMBNAIL).into_raw().into_iter().map(i32::from).collect())
        .collect();
    let distance = |a: &[i32], b: &[i32]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<i32>();
    let nearest: Vec<i32> = (0..pictures.len())
        .map(|i| {
            let others = (0..pictures.len()).filter(|&j| j != i);
            others.map(|j| distance(&thumbnails[i], &thumbnails[j])).min().unwrap_or(0)
        })
        .collect();
    let mut order: Vec<usize> = (0..pictures.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(nearest[i]), i));
    let mut unusual = vec![false; pictures.len()];
    order.iter().take(pictures.len() / ONE_IN).for_each(|&i| unusual[i] = true);
    unusual
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn the_odd_one_out_is_found() {
        let mut pictures: Vec<Picture> =
            (0..9).map(|i| Picture::from_pixel(16, 16, Rgb([100 + i, 100, 100]))).collect();
        pictures.insert(4, Picture::from_pixel(16, 16, Rgb([10, 200, 100])));
        let unusual = unusual(&pictures.iter().collect::<Vec<_>>());
        assert!(unusual[4]);
        assert_eq!(unusual.iter().filter(|u| **u).count(), 2);
    }
}
