//! Patch features before and after amplification in two dimensions (the paper's Fig. 6), by t-SNE.

use bhtsne::tSNE;
use plotters::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::input::EmbeddingRow;
use super::plot::{BLUE, INK, RED, figure};
use crate::error::{Error, Result};

/// The most rows that are drawn: the cost of exact t-SNE is the square of their number.
pub(super) const MOST_ROWS: usize = 400;
/// With fewer rows there are no neighborhoods to show.
const LEAST_ROWS: usize = 8;
const SIZE: (u32, u32) = (330, 300);

/// The two scatter plots (vanilla, advanced) and the number of rows in them; `None` with too few rows.
pub(super) fn figures(rows: &[EmbeddingRow]) -> Result<Option<(String, String, usize)>> {
    let finite = |row: &&EmbeddingRow| row.vanilla.iter().chain(&row.advanced).all(|value| value.is_finite());
    let usable: Vec<&EmbeddingRow> = rows.iter().filter(finite).collect();
    let lengths = |row: &EmbeddingRow| (row.vanilla.len(), row.advanced.len());
    if usable.len() < LEAST_ROWS || usable.iter().any(|row| lengths(row) != lengths(usable[0])) {
        return Ok(None);
    }
    // Evenly spaced rows: each kind keeps its share.
    let drawn = usable.len().min(MOST_ROWS);
    let kept: Vec<&EmbeddingRow> = (0..drawn).map(|n| usable[n * usable.len() / drawn]).collect();
    let anomalous: Vec<bool> = kept.iter().map(|row| row.anomalous).collect();
    let vanilla: Vec<&[f32]> = kept.iter().map(|row| row.vanilla.as_slice()).collect();
    let advanced: Vec<&[f32]> = kept.iter().map(|row| row.advanced.as_slice()).collect();
    let plain = scatter("Features of the plain teacher", &embed(&vanilla)?, &anomalous)?;
    let amplified = scatter("Features of the advanced teacher", &embed(&advanced)?, &anomalous)?;
    Ok(Some((plain, amplified, drawn)))
}

/// t-SNE of Euclidean distances, the same on every run.
fn embed(rows: &[&[f32]]) -> Result<Vec<(f64, f64)>> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let start: Vec<f64> =
        (0..2 * rows.len()).map(|_| (f64::from(rng.next_u32()) / f64::from(u32::MAX) - 0.5) * 1e-4).collect();
    let distance =
        |a: &&[f32], b: &&[f32]| a.iter().zip(*b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
    // The library sums in parallel; with one thread the order of summation is always the same.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(|error| Error::Device(format!("no thread for the embedding of the report: {error}")))?;
    let points = pool.install(|| {
        let mut tsne: tSNE<f64, &[f32]> = tSNE::new(rows);
        tsne.perplexity(((rows.len() - 1) as f64 / 3.5).min(30.0)).epochs(500).initial_embedding(start);
        tsne.exact(distance).embedding()
    });
    Ok(points.chunks_exact(2).map(|point| (point[0], point[1])).collect())
}

fn scatter(what: &str, points: &[(f64, f64)], anomalous: &[bool]) -> Result<String> {
    let count = anomalous.iter().filter(|&&anomalous| anomalous).count();
    let alt = format!(
        "{what} in two dimensions: {} normal patches as circles, {count} anomalous ones as triangles",
        anomalous.len() - count
    );
    // One scale for both axes, since t-SNE's distances mean the same in every direction.
    let bounds = |axis: fn(&(f64, f64)) -> f64| {
        let values = points.iter().map(axis).filter(|value| value.is_finite());
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let ((left, right), (low, high)) = (bounds(|point| point.0), bounds(|point| point.1));
    let scale = (f64::from(SIZE.0 - 30) / (right - left).max(1e-9))
        .min(f64::from(SIZE.1 - 30) / (high - low).max(1e-9));
    let place = |(x, y): (f64, f64)| {
        let middle = (f64::from(SIZE.0) / 2.0, f64::from(SIZE.1) / 2.0);
        let (dx, dy) = ((x - (left + right) / 2.0) * scale, (y - (low + high) / 2.0) * scale);
        ((middle.0 + dx) as i32, (middle.1 - dy) as i32)
    };
    figure(&alt, SIZE, |area| {
        let (w, h) = (SIZE.0 as i32 - 1, SIZE.1 as i32 - 1);
        area.draw(&Rectangle::new([(0, 0), (w, h)], INK.mix(0.25)))?;
        // Anomalous patches last: they are few and must not be covered.
        for (point, _) in points.iter().zip(anomalous).filter(|(_, anomalous)| !**anomalous) {
            area.draw(&Circle::new(place(*point), 3, BLUE.mix(0.6).filled()))?;
        }
        for (point, _) in points.iter().zip(anomalous).filter(|(_, anomalous)| **anomalous) {
            area.draw(&TriangleMarker::new(place(*point), 4, RED.filled()))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clusters that only the advanced features separate.
    fn rows(count: usize) -> Vec<EmbeddingRow> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut noise = |shift: f32| -> Vec<f32> {
            (0..6).map(|_| rng.next_u32() as f32 / u32::MAX as f32 + shift).collect()
        };
        (0..count)
            .map(|n| EmbeddingRow {
                vanilla: noise(0.0),
                advanced: noise(if n % 3 == 0 { 9.0 } else { 0.0 }),
                anomalous: n % 3 == 0,
            })
            .collect()
    }

    #[test]
    fn separate_clouds_stay_separate() {
        let rows = rows(60);
        let advanced: Vec<&[f32]> = rows.iter().map(|row| row.advanced.as_slice()).collect();
        let points = embed(&advanced).unwrap();
        let distance = |a: usize, b: usize| (points[a].0 - points[b].0).hypot(points[a].1 - points[b].1);
        // Every patch's nearest neighbor is of its own kind.
        for a in 0..60 {
            let nearest =
                (0..60).filter(|&b| b != a).min_by(|&b, &c| distance(a, b).total_cmp(&distance(a, c)));
            assert_eq!(rows[nearest.unwrap()].anomalous, rows[a].anomalous, "patch {a}");
        }
        assert_eq!(points, embed(&advanced).unwrap());
    }

    #[test]
    fn few_or_ragged_rows_are_no_embedding() {
        assert!(figures(&rows(3)).unwrap().is_none());
        let mut ragged = rows(20);
        ragged[4].vanilla.pop();
        assert!(figures(&ragged).unwrap().is_none());
        let mut broken = rows(20);
        broken[4].vanilla[0] = f32::NAN;
        assert_eq!(figures(&broken).unwrap().unwrap().2, 19);
    }
}
