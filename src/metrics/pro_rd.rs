//! PRO as the RD4AD family of repositories computes it (method.md 6, "PRO-RD"): per picture, 200 thresholds,
//! rescaled instead of interpolated at the limit. Reported separately from AUPRO, from which it differs by
//! percentage points.

use super::pro::FPR_LIMIT;
use super::regions::Regions;
use crate::picture::{Mask, ScoreMap};

/// Steps between the lowest and the highest score.
const STEPS: f64 = 200.0;

/// PRO-RD of one anomalous picture; a data set's value is the mean over its anomalous pictures.
///
/// Only points of the curve with a false positive rate below 0.3 are kept, the rates are divided by the largest
/// one kept, and the area under the trapezoids is returned. `None` if that is undefined: there is no region or
/// no normal pixel, the map is constant, fewer than two points are kept, none of them has a false positive, or
/// the mask does not have the size of the map.
pub fn pro_rd(map: &ScoreMap, mask: &Mask) -> Option<f64> {
    if (map.width, map.height) != (mask.width, mask.height) || map.data.len() != mask.data.len() {
        return None;
    }
    let thresholds = thresholds(map)?;
    let regions = Regions::of(mask);
    // above[label][k]: pixels of a label that are above exactly the first k thresholds; label 0 is normal
    // pixels.
    let mut above = vec![vec![0u32; thresholds.len() + 1]; regions.sizes.len() + 1];
    for (&score, &label) in map.data.iter().zip(&regions.labels) {
        let passed = thresholds.partition_point(|&t| t < f64::from(score));
        above[label as usize][passed] += 1;
    }
    let normals: u32 = above[0].iter().sum();
    if regions.sizes.is_empty() || normals == 0 {
        return None;
    }
    // From the highest threshold down: the false positive rate rises.
    let mut covered = vec![0u32; above.len()];
    let mut curve: Vec<(f64, f64)> = Vec::with_capacity(thresholds.len());
    for k in (1..=thresholds.len()).rev() {
        for (covered, above) in covered.iter_mut().zip(&above) {
            *covered += above[k];
        }
        let fpr = f64::from(covered[0]) / f64::from(normals);
        let overlap =
            covered[1..].iter().zip(&regions.sizes).map(|(&c, &size)| f64::from(c) / f64::from(size));
        curve.push((fpr, overlap.sum::<f64>() / regions.sizes.len() as f64));
    }
    curve.retain(|(fpr, _)| *fpr < FPR_LIMIT);
    let largest = curve.last().filter(|(fpr, _)| *fpr > 0.0 && curve.len() > 1)?.0;
    Some(curve.windows(2).map(|w| (w[1].0 - w[0].0) * (w[1].1 + w[0].1) / 2.0).sum::<f64>() / largest)
}

/// The values of `np.arange(min, max, (max - min) / 200)`: 200, sometimes 201 through rounding.
fn thresholds(map: &ScoreMap) -> Option<Vec<f64>> {
    let low = f64::from(map.data.iter().copied().min_by(f32::total_cmp)?);
    let high = f64::from(map.data.iter().copied().max_by(f32::total_cmp)?);
    let step = (high - low) / STEPS;
    if !step.is_finite() || step <= 0.0 {
        return None;
    }
    let count = ((high - low) / step).ceil() as usize;
    // NumPy steps by the difference of the first two values, not by the step itself.
    let stride = (low + step) - low;
    Some((0..count).map(|n| low + n as f64 * stride).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_value_of_method_12() {
        let (mut map, mut mask) = (Vec::new(), Vec::new());
        for y in 0..16 {
            for x in 0..16 {
                let (fx, fy) = (x as f64, y as f64);
                let near = (-((fy - 4.0).powi(2) + (fx - 4.0).powi(2)) / 18.0).exp();
                let far = 0.8 * (-((fy - 11.0).powi(2) + (fx - 11.0).powi(2)) / 10.0).exp();
                map.push((near + far + 0.05 * (1.3 * fx + 0.7 * fy).sin()) as f32);
                let square = (2..=4).contains(&y) && (2..=4).contains(&x);
                mask.push(square || (x, y) == (5, 5) || ((10..=13).contains(&y) && (9..=11).contains(&x)));
            }
        }
        let map = ScoreMap { width: 16, height: 16, data: map };
        let mask = Mask { width: 16, height: 16, data: mask };
        assert_eq!(Regions::of(&mask).sizes.len(), 2);
        assert!((pro_rd(&map, &mask).unwrap() - 0.788_971).abs() < 1e-6);
        let scores: Vec<f64> = map.data.iter().copied().map(f64::from).collect();
        assert!((crate::metrics::roc_auc(&scores, &mask.data).unwrap() - 0.935_315).abs() < 1e-6);
    }

    #[test]
    fn undefined_cases() {
        let map = |data: Vec<f32>| ScoreMap { width: 4, height: 1, data };
        let mask = |data: [bool; 4]| Mask { width: 4, height: 1, data: data.to_vec() };
        assert_eq!(pro_rd(&map(vec![1.0; 4]), &mask([true, false, false, false])), None);
        assert_eq!(pro_rd(&map(vec![0.0, 1.0, 2.0, 3.0]), &mask([false; 4])), None);
        assert_eq!(pro_rd(&map(vec![0.0, 1.0, 2.0, 3.0]), &mask([true; 4])), None);
        assert_eq!(pro_rd(&map(vec![f32::NAN; 4]), &mask([true, false, false, false])), None);
        let small = Mask { width: 1, height: 1, data: vec![true] };
        assert_eq!(pro_rd(&map(vec![0.0, 1.0, 2.0, 3.0]), &small), None);
    }
}
