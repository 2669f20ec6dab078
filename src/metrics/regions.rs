//! Connected components of a ground-truth mask: the regions of PRO (method.md 6; 8-connected).

use crate::picture::Mask;

/// The 8-connected components of a mask.
pub(super) struct Regions {
    /// Per pixel, row by row: 0 outside, else 1 + the number of its region.
    pub labels: Vec<u32>,
    /// Pixels in each region.
    pub sizes: Vec<u32>,
}

impl Regions {
    /// Labels the regions of a mask.
    pub fn of(mask: &Mask) -> Self {
        let labels = mask.components();
        let mut sizes = Vec::new();
        for &label in labels.iter().filter(|&&label| label > 0) {
            if sizes.len() < label as usize {
                sizes.resize(label as usize, 0);
            }
            sizes[label as usize - 1] += 1;
        }
        Self { labels, sizes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagonals_connect_and_a_ring_holds_an_island() {
        let rows = ["#.....", ".#.###", "...#.#", "#..###", "......"];
        let data = rows.iter().flat_map(|row| row.bytes().map(|b| b == b'#')).collect();
        let regions = Regions::of(&Mask { width: 6, height: 5, data });
        let mut sizes = regions.sizes.clone();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 2, 8]);
        assert_eq!(regions.labels[0], regions.labels[7]);

        let rows = [".......", ".#####.", ".#...#.", ".#.#.#.", ".#...#.", ".#####.", "......."];
        let data = rows.iter().flat_map(|row| row.bytes().map(|b| b == b'#')).collect();
        assert_eq!(Regions::of(&Mask { width: 7, height: 7, data }).sizes, [16, 1]);
    }

    #[test]
    fn nothing_has_no_regions() {
        assert!(Regions::of(&Mask { width: 3, height: 2, data: vec![false; 6] }).sizes.is_empty());
        assert!(Regions::of(&Mask { width: 0, height: 0, data: vec![] }).sizes.is_empty());
    }
}
