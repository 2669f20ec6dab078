//! The CPU's own path against Burn's tensors: the same anomaly maps for every kind of model.

mod made_up;

use aand::amplification::{RaaOptions, Residual};
use aand::detection::{Detector, batch};
use aand::gpu::Processor;
use aand::inference::{Engine, Plan};
use aand::model::{Aand, Precision, Score, TensorStore, save};
use aand::picture::ScoreMap;
use aand::teacher::Backbone;
use burn::tensor::{Device, Tensor};
use made_up::{model, pixels, reference, same};

fn check(model: &Aand, count: usize) {
    let x = pixels(count, model.info.size);
    let right = reference(model, x.clone(), count);
    let found = Detector::new(model.clone()).unwrap().maps(&x, count).unwrap();
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

/// What is shown of the insides is what Burn computes, with the RAA and without it.
#[test]
fn insides() {
    let raa = RaaOptions::default();
    let bare = |raa: RaaOptions| RaaOptions { generator: false, ..raa };
    for (backbone, raa) in [
        (Backbone::Compact, raa),
        (Backbone::Compact, RaaOptions { gate: false, ..raa }),
        (Backbone::Compact, bare(raa)),
        (Backbone::Resnet50, raa),
    ] {
        let model = model(backbone, 64, raa, Score::Discrepancy);
        let x = pixels(1, 64);
        let engine = engine_of(&model);
        for amplify in [true, false] {
            let mut right = model.clone();
            if !amplify {
                right.info.raa = bare(raa);
            }
            let right = right.forward(batch(x.clone(), 1, 64, &model.device()));
            let found = engine.inspect(&x, amplify);
            for (k, found) in found.iter().enumerate() {
                let near = |what: &str, found: &ScoreMap, right: Tensor<4>| {
                    let right = right.mean_dim(1).into_data().try_into_vec::<f32>().unwrap();
                    let scale = right.iter().fold(1e-3f32, |most, v| most.max(v.abs()));
                    assert_eq!(found.data.len(), right.len());
                    for (a, b) in found.data.iter().zip(&right) {
                        assert!((a - b).abs() <= 1e-4 * scale, "{what} of level {}: {a} is not {b}", k + 1);
                    }
                };
                near("teacher", &found.teacher, right.teacher[k].clone());
                if raa.generator && raa.gate {
                    near("gate", found.gate.as_ref().unwrap(), right.advanced[k].weight.clone());
                }
                let compared = found.compared.as_ref().unwrap();
                near("advanced", &compared.advanced, right.advanced[k].feature.clone());
                near("residual", &compared.residual, right.advanced[k].residual.clone().abs());
                near("student", &compared.student, right.student[k].clone());
                near("discrepancy", &found.discrepancy, right.discrepancy[k].clone());
                assert_eq!(compared.advanced == found.teacher, !(amplify && raa.generator));
            }
        }
    }
}

#[test]
fn insides_of_a_model_that_scores_by_its_gate() {
    let model = model(Backbone::Compact, 64, RaaOptions::default(), Score::Gate);
    for level in engine_of(&model).inspect(&pixels(1, 64), true) {
        assert!(level.compared.is_none());
        assert_eq!(level.gate.as_ref(), Some(&level.discrepancy));
    }
}

fn engine_of(model: &Aand) -> Engine {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.aand");
    save(model, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    Engine::new(Plan::new(&model.info, &TensorStore::new(&bytes, &path).unwrap()).unwrap())
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let detector = Detector::new(model(Backbone::Compact, 128, RaaOptions::default(), Score::Discrepancy));
    let (detector, x) = (detector.unwrap(), pixels(3, 128));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| detector.maps(&x, 3).unwrap())
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
    let stored = Detector::open(&path, &Processor::Cpu).unwrap().maps(&x, 1).unwrap();
    let held = Detector::new(model.clone()).unwrap().maps(&x, 1).unwrap();
    assert_eq!(stored[0].data, held[0].data);

    model.info.precision = Precision::F16;
    save(&model, &path).unwrap();
    let half = Detector::open(&path, &Processor::Cpu).unwrap().maps(&x, 1).unwrap();
    let difference = half[0].data.iter().zip(&held[0].data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference > 0.0 && difference < 0.02, "{difference}");

    model.info.raa.memory_items = 7;
    save(&model, &path).unwrap();
    let error = Detector::open(&path, &Processor::Cpu).unwrap_err().to_string();
    assert!(error.contains("amplifier.levels.0.gate.memory") && error.contains("model.aand"), "{error}");
}

/// Calls from the threads that the engine itself computes on, all at once.
#[test]
fn many_may_ask_at_once() {
    use rayon::prelude::*;
    let model = model(Backbone::Compact, 64, RaaOptions::default(), Score::Discrepancy);
    let detector = Detector::new(model).unwrap();
    let right = detector.maps(&pixels(1, 64), 1).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    pool.install(|| {
        (0..24).into_par_iter().for_each(|_| {
            let found = detector.maps(&pixels(1, 64), 1).unwrap();
            assert_eq!(found[0].data, right[0].data);
        });
    });
}
