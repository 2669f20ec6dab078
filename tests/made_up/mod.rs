//! Models made up for tests, and what Burn's tensors make of pictures with them.

mod random;

use aand::Result;
use aand::amplification::{Amplifier, RaaOptions};
use aand::detection::{anomaly_map, batch};
use aand::model::{Aand, Info, Score, assign};
use aand::picture::{ScoreMap, Size, View};
use aand::student::Student;
use aand::teacher::{Backbone, Teacher, TensorSource};
use burn::tensor::Device;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use random::Random;

/// A model of any kind with weights that look random, on the CPU.
pub fn model(backbone: Backbone, size: impl Into<Size>, raa: RaaOptions, score: Score) -> Aand {
    let device = Device::flex();
    let size = size.into();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let amplifier = Amplifier::new(backbone, size, raa.memory_items, &mut rng, &device);
    Aand {
        teacher: Teacher::load(backbone, &Random, &device).unwrap(),
        amplifier: assign(amplifier, "amplifier", &Random).unwrap(),
        student: assign(Student::new(backbone, &mut rng, &device), "student", &Random).unwrap(),
        info: Info { raa, score, ..Info::new("made up for a test", backbone, size, View::default()) },
        kept: Default::default(),
    }
}

/// Normalized pixels that look random, `[count, 3, H, W]`.
pub fn pixels(count: usize, size: impl Into<Size>) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    (0..count * 3 * size.into().area()).map(|_| rng.random_range(-2.0..2.0)).collect()
}

/// The maps by Burn's tensors, on the model's device.
pub fn reference(model: &Aand, pixels: Vec<f32>, count: usize) -> Vec<ScoreMap> {
    let size = model.info.size;
    let discrepancy = model.forward(batch(pixels, count, size, &model.device())).discrepancy;
    let levels = discrepancy.map(|d| (d.dims(), d.into_data().iter::<f32>().collect::<Vec<_>>()));
    let map = |i: usize| {
        let level = |k: usize| {
            let ([_, _, height, width], values) = &levels[k];
            (&values[i * height * width..][..height * width], [*height, *width])
        };
        anomaly_map(&[level(0), level(1), level(2)], size)
    };
    (0..count).map(map).collect()
}

/// Maps are equal within 1e-4 of the largest value, and are not constant.
pub fn same(found: &[ScoreMap], right: &[ScoreMap], what: &Info) {
    assert_eq!(found.len(), right.len());
    for (found, right) in found.iter().zip(right) {
        let largest = right.data.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let smallest = right.data.iter().fold(f32::INFINITY, |m, v| m.min(v.abs()));
        assert!(
            largest > 0.01 && smallest < 0.99 * largest,
            "a map that tells nothing: {smallest}..{largest}"
        );
        for (a, b) in found.data.iter().zip(&right.data) {
            assert!((a - b).abs() <= 1e-4 * largest, "{a} is not {b}: {}, {:?}", what.backbone, what.raa);
        }
    }
}
