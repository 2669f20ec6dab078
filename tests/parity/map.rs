//! `map.safetensors`: discrepancies, their sum, the smoothed map and the score.

use super::reference::{Reference, r, read, within};
use aand::detection::{add_upsampled, anomaly_map, gaussian};
use aand::student::cosine_distance;
use burn::tensor::{Device, Tensor};

#[test]
fn distances_sum_smoothed_map_and_score() {
    let Some(reference) = Reference::open("map") else { return };
    let device = Device::flex();
    let mut levels = Vec::new();
    let mut sum = vec![0.0; 256 * 256];
    for (k, side) in [(1, 64), (2, 32), (3, 16)] {
        let [teacher, student]: [Tensor<4>; 2] =
            ["teacher", "student"].map(|name| reference.tensor(&format!("{name}.level{k}"), &device));
        let distance = cosine_distance(teacher, student, 1);
        assert_eq!(distance.dims(), [1, 1, side, side]);
        let distance = read(distance);
        reference.check_values(&format!("distance.level{k}"), &distance, 5e-6);
        add_upsampled(&mut sum, [256, 256], &distance, [side, side]);
        levels.push((distance, [side, side]));
    }
    let single = |values: &[f64]| values.iter().map(|&v| v as f32).collect::<Vec<f32>>();
    reference.check_values("map.sum", &single(&sum), 2e-5);
    reference.check_values("map.smoothed", &single(&gaussian(&sum, [256, 256], 4.0)), 5e-6);

    let levels: Vec<(&[f32], [usize; 2])> =
        levels.iter().map(|(level, dims)| (level.as_slice(), *dims)).collect();
    let map = anomaly_map(&levels, 256);
    reference.check_values("map.smoothed", &map.data, 5e-6);
    let (at, score) = map.data.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    within("score", [(f64::from(*score) - reference.doubles("score")[0]).abs()], 5e-6);
    assert_eq!((at / 256, at % 256), (95, 156));
}

#[test]
fn a_zero_teacher_vector_is_at_distance_one() {
    let Some(reference) = Reference::open("map") else { return };
    let (channels, side) = (8, 64);
    let teacher = reference.values("teacher.level1");
    assert!((0..teacher.len()).all(|n| teacher[n] == r(n, 2001).max(0.0) as f32));
    let device = Device::flex();
    let distance = read(cosine_distance::<4>(
        reference.tensor("teacher.level1", &device),
        reference.tensor("student.level1", &device),
        1,
    ));
    let is_zero = |i: &usize| (0..channels).all(|c| teacher[c * side * side + i] == 0.0);
    let zero: Vec<usize> = (0..side * side).filter(is_zero).collect();
    assert_eq!(zero.len(), 11);
    assert!(zero.iter().all(|&i| distance[i] == 1.0));
}
