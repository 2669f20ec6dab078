//! AUPRO: compared with its definition, in edge cases, and against the clock.

use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::metrics::regions::Regions;

/// AUPRO from explicit loops over thresholds and regions.
fn by_definition(pictures: &[(ScoreMap, Mask)], limit: f64) -> f64 {
    let mut thresholds: Vec<f32> = pictures.iter().flat_map(|(map, _)| map.data.clone()).collect();
    thresholds.sort_by(|a, b| b.total_cmp(a));
    thresholds.dedup();
    let regions: Vec<Regions> = pictures.iter().map(|(_, mask)| Regions::of(mask)).collect();
    let mut curve = vec![(0.0, 0.0)];
    for t in thresholds {
        let (mut alarms, mut normals, mut overlap, mut count) = (0.0, 0.0, 0.0, 0.0);
        for ((map, mask), regions) in pictures.iter().zip(&regions) {
            for (&score, &inside) in map.data.iter().zip(&mask.data) {
                normals += f64::from(!inside);
                alarms += f64::from(!inside && score >= t);
            }
            for (n, &size) in regions.sizes.iter().enumerate() {
                let covered = (map.data.iter().zip(&regions.labels))
                    .filter(|&(&score, &label)| label as usize == n + 1 && score >= t);
                overlap += covered.count() as f64 / f64::from(size);
                count += 1.0;
            }
        }
        curve.push((alarms / normals, overlap / count));
    }
    let mut area = 0.0;
    for pair in curve.windows(2).filter(|pair| pair[0].0 < limit) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let x = x1.min(limit);
        let y = if x1 > limit { y0 + (y1 - y0) * (limit - x0) / (x1 - x0) } else { y1 };
        area += (x - x0) * (y0 + y) / 2.0;
    }
    area / limit
}

/// A noisy map that is higher in a few rectangles, the defects; scores are in steps of 1/`levels`.
fn sample(size: usize, levels: u32, rng: &mut ChaCha8Rng) -> (ScoreMap, Mask) {
    let mut mask = Mask { width: size, height: size, data: vec![false; size * size] };
    for _ in 0..rng.next_u32() % 4 {
        let side = 1 + rng.next_u32() as usize % (size / 5);
        let (x0, y0) = (rng.next_u32() as usize % (size - side), rng.next_u32() as usize % (size - side));
        for y in y0..y0 + side {
            mask.data[y * size + x0..][..side].fill(true);
        }
    }
    let data = mask.data.iter().map(|&inside| {
        (rng.next_u32() % levels + if inside { levels / 2 } else { 0 }) as f32 / levels as f32
    });
    (ScoreMap { width: size, height: size, data: data.collect() }, mask)
}

fn borrowed(pictures: &[(ScoreMap, Mask)]) -> Vec<(&ScoreMap, &Mask)> {
    pictures.iter().map(|(map, mask)| (map, mask)).collect()
}

#[test]
fn equals_the_definition() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for levels in [5, 100] {
        let pictures: Vec<_> = (0..6).map(|_| sample(20, levels, &mut rng)).collect();
        for limit in [0.01, 0.3, 1.0] {
            let (ours, expected) =
                (aupro(&borrowed(&pictures), limit).unwrap(), by_definition(&pictures, limit));
            assert!((ours - expected).abs() < 1e-12, "{levels} {limit}: {ours} {expected}");
        }
    }
}

#[test]
fn the_curve_has_the_area() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let pictures: Vec<_> = (0..4).map(|_| sample(32, 1 << 20, &mut rng)).collect();
    let curve = pro_curve(&borrowed(&pictures));
    let area: f64 = curve.windows(2).map(|w| (w[1].0 - w[0].0) * (w[1].1 + w[0].1) / 2.0).sum();
    let exact = aupro(&borrowed(&pictures), 1.0).unwrap();
    assert!((area - exact).abs() < 5e-3, "{area} {exact}");
    assert!(curve.len() < 405);
}

#[test]
fn undefined_at_the_edges() {
    let map = ScoreMap { width: 2, height: 1, data: vec![0.0, 1.0] };
    let mask = |data: [bool; 2]| Mask { width: 2, height: 1, data: data.to_vec() };
    assert_eq!(aupro(&[(&map, &mask([false, false]))], 0.3), None);
    assert_eq!(aupro(&[(&map, &mask([true, true]))], 0.3), None);
    assert_eq!(aupro(&[(&map, &mask([false, true]))], 0.0), None);
    assert_eq!(aupro(&[(&map, &mask([false, true]))], f64::NAN), None);
    assert_eq!(aupro(&[(&map, &mask([false, true]))], 0.3), Some(1.0));
    assert_eq!(aupro(&[(&map, &Mask { width: 1, height: 1, data: vec![true] })], 0.3), None);
    assert_eq!(aupro(&[], 0.3), None);
    assert!(pro_curve(&[]).is_empty());
}

#[test]
fn a_hundred_maps_take_less_than_a_second() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    // 2^24 levels: practically no ties, which is the slowest case.
    let pictures: Vec<_> = (0..100).map(|_| sample(256, 1 << 24, &mut rng)).collect();
    let pictures = borrowed(&pictures);
    let begin = Instant::now();
    let value = aupro(&pictures, FPR_LIMIT).unwrap();
    let elapsed = begin.elapsed();
    println!("AUPRO of 100 maps of 256x256: {} ms ({value:.4})", elapsed.as_millis());
    // Generous: the machine may be busy with other tests.
    assert!(elapsed.as_secs_f64() < 5.0, "{elapsed:?}");
}
