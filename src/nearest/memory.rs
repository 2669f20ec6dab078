//! Patches of good pictures, and the distance to the nearest of them.

use crate::inference::LevelFeatures;

/// The most patches in the memory of a level.
pub const MOST_KEPT: usize = 1024;

/// The most patches that the memory of a level is chosen from; of more, evenly spaced ones are taken.
pub const MOST_CANDIDATES: usize = 16_384;

/// Numbers that are multiplied at once.
const LANES: usize = 8;
/// How many rows are multiplied with each number loaded from another row.
const ROWS: usize = 4;

/// Patches with a higher cosine count as the same; rounding alone is a tenth of the difference from 1.
const SAME: f32 = 1.0 - 1e-6;

/// Patches of one level, each of length 1: `rows` is `[patches, channels]`.
#[derive(Clone, Debug)]
pub(super) struct Patches {
    pub rows: Vec<f32>,
    pub channels: usize,
}

impl Patches {
    /// The teacher's features of a level, each averaged over its 3x3 neighborhood.
    pub fn of(level: &LevelFeatures) -> Self {
        Self::new(&neighborhoods(&level.teacher, level.shape), level.shape[0])
    }

    /// The columns of features `[C, positions]`, each scaled to length 1.
    pub fn new(features: &[f32], channels: usize) -> Self {
        let positions = features.len() / channels.max(1);
        let mut rows = vec![0.0; features.len()];
        for (p, row) in rows.chunks_exact_mut(channels).enumerate() {
            row.iter_mut().enumerate().for_each(|(c, value)| *value = features[c * positions + p]);
            let square: f64 = row.iter().map(|&v| f64::from(v).powi(2)).sum();
            let scale = 1.0 / square.max(1e-16).sqrt();
            row.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
        }
        Self { rows, channels }
    }

    pub fn len(&self) -> usize {
        self.rows.len() / self.channels.max(1)
    }

    pub fn row(&self, i: usize) -> &[f32] {
        &self.rows[i * self.channels..][..self.channels]
    }
}

/// The sums of features `[C, H, W]` over 3x3 neighborhoods, as far as these lie inside; sums have the same directions
/// as means.
fn neighborhoods(features: &[f32], [_, height, width]: [usize; 3]) -> Vec<f32> {
    let mut sums = vec![0.0; features.len()];
    let mut across = vec![0.0; height * width];
    let around = |i: usize, count: usize| i.saturating_sub(1)..(i + 2).min(count);
    for (plane, sums) in features.chunks_exact(height * width).zip(sums.chunks_exact_mut(height * width)) {
        for (line, across) in plane.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
            for (x, sum) in across.iter_mut().enumerate() {
                *sum = line[around(x, width)].iter().sum();
            }
        }
        for (y, line) in sums.chunks_exact_mut(width).enumerate() {
            for (x, sum) in line.iter_mut().enumerate() {
                *sum = around(y, height).map(|y| across[y * width + x]).sum();
            }
        }
    }
    sums
}

/// The memory of one level.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    /// Ordered by the picture they come from.
    pub items: Patches,
    /// The picture of each item.
    owners: Vec<usize>,
    /// For each item, the patch of another picture that is most like it; none if there is no other picture.
    stand_ins: Vec<Option<Vec<f32>>>,
}

