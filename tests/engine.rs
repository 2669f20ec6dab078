//! The CPU's own path against Burn's tensors: the same anomaly maps for every kind of model.

mod made_up;

use aand::amplification::{RaaOptions, Residual};
use aand::detection::Detector;
use aand::model::{Aand, Precision, Score, save};
use aand::teacher::Backbone;
use burn::tensor::Device;
use made_up::{model, pixels, reference, same};

fn check(model: &Aand, count: usize) {
    let x = pixels(count, model.info.size);
    let right = reference(model, x.clone(), count);
    let found = Detector::new(model.clone()).unwrap().maps(x, count).unwrap();
    same(&found, &right, &model.info);
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

/// Calls from the threads that the engine itself computes on, all at once.
#[test]
fn many_may_ask_at_once() {
    use rayon::prelude::*;
    let model = model(Backbone::Compact, 64, RaaOptions::default(), Score::Discrepancy);
    let detector = Detector::new(model).unwrap();
    let right = detector.maps(pixels(1, 64), 1).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    pool.install(|| {
        (0..24).into_par_iter().for_each(|_| {
            let found = detector.maps(pixels(1, 64), 1).unwrap();
            assert_eq!(found[0].data, right[0].data);
        });
    });
}
