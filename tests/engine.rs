//! The CPU's own path against Burn's tensors: the same anomaly maps for every kind of model.

mod made_up;

use aand::amplification::{RaaOptions, Residual};
use aand::detection::{Detector, batch};
use aand::gpu::Processor;
use aand::inference::{Engine, Plan};
use aand::model::{Aand, Precision, Score, TensorStore, encode, save};
use aand::picture::{ScoreMap, Size};
use aand::teacher::Backbone;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use made_up::{model, pixels, reference, same};
use std::path::Path;

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
        (Backbone::Compact, Size::square(64), 3),
        (Backbone::Compact, Size::new(96, 32), 2),
        (Backbone::Compact, Size::new(64, 160), 1),
        (Backbone::Compact, 256.into(), 1),
        (Backbone::Resnet18, Size::new(128, 64), 3),
        (Backbone::Resnet34, 64.into(), 1),
        (Backbone::Resnet50, Size::new(32, 64), 3),
        (Backbone::WideResnet50_2, 64.into(), 1),
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

/// The intermediate features that are shown equal those that Burn computes, with the RAA and without it.
#[test]
fn intermediate_features() {
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

/// The numbers behind a patch equal Burn's, and the maps follow from them.
#[test]
fn patches() {
    let raa = RaaOptions { memory_items: 7, ..RaaOptions::default() };
    let model = model(Backbone::Compact, 64, raa, Score::Discrepancy);
    let x = pixels(1, 64);
    let right = model.forward(batch(x.clone(), 1, 64, &model.device()));
    let levels = engine_of(&model).look(&x, true);
    let values = |tensor: &Tensor<4>| tensor.clone().into_data().try_into_vec::<f32>().unwrap();
    for (k, level) in levels.iter().enumerate() {
        let [channels, height, width] = level.shape;
        let gate = values(&right.advanced[k].weight);
        let discrepancy = values(&right.discrepancy[k]);
        let features = [&right.teacher[k], &right.advanced[k].feature, &right.student[k]].map(values);
        for position in [0, width + 1, height * width - 1] {
            let patch = level.patch(position).unwrap();
            let [advanced, student] = patch.compared.as_ref().unwrap();
            for (found, all) in [&patch.teacher, advanced, student].into_iter().zip(&features) {
                let scale = all.iter().fold(1e-3f32, |most, v| most.max(v.abs()));
                for (c, found) in found.iter().enumerate() {
                    let right = all[c * height * width + position];
                    assert!((found - right).abs() <= 1e-4 * scale, "level {}: {found} is not {right}", k + 1);
                }
                assert_eq!(found.len(), channels);
            }
            assert!((1.0 - patch.cosine - f64::from(discrepancy[position])).abs() < 1e-4);
            let parts = patch.gate.unwrap();
            assert_eq!((parts.cosines.len(), parts.shares.len()), (14, 14));
            assert!(parts.cosines.iter().all(|cos| cos.abs() <= 1.0 + 1e-5));
            assert!((parts.weight - f64::from(gate[position])).abs() < 1e-4);
        }
    }
}

#[test]
fn intermediate_features_of_a_model_that_scores_by_its_gate() {
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

/// Bytes of a model whose JSON header has been changed.
fn with_header(model: &Aand, change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let bytes = encode(model).unwrap();
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let mut outer: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let mut info = serde_json::from_str(outer["__metadata__"]["aand"].as_str().unwrap()).unwrap();
    change(&mut info);
    outer["__metadata__"]["aand"] = info.to_string().into();
    let header = outer.to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &bytes[8 + length..]].concat()
}

/// Every way of reading a model refuses these bytes; gives the message.
fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bad.aand");
    std::fs::write(&path, bytes).unwrap();
    let device = Device::flex();
    let messages = [
        Detector::open(&path, &Processor::Cpu).map(drop).unwrap_err(),
        aand::model::open(&path, &device).map(drop).unwrap_err(),
        Detector::from_bytes(bytes, &path).map(drop).unwrap_err(),
    ]
    .map(|error| error.to_string());
    assert!(messages.iter().all(|message| message.contains("bad.aand")), "{messages:?}");
    assert_eq!(messages[0], messages[2]);
    messages[0].clone()
}

