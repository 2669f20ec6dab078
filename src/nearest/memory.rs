//! Patches of good pictures, and the distance to the nearest of them.

/// The most patches in the memory of a level.
pub const MOST_KEPT: usize = 1024;

/// The most patches that the memory of a level is chosen from; of more, every so many-th.
pub const MOST_CANDIDATES: usize = 16_384;

/// Numbers that are multiplied at once.
const LANES: usize = 8;
/// Rows that share what is loaded of another.
const ROWS: usize = 4;

/// Patches of one level, each of length 1: `rows` is `[patches, channels]`.
#[derive(Clone, Debug)]
pub(super) struct Patches {
    pub rows: Vec<f32>,
    pub channels: usize,
}

impl Patches {
    /// The columns of features `[C, positions]`, each brought to length 1.
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

/// What is remembered of one level.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    /// Ordered by the picture they come from.
    pub items: Patches,
    /// That picture.
    owners: Vec<usize>,
}

impl Memory {
    /// Of the patches of all good pictures: all of them, or [`MOST_KEPT`] of which each is the farthest from those
    /// before it (k-center, Gonzalez 1985), so that none that is left out is far from all.
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
        let mut taken = spread(&rows, MOST_KEPT);
        taken.sort_unstable();
        // A plan takes a single channel for a map.
        if let [only] = taken[..] {
            taken.push(only);
        }
        let mut items = Vec::with_capacity(taken.len() * channels);
        taken.iter().for_each(|&i| items.extend_from_slice(rows.row(i)));
        let owners = taken.iter().map(|&i| candidates[i].0).collect();
        Self { items: Patches { rows: items, channels }, owners }
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// `1 - max cos` of each patch with the items, those of picture `without` left out.
    pub fn distances(&self, patches: &Patches, without: Option<usize>) -> Vec<f32> {
        let counts: Vec<usize> = (0..self.len()).filter(|&i| Some(self.owners[i]) != without).collect();
        let mut nearest = vec![f32::MIN; patches.len()];
        for (rows, nearest) in patches.rows.chunks(ROWS * patches.channels).zip(nearest.chunks_mut(ROWS)) {
            for &item in &counts {
                let products = products(self.items.row(item), rows);
                nearest.iter_mut().zip(products).for_each(|(most, value)| *most = most.max(value));
            }
        }
        nearest.into_iter().map(|cosine| (1.0 - cosine).max(0.0)).collect()
    }
}

/// Which of the rows are kept, at most `most`, in the order in which they were chosen.
fn spread(rows: &Patches, most: usize) -> Vec<usize> {
    let count = rows.len();
    if count <= most {
        return (0..count).collect();
    }
    let mut nearest = vec![f32::MIN; count];
    let mut taken = Vec::with_capacity(most);
    let mut next = 0;
    while taken.len() < most {
        taken.push(next);
        let item = rows.row(next);
        let update = |(rows, nearest): (&[f32], &mut [f32])| {
            for (rows, nearest) in rows.chunks(ROWS * item.len()).zip(nearest.chunks_mut(ROWS)) {
                let products = products(item, rows);
                nearest.iter_mut().zip(products).for_each(|(most, value)| *most = most.max(value));
            }
        };
        each_part(&rows.rows, &mut nearest, rows.channels, update);
        // The lowest cosine is the farthest; of several the first.
        let farthest = |(best, lowest): (usize, f32), (i, &cosine): (usize, &f32)| {
            if cosine < lowest { (i, cosine) } else { (best, lowest) }
        };
        next = nearest.iter().enumerate().fold((0, f32::MAX), farthest).0;
    }
    taken
}

/// Runs `work` on stretches of rows and what belongs to them; the stretches do not change a result.
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

/// The products of `item` with up to [`ROWS`] rows of its length.
fn products(item: &[f32], rows: &[f32]) -> [f32; ROWS] {
    let length = item.len();
    let mut sums = [[0.0f32; LANES]; ROWS];
    // A row that is not there is the first once more.
    let row = |r: usize| {
        if (r + 1) * length <= rows.len() { &rows[r * length..][..length] } else { &rows[..length] }
    };
    let all: [&[f32]; ROWS] = std::array::from_fn(row);
    let (lanes, rest) = item.as_chunks::<LANES>();
    for (i, lane) in lanes.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(&all) {
            let values = &row[i * LANES..][..LANES];
            for l in 0..LANES {
                sum[l] += lane[l] * values[l];
            }
        }
    }
    let done = lanes.len() * LANES;
    std::array::from_fn(|r| {
        let tail: f32 = rest.iter().zip(&all[r][done..]).map(|(a, b)| a * b).sum();
        sums[r].iter().sum::<f32>() + tail
    })
}

/// The row that is most like `item`, and the cosine; `None` where there are none.
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

    /// `count` patches of three channels around the quarter circle.
    fn around(count: usize, from: f32) -> Patches {
        let angle = |i: usize| from + i as f32 / count as f32;
        let mut features = vec![0.0; 3 * count];
        for i in 0..count {
            (features[i], features[count + i]) = (2.0 * angle(i).cos(), 2.0 * angle(i).sin());
        }
        Patches::new(&features, 3)
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
    }

    #[test]
    fn what_is_kept_covers_what_is_left_out() {
        let rows = around(4096, 0.0);
        let kept = spread(&rows, 17);
        assert_eq!(kept.iter().collect::<std::collections::BTreeSet<_>>().len(), 17);
        // 17 of a stretch of 1: the next is at most 1/16 off.
        for i in 0..rows.len() {
            let next = kept.iter().map(|&k| i.abs_diff(k)).min().unwrap();
            assert!(next as f32 / 4096.0 <= 1.0 / 15.0, "{i} is {next} off");
        }
        assert_eq!(spread(&rows, 17), kept);
        let memory = Memory::new(&[&rows]);
        assert_eq!(memory.len(), MOST_KEPT);
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
