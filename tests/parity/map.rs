//! `map.safetensors`: discrepancies, their sum, the smoothed map and the score.

use super::formula::{positive, r};
use super::reference::{Reference, read, within};
use aand::detection::{add_upsampled, anomaly_map, gaussian};
use aand::student::cosine_distance;
use burn::tensor::{Device, Tensor, TensorData};

const SIZE: usize = 256;

/// Channels and side of level `k`.
fn shape(k: u32) -> (usize, usize) {
    (4 << k, 128 >> k)
}

/// The teacher's features of level `k`, and the student's, which depart from them most around one place.
fn features(k: u32) -> [Tensor<4>; 2] {
    let (channels, side) = shape(k);
    let teacher = positive(2000 + k, channels * side * side);
    let at = |i: usize| (i as f64 + 0.5) / side as f64;
    let student = (0..teacher.len()).map(|n| {
        let (y, x) = (at(n / side % side) - 0.35, at(n % side) - 0.6);
        let amount = 0.05 + 0.9 / (1.0 + 200.0 * (y * y + x * x));
        (f64::from(teacher[n]) + amount * r(n, 2010 + k)).max(0.0) as f32
    });
    let student = student.collect();
    [teacher, student].map(|values: Vec<f32>| {
        Tensor::from_data(TensorData::new(values, [1, channels, side, side]), &Device::flex())
    })
}

#[test]
fn distances_sum_smoothed_map_and_score() {
    let reference = Reference::open("map");
    let mut levels = Vec::new();
    let mut sum = vec![0.0; SIZE * SIZE];
    for k in 1..=3 {
        let (_, side) = shape(k);
        let [teacher, student] = features(k);
        let distance = cosine_distance(teacher, student, 1);
        assert_eq!(distance.dims(), [1, 1, side, side]);
        let distance = read(distance);
        reference.check_values(&format!("distance.level{k}"), &distance, 5e-6);
        add_upsampled(&mut sum, [SIZE; 2], &distance, [side, side]);
        levels.push((distance, [side, side]));
    }
    let single = |values: &[f64]| values.iter().map(|&v| v as f32).collect::<Vec<f32>>();
    reference.check_values("map.sum", &single(&sum), 2e-5);
    reference.check_values("map.smoothed", &single(&gaussian(&sum, [SIZE; 2], 4.0)), 5e-6);

    let levels: Vec<(&[f32], [usize; 2])> =
        levels.iter().map(|(level, dims)| (level.as_slice(), *dims)).collect();
    let map = anomaly_map(&levels, SIZE);
    reference.check_values("map.smoothed", &map.data, 5e-6);
    let (at, score) = map.data.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    within("score", [(f64::from(*score) - reference.doubles("score")[0]).abs()], 5e-6);
    assert_eq!((at / SIZE, at % SIZE), (95, 156));
}

#[test]
fn a_zero_teacher_vector_is_at_distance_one() {
    let (channels, side) = shape(1);
    let [teacher, student] = features(1);
    let distance = read(cosine_distance(teacher.clone(), student, 1));
    let teacher = read(teacher);
    let is_zero = |i: &usize| (0..channels).all(|c| teacher[c * side * side + i] == 0.0);
    let zero: Vec<usize> = (0..side * side).filter(is_zero).collect();
    assert_eq!(zero.len(), 11);
    assert!(zero.iter().all(|&i| distance[i] == 1.0));
}