impl Memory {
    /// Chooses at most [`MOST_KEPT`] patches of all good pictures, each the farthest from those chosen before
    /// (k-center, Gonzalez 1985), so that no patch left out is far from all of them.
    pub fn new(good: &[&Patches]) -> Self {
        let channels = good.first().map_or(0, |patches| patches.channels);
        let all: Vec<(usize, usize)> = good
            .iter()
            .enumerate()
            .flat_map(|(owner, patches)| (0..patches.len()).map(move |i| (owner, i)))
            .collect();
        let count = all.len().min(MOST_CANDIDATES);
        let candidates: Vec<(usize, usize)> = (0..count).map(|i| all[i * all.len() / count]).collect();
        let mut rows = Vec::with_capacity(count * channels);
        candidates.iter().for_each(|&(owner, i)| rows.extend_from_slice(good[owner].row(i)));
        let rows = Patches { rows, channels };
        let owners: Vec<usize> = candidates.iter().map(|&(owner, _)| owner).collect();
        let mut taken = spread(&rows, &owners, MOST_KEPT);
        taken.sort_unstable_by_key(|taken| taken.row);
        // Never a single item: a plan would take its single channel for a map.
        if let [only] = taken[..] {
            taken.push(only);
        }
        let mut items = Vec::with_capacity(taken.len() * channels);
        taken.iter().for_each(|taken| items.extend_from_slice(rows.row(taken.row)));
        Self {
            items: Patches { rows: items, channels },
            owners: taken.iter().map(|taken| owners[taken.row]).collect(),
            stand_ins: taken.iter().map(|taken| Some(rows.row(taken.stand_in?).to_vec())).collect(),
        }
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// `1 - max cos` of each patch with the items. The items of picture `without` are replaced by their stand-ins,
    /// since patches of other pictures that they cover were left out because of them. Infinite if nothing is left.
    pub fn distances(&self, patches: &Patches, without: Option<usize>) -> Vec<f32> {
        let item = |i: usize| match Some(self.owners[i]) == without {
            true => self.stand_ins[i].as_deref(),
            false => Some(self.items.row(i)),
        };
        let items: Vec<&[f32]> = (0..self.len()).filter_map(item).collect();
        let mut nearest = vec![f32::NEG_INFINITY; patches.len()];
        for (rows, nearest) in patches.rows.chunks(ROWS * patches.channels).zip(nearest.chunks_mut(ROWS)) {
            for item in &items {
                let products = products(item, rows);
                for (most, value) in nearest.iter_mut().zip(products) {
                    // In the browser `max` would be a call.
                    if value > *most {
                        *most = value;
                    }
                }
            }
        }
        nearest.into_iter().map(|cosine| (1.0 - cosine).max(0.0)).collect()
    }
}

/// A row that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Taken {
    row: usize,
    /// The most similar row of another owner.
    stand_in: Option<usize>,
}

/// Which of the rows are kept, in the order in which they are chosen: at most `most`, and no more once all others are
/// the [`SAME`] as one of them.
fn spread(rows: &Patches, owners: &[usize], most: usize) -> Vec<Taken> {
    let mut nearest = vec![f32::MIN; rows.len()];
    let mut cosines = vec![0.0; rows.len()];
    let mut taken = Vec::with_capacity(most.min(rows.len()));
    let mut next = (!nearest.is_empty()).then_some(0);
    while let Some(row) = next.filter(|_| taken.len() < most) {
        let item = rows.row(row);
        let compare = |(rows, cosines): (&[f32], &mut [f32])| {
            for (rows, cosines) in rows.chunks(ROWS * item.len()).zip(cosines.chunks_mut(ROWS)) {
                cosines.copy_from_slice(&products(item, rows)[..cosines.len()]);
            }
        };
        each_part(&rows.rows, &mut cosines, rows.channels, compare);
        // A chosen row is never chosen again.
        nearest[row] = 1.0;
        // The lowest cosine is the farthest; the first of several.
        let (mut lowest, mut highest) = (SAME, f32::MIN);
        let mut stand_in = None;
        next = None;
        for (i, (most, &cosine)) in nearest.iter_mut().zip(&cosines).enumerate() {
            if cosine > *most {
                *most = cosine;
            }
            if *most < lowest {
                (next, lowest) = (Some(i), *most);
            }
            if cosine > highest && owners[i] != owners[row] {
                (stand_in, highest) = (Some(i), cosine);
            }
        }
        taken.push(Taken { row, stand_in });
    }
    taken
}

/// Runs `work` on ranges of rows and the values that belong to them; how they are divided does not change a
/// result.
fn each_part(
    rows: &[f32],
    values: &mut [f32],
    channels: usize,
    work: impl Fn((&[f32], &mut [f32])) + Send + Sync,
) {
    const PART: usize = 2048;
    #[cfg(not(target_arch = "wasm32"))]
    {
        use rayon::prelude::*;
        rows.par_chunks(PART * channels).zip(values.par_chunks_mut(PART)).for_each(work);
    }
    #[cfg(target_arch = "wasm32")]
    rows.chunks(PART * channels).zip(values.chunks_mut(PART)).for_each(work);
}

