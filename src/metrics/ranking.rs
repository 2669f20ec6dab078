//! All pixels of a test set, sorted once; every pixel metric of every subset is then one pass.
//!
//! A pixel is one `u64`: its score in the upper half, so that sorting integers sorts scores, and in the lower
//! half its *segment*: one region of one picture, or the background of one picture. The segment alone decides
//! what a pixel adds to a cut, and whether it belongs to a subset (one kind of defect).

use super::regions::Regions;
use super::sweep::{Cut, Totals};
use crate::picture::{Mask, ScoreMap};

/// The pixels of several score maps, highest score first.
pub(super) struct PixelRanking {
    pixels: Vec<u64>,
    segments: Vec<Segment>,
}

/// Pixels that count alike: a region, or all normal pixels of a picture.
struct Segment {
    picture: usize,
    region: bool,
    size: u32,
}

/// What one pixel of a segment adds to a cut.
#[derive(Clone, Copy, Default)]
struct Share {
    hits: u32,
    alarms: u32,
    overlap: f64,
}

impl PixelRanking {
    /// Ranks all pixels of the pictures, each given with its number; a picture without a mask is all normal.
    /// Masks must have the size of their maps.
    pub fn new(pictures: &[(usize, &ScoreMap, Option<&Mask>)]) -> Self {
        let mut pixels = Vec::with_capacity(pictures.iter().map(|(_, map, _)| map.data.len()).sum());
        let mut segments = Vec::new();
        for &(picture, map, mask) in pictures {
            let background = segments.len() as u64;
            let regions = mask.filter(|mask| mask.data.contains(&true)).map(Regions::of);
            let sizes = regions.as_ref().map_or(&[][..], |regions| &regions.sizes);
            let size = map.data.len() as u32 - sizes.iter().sum::<u32>();
            segments.push(Segment { picture, region: false, size });
            segments.extend(sizes.iter().map(|&size| Segment { picture, region: true, size }));
            match &regions {
                // Label 0 is the background, label n the n-th segment after it.
                Some(regions) => pixels.extend(
                    (map.data.iter().zip(&regions.labels))
                        .map(|(&score, &label)| rank(score) | (background + u64::from(label))),
                ),
                None => pixels.extend(map.data.iter().map(|&score| rank(score) | background)),
            }
        }
        pixels.sort_unstable();
        Self { pixels, segments }
    }

    /// The totals over the pictures for which `keep` is true.
    pub fn totals(&self, keep: impl Fn(usize) -> bool) -> Totals {
        let mut totals = Totals::default();
        for segment in self.segments.iter().filter(|segment| keep(segment.picture)) {
            if segment.region {
                totals.positives += u64::from(segment.size);
                totals.regions += 1;
            } else {
                totals.negatives += u64::from(segment.size);
            }
        }
        totals
    }

    /// Visits every distinct score of the pictures for which `keep` is true, from the highest down.
    pub fn sweep(&self, keep: impl Fn(usize) -> bool, mut visit: impl FnMut(&Cut)) {
        let share = |segment: &Segment| match segment {
            segment if !keep(segment.picture) => Share::default(),
            Segment { region: true, size, .. } => {
                Share { hits: 1, overlap: 1.0 / f64::from(*size), ..Share::default() }
            }
            _ => Share { alarms: 1, ..Share::default() },
        };
        let shares: Vec<Share> = self.segments.iter().map(share).collect();
        let mut cut = Cut { threshold: 0.0, hits: 0, alarms: 0, overlap: 0.0 };
        for tied in self.pixels.chunk_by(|a, b| a >> 32 == b >> 32) {
            let before = cut.hits + cut.alarms;
            for &pixel in tied {
                let share = shares[pixel as u32 as usize];
                cut.hits += u64::from(share.hits);
                cut.alarms += u64::from(share.alarms);
                cut.overlap += share.overlap;
            }
            if cut.hits + cut.alarms > before {
                cut.threshold = score(tied[0]);
                visit(&cut);
            }
        }
    }
}

const SIGN: u32 = 1 << 31;

/// The score as the upper half of an integer that sorts in reverse order of scores.
fn rank(score: f32) -> u64 {
    let bits = (score + 0.0).to_bits(); // + 0 turns -0 into 0, which is the same threshold
    let ascending = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    u64::from(!ascending) << 32
}

/// The score of a ranked pixel.
fn score(pixel: u64) -> f64 {
    let ascending = !((pixel >> 32) as u32);
    f64::from(f32::from_bits(if ascending & SIGN == 0 { !ascending } else { ascending & !SIGN }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_reverse_the_order_and_come_back() {
        let scores = [f32::INFINITY, 3.5, 1.0, f32::MIN_POSITIVE, 0.0, -1e-30, -2.0, f32::NEG_INFINITY];
        for pair in scores.windows(2) {
            assert!(rank(pair[0]) < rank(pair[1]), "{pair:?}");
        }
        for value in scores {
            assert_eq!(score(rank(value)), f64::from(value));
        }
        assert_eq!(rank(0.0), rank(-0.0));
    }

    #[test]
    fn a_subset_counts_only_its_pictures() {
        let map = ScoreMap { width: 2, height: 1, data: vec![1.0, 2.0] };
        let other = ScoreMap { width: 2, height: 1, data: vec![5.0, 1.5] };
        let mask = Mask { width: 2, height: 1, data: vec![false, true] };
        let ranking = PixelRanking::new(&[(0, &map, Some(&mask)), (1, &other, None)]);
        assert_eq!(ranking.totals(|_| true), Totals { positives: 1, negatives: 3, regions: 1 });
        let mut cuts = Vec::new();
        ranking.sweep(|picture| picture == 0, |cut| cuts.push(*cut));
        let cut = |threshold, alarms| Cut { threshold, hits: 1, alarms, overlap: 1.0 };
        assert_eq!(cuts, [cut(2.0, 0), cut(1.0, 1)]);
    }
}