/// An impossible header is refused before anything of its size is allocated.
#[test]
fn impossible_headers_are_refused() {
    let model = model(Backbone::Compact, 32, RaaOptions::default(), Score::Discrepancy);
    for size in [0, 33, 4096] {
        assert!(refusal(&with_header(&model, |info| info["size"] = size.into())).contains("impossible size"));
    }
    for items in [0_u64, 5000, 10_000_000_000, 1 << 62] {
        let bytes = with_header(&model, |info| info["raa"]["memory_items"] = items.into());
        assert!(refusal(&bytes).contains("impossible number of memory items"));
    }
    // Possible, but it does not match the file's tensors.
    let bytes = with_header(&model, |info| info["raa"]["memory_items"] = 4096.into());
    assert!(refusal(&bytes).contains("amplifier.levels.0.gate.memory"));
    for threshold in [0.0, -1.0] {
        let bytes = with_header(&model, |info| info["threshold"]["value"] = threshold.into());
        assert!(refusal(&bytes).contains("impossible threshold"));
    }
    let bytes = with_header(&model, |info| info["threshold"]["value"] = serde_json::Value::Null);
    assert!(refusal(&bytes).contains("its header is damaged"));
    let distilled = |kd: f64, epoch: u64| {
        let record = serde_json::json!({ "epoch": epoch, "kd": kd, "hkd": 0.0, "lr": 0.005, "seconds": 0.0 });
        with_header(&model, |info| info["history"]["distill"] = vec![record].into())
    };
    for (kd, epoch) in [(1e308, 1), (-1e308, 1), (-2.0, 1), (0.5, 0), (0.5, u64::MAX)] {
        assert!(refusal(&distilled(kd, epoch)).contains("history"));
    }
    assert!(Detector::from_bytes(&distilled(3e38, 1), Path::new("m")).is_ok());
    for (version, range) in [(2, None), (1, Some("0..4095")), (2, Some("9..1"))] {
        let bytes = with_header(&model, |info| {
            info["format_version"] = version.into();
            range.into_iter().for_each(|range| info["range"] = range.into());
        });
        assert!(refusal(&bytes).contains("its header is damaged"));
    }
}

/// A GPU's ReLU may turn a NaN into 0, and so the picture into a good one.
#[test]
fn tensors_that_are_not_finite_are_refused_on_loading() {
    let model = model(Backbone::Compact, 32, RaaOptions::default(), Score::Discrepancy);
    let bytes = encode(&model).unwrap();
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let poisoned = |name: &str, value: f32| {
        let start = 8 + length + header[name]["data_offsets"][0].as_u64().unwrap() as usize;
        let mut bytes = bytes.clone();
        bytes[start + 4..start + 8].copy_from_slice(&value.to_le_bytes());
        refusal(&bytes)
    };
    let names: Vec<&String> =
        header.as_object().unwrap().keys().filter(|name| *name != "__metadata__").collect();
    let of = |part: &str| names.iter().find(|name| name.contains(part)).unwrap().as_str();
    for part in ["teacher.conv1.weight", "teacher.conv1.bias", "gate", "generator", "oce", "decoder"] {
        for value in [f32::NAN, f32::NEG_INFINITY] {
            let message = poisoned(of(part), value);
            assert!(message.contains(of(part)) && message.contains("not finite at element 1"), "{message}");
        }
    }
    let variance = of("running_var");
    assert!(poisoned(variance, -1.0).contains("a variance, is negative at element 1"));
}

/// A variance beyond half precision would be infinite, and its channel silent.
#[test]
fn a_tensor_beyond_half_precision_keeps_single() {
    let mut model = model(Backbone::Compact, 32, RaaOptions::default(), Score::Discrepancy);
    model.student = model.student.map(&mut Grown);
    model.info.precision = Precision::F16;
    let bytes = encode(&model).unwrap();
    let again = aand::model::decode(&bytes, Path::new("m"), &Device::flex()).unwrap();
    let (before, after) = (aand::model::tensors(&model).unwrap(), aand::model::tensors(&again).unwrap());
    let (mut kept, mut halved) = (0, 0);
    for (before, after) in before.iter().zip(&after) {
        if before.values.iter().any(|v| *v > 65504.0) {
            assert_eq!(before, after);
            kept += 1;
        } else {
            halved += usize::from(before != after);
        }
    }
    assert!(kept > 0 && halved > 0, "{kept} {halved}");
}

/// Running variances of activations 1000 times as large.
struct Grown;

impl ModuleMapper for Grown {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        // Among the vectors, only the variances are all well above 0.
        let values = param.val().into_data().iter::<f32>().collect::<Vec<_>>();
        match D == 1 && values.iter().all(|v| *v > 0.4) {
            true => param.map(|tensor| tensor.mul_scalar(1e6)),
            false => param,
        }
    }
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