/// The dot products of `item` with up to [`ROWS`] rows of its length.
fn products(item: &[f32], rows: &[f32]) -> [f32; ROWS] {
    let length = item.len();
    let mut sums = [[0.0f32; LANES]; ROWS];
    // The first row stands in for a missing one.
    let row = |r: usize| {
        if (r + 1) * length <= rows.len() { &rows[r * length..][..length] } else { &rows[..length] }
    };
    let all: [&[f32]; ROWS] = std::array::from_fn(row);
    let (lanes, rest) = item.as_chunks::<LANES>();
    // Chunks, not indices: no bounds to check in the innermost loop.
    let [first, second, third, fourth] = all.map(|row| row.as_chunks::<LANES>().0);
    for ((((lane, a), b), c), d) in lanes.iter().zip(first).zip(second).zip(third).zip(fourth) {
        for (sum, row) in sums.iter_mut().zip([a, b, c, d]) {
            for l in 0..LANES {
                sum[l] += lane[l] * row[l];
            }
        }
    }
    let done = lanes.len() * LANES;
    std::array::from_fn(|r| {
        let tail: f32 = rest.iter().zip(&all[r][done..]).map(|(a, b)| a * b).sum();
        sums[r].iter().sum::<f32>() + tail
    })
}

/// The row most similar to `item`, and the cosine; `None` if there are no rows.
pub(super) fn most_alike(item: &[f32], rows: &Patches) -> Option<(usize, f32)> {
    let mut best: Option<(usize, f32)> = None;
    for (n, some) in rows.rows.chunks(ROWS * rows.channels).enumerate() {
        let count = some.len() / rows.channels;
        for (r, &cosine) in products(item, some).iter().take(count).enumerate() {
            if best.is_none_or(|(_, most)| cosine > most) {
                best = Some((n * ROWS + r, cosine));
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` patches of three channels along an arc of `arc` radians.
    fn along(arc: f32, count: usize, from: f32) -> Patches {
        let angle = |i: usize| from + arc * i as f32 / count as f32;
        let mut features = vec![0.0; 3 * count];
        for i in 0..count {
            (features[i], features[count + i]) = (2.0 * angle(i).cos(), 2.0 * angle(i).sin());
        }
        Patches::new(&features, 3)
    }

    /// Along an arc of one radian.
    fn around(count: usize, from: f32) -> Patches {
        along(1.0, count, from)
    }

    #[test]
    fn a_patch_is_as_far_as_the_nearest_that_is_not_its_own_pictures() {
        let (a, b) = (around(5, 0.0), around(5, 0.1));
        let memory = Memory::new(&[&a, &b]);
        assert_eq!(memory.len(), 10);
        assert!(memory.distances(&a, None).iter().all(|d| *d < 1e-6));
        for (found, right) in memory.distances(&a, Some(0)).iter().zip([0.1f32, 0.1, 0.1, 0.1, 0.1]) {
            assert!((found - (1.0 - right.cos())).abs() < 1e-6, "{found}");
        }
        // Without the only picture nothing is left.
        assert_eq!(Memory::new(&[&a]).distances(&a, Some(0)), [f32::INFINITY; 5]);
    }

    #[test]
    fn what_is_kept_covers_what_is_left_out() {
        let rows = around(4096, 0.0);
        let spread = |most| spread(&rows, &[0; 4096], most).into_iter().map(|taken| taken.row);
        let kept: Vec<usize> = spread(17).collect();
        assert_eq!(kept.iter().collect::<std::collections::BTreeSet<_>>().len(), 17);
        // 17 items on an arc of length 1: the nearest is at most 1/16 away.
        for i in 0..rows.len() {
            let next = kept.iter().map(|&k| i.abs_diff(k)).min().unwrap();
            assert!(next as f32 / 4096.0 <= 1.0 / 15.0, "{i} is {next} off");
        }
        assert_eq!(spread(17).collect::<Vec<_>>(), kept);
        let memory = Memory::new(&[&along(6.0, 4096, 0.0)]);
        assert_eq!(memory.len(), MOST_KEPT);
    }

    /// Leaving a picture out makes no hole in a full memory: other pictures' patches lie there, which were left out
    /// because of its items.
    #[test]
    fn what_an_item_covers_stands_in_for_it() {
        let (first, second) = (along(6.0, 4096, 0.0), along(6.0, 4096, 0.0007));
        let memory = Memory::new(&[&first, &second]);
        assert_eq!(memory.len(), MOST_KEPT);
        for owner in 0..2 {
            assert!(memory.owners.iter().filter(|&&own| own == owner).count() > 100, "{:?}", memory.owners);
            for patches in [&first, &second] {
                // The distance is as small as the covering is dense, whichever picture is left out.
                let far = memory.distances(patches, Some(owner)).into_iter().fold(0.0, f32::max);
                assert!(far < 1.0 - 0.007_f32.cos(), "{far} without {owner}");
            }
        }
    }

    #[test]
    fn identical_pictures_are_no_distance_apart() {
        let one = along(6.0, 4096, 0.0);
        let memory = Memory::new(&[&one, &one, &one]);
        assert_eq!(memory.len(), MOST_KEPT);
        assert!(memory.owners.iter().all(|&owner| owner == 0), "the first of the same");
        for without in [0, 1] {
            let far = memory.distances(&one, Some(without)).into_iter().fold(0.0, f32::max);
            assert!(far < 1.0 - 0.007_f32.cos(), "{far} without {without}");
        }
        // The same patch everywhere gives two items, since a plan would take one for a map.
        let plain = Patches::new(&[1.0; 3 * 2000], 3);
        let memory = Memory::new(&[&plain, &plain]);
        assert_eq!(memory.len(), 2);
        assert!(memory.distances(&plain, Some(0)).iter().all(|distance| *distance < 1e-6));
    }

    /// Like one busy picture among plain ones.
    #[test]
    fn a_picture_that_has_all_items_is_compared_with_what_is_most_like_them() {
        let (busy, plain) = (along(6.0, 4096, 0.0), Patches::new(&[1.0, 0.0, 0.0], 3));
        let memory = Memory::new(&[&busy, &plain]);
        assert!(memory.owners.iter().all(|&owner| owner == 0));
        // Only the plain patch is left, where the arc begins.
        for (i, distance) in memory.distances(&busy, Some(0)).iter().enumerate() {
            let right = 1.0 - (6.0 * i as f32 / 4096.0).cos();
            assert!((distance - right).abs() < 1e-5, "{i}: {distance} is not {right}");
        }
    }

    #[test]
    fn neighborhoods_end_at_the_border() {
        let ones = neighborhoods(&[1.0; 2 * 3 * 4], [2, 3, 4]);
        let right = [4.0, 6.0, 6.0, 4.0, 6.0, 9.0, 9.0, 6.0, 4.0, 6.0, 6.0, 4.0];
        assert_eq!(ones, [right, right].concat());
        assert_eq!(neighborhoods(&[1.0, 2.0, 4.0], [1, 1, 3]), [3.0, 7.0, 6.0]);
        assert_eq!(neighborhoods(&[5.0], [1, 1, 1]), [5.0]);
    }

    #[test]
    fn products_are_right_for_any_number_of_channels_and_rows() {
        for (channels, rows) in [(3, 1), (8, 2), (19, 3), (32, 4)] {
            let value = |i: usize| ((i * 37 % 11) as f32 - 5.0) / 7.0;
            let item: Vec<f32> = (0..channels).map(value).collect();
            let other: Vec<f32> = (0..channels * rows).map(|i| value(i + 3)).collect();
            let found = products(&item, &other);
            for (row, found) in other.chunks(channels).zip(found) {
                let right: f32 = row.iter().zip(&item).map(|(a, b)| a * b).sum();
                assert!((found - right).abs() < 1e-5);
            }
        }
    }
}
