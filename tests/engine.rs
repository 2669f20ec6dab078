//! The CPU's own path against Burn's tensors: the same anomaly maps for every kind of model.

use aand::Result;
use aand::amplification::{Amplifier, RaaOptions, Residual};
use aand::detection::{Detector, anomaly_map, batch};
use aand::model::{Aand, FORMAT_VERSION, Info, Precision, Score, Selection, Threshold, assign, save};
use aand::picture::ScoreMap;
use aand::student::Student;
use aand::teacher::{Backbone, Teacher, TensorSource};
use burn::tensor::Device;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Numbers that look random, running statistics included, so scaled that features neither vanish nor grow.
struct Random;

impl TensorSource for Random {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let seed: u64 = name.bytes().fold(7, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count: usize = shape.iter().product();
        let inputs = if shape.len() == 4 && !name.contains("deconv") { count / shape[0] } else { shape[0] };
        let (middle, spread) = match name.rsplit('.').next() {
            Some("running_var") => (1.0, 0.5),
            Some("weight") if shape.len() == 1 => (1.0, 0.5),
            Some("bias" | "running_mean") => (0.0, 0.1),
            Some("memory") => (0.0, 1.0),
            _ => (0.0, (6.0 / inputs as f32).sqrt()),
        };
        Ok((0..count).map(|_| middle + spread * rng.random_range(-1.0..1.0f32)).collect())
    }

    fn contains(&self, _: &str) -> bool {
        true
    }
}

fn model(backbone: Backbone, size: usize, raa: RaaOptions, score: Score) -> Aand {
    let device = Device::flex();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let amplifier = Amplifier::new(backbone, size, raa.memory_items, &mut rng, &device);
    let words = "made up for a test".to_owned();
    let threshold = Threshold {
        value: 1.0,
        method: words.clone(),
        pictures: 0,
        reliability: words.clone(),
        reliable: false,
    };
    Aand {
        teacher: Teacher::load(backbone, &Random, &device).unwrap(),
        amplifier: assign(amplifier, "amplifier", &Random).unwrap(),
        student: assign(Student::new(backbone, &mut rng, &device), "student", &Random).unwrap(),
        info: Info {
            format_version: FORMAT_VERSION,
            program: words.clone(),
            name: words.clone(),
            backbone,
            teacher: words.clone(),
            size,
            preprocessing: words,
            raa,
            score,
            selection: Selection::Last,
            threshold,
            seed: 0,
            precision: Precision::F32,
            training: serde_json::Value::Null,
            data_fingerprint: String::new(),
            training_pictures: 0,
            history: Default::default(),
        },
    }
}

fn pixels(count: usize, size: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    (0..count * 3 * size * size).map(|_| rng.random_range(-2.0..2.0)).collect()
}

/// The maps by Burn's tensors.
fn reference(model: &Aand, pixels: Vec<f32>, count: usize) -> Vec<ScoreMap> {
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

fn check(model: &Aand, count: usize) {
    let size = model.info.size;
    let (x, what) = (pixels(count, size), &model.info);
    let right = reference(model, x.clone(), count);
    let found = Detector::new(model.clone()).unwrap().maps(x, count).unwrap();
    assert_eq!(found.len(), count);
    for (found, right) in found.iter().zip(&right) {
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

#[test]
fn backbones_sizes_and_batches() {
    let raa = RaaOptions::default();
    for (backbone, size, count) in [
        (Backbone::Compact, 64, 3),
        (Backbone::Compact, 96, 1),
        (Backbone::Compact, 256, 1),
        (Backbone::Resnet18, 128, 3),
        (Backbone::Resnet34, 64, 1),
        (Backbone::Resnet50, 64, 3),
        (Backbone::WideResnet50_2, 64, 1),
    ] {
        check(&model(backbone, size, raa, Score::Discrepancy), count);
    }
}

#[test]
fn switches() {
    let raa = RaaOptions::default();
    for raa in [
        RaaOptions { gate: false, ..raa },
        RaaOptions { generator: false, ..raa },
        RaaOptions { residual: Residual::Sigmoid, ..raa },
        RaaOptions { residual: Residual::Learnable, ..raa },
        RaaOptions { memory_items: 3, ..raa },
    ] {
        check(&model(Backbone::Compact, 64, raa, Score::Discrepancy), 2);
    }
    check(&model(Backbone::Compact, 64, raa, Score::Gate), 2);
    check(&model(Backbone::Compact, 64, RaaOptions { gate: false, ..raa }, Score::Gate), 1);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let detector = Detector::new(model(Backbone::Compact, 128, RaaOptions::default(), Score::Discrepancy));
    let (detector, x) = (detector.unwrap(), pixels(3, 128));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| detector.maps(x.clone(), 3).unwrap())
    };
    let one = run(1);
    for threads in [2, 5] {
        let several = run(threads);
        assert!(one.iter().zip(&several).all(|(a, b)| a.data == b.data));
    }
}

/// The file read tensor by tensor is the model in memory, and a tensor that is missing is named.
#[test]
fn a_file_is_its_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.aand");
    let mut model = model(Backbone::Compact, 64, RaaOptions::default(), Score::Discrepancy);
    let x = pixels(1, 64);
    save(&model, &path).unwrap();
    let stored = Detector::open(&path, &Device::flex()).unwrap().maps(x.clone(), 1).unwrap();
    let held = Detector::new(model.clone()).unwrap().maps(x.clone(), 1).unwrap();
    assert_eq!(stored[0].data, held[0].data);

    model.info.precision = Precision::F16;
    save(&model, &path).unwrap();
    let half = Detector::open(&path, &Device::flex()).unwrap().maps(x, 1).unwrap();
    let difference = half[0].data.iter().zip(&held[0].data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference > 0.0 && difference < 0.02, "{difference}");

    model.info.raa.memory_items = 7;
    save(&model, &path).unwrap();
    let error = Detector::open(&path, &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("amplifier.levels.0.gate.memory") && error.contains("model.aand"), "{error}");
}
