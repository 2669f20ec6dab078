//! The GPU's own path against Burn's tensors on the CPU: the same anomaly maps for every kind of model. The tests
//! fail where wgpu finds no adapter: install `mesa-vulkan-drivers` for a software one.

mod made_up;

use aand::amplification::{RaaOptions, Residual};
use aand::detection::Detector;
use aand::gpu::{Gpu, GpuNetwork, Processor, adapters};
use aand::inference::Plan;
use aand::model::{Aand, NamedTensors, Precision, Score, save, tensors};
use aand::picture::Size;
use aand::teacher::Backbone;
use made_up::{model, pixels, reference, same};
use std::sync::Arc;
use std::time::Instant;

/// The first adapter.
fn gpu() -> Arc<Gpu> {
    let found = pollster::block_on(adapters());
    assert!(!found.is_empty(), "wgpu finds no adapter; install mesa-vulkan-drivers for a software one");
    let gpu = pollster::block_on(Gpu::open()).unwrap();
    println!("on {} ({:?})", gpu.info.name, gpu.info.device_type);
    Arc::new(gpu)
}

fn network(gpu: &Arc<Gpu>, model: &Aand) -> GpuNetwork {
    network_in(Precision::F32, gpu, model)
}

fn network_in(precision: Precision, gpu: &Arc<Gpu>, model: &Aand) -> GpuNetwork {
    let source = NamedTensors::new(tensors(model).unwrap());
    GpuNetwork::new(Arc::clone(gpu), Plan::new(&model.info, &source).unwrap(), precision).unwrap()
}

fn check(gpu: &Arc<Gpu>, model: &Aand, count: usize) {
    let x = pixels(count, model.info.size);
    let right = reference(model, x.clone(), count);
    let mut network = network(gpu, model);
    // Twice, because in the second run all memory still holds values of the first.
    for _ in 0..2 {
        let found = pollster::block_on(network.maps(&x, count)).unwrap();
        let maps: Vec<_> = found.iter().map(|(map, _)| map.clone()).collect();
        same(&maps, &right, &model.info);
        for (map, score) in &found {
            assert_eq!(*score, map.data.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }
    let layers = pollster::block_on(network.profile(count));
    if let Ok(layers) = layers {
        assert!(layers.iter().any(|layer| layer.name == "student.oce.blocks.0.conv1" || layer.ms > 0.0));
    }
}

#[test]
fn backbones_sizes_and_batches() {
    let gpu = gpu();
    let raa = RaaOptions::default();
    for (backbone, size, count) in [
        (Backbone::Compact, Size::square(64), 3),
        (Backbone::Compact, Size::new(96, 32), 2),
        (Backbone::Compact, 256.into(), 1),
        (Backbone::Resnet18, Size::new(64, 128), 3),
        (Backbone::Resnet50, 64.into(), 1),
    ] {
        check(&gpu, &model(backbone, size, raa, Score::Discrepancy), count);
    }
}

#[test]
fn switches() {
    let gpu = gpu();
    let raa = RaaOptions::default();
    for raa in [
        RaaOptions { gate: false, ..raa },
        RaaOptions { generator: false, ..raa },
        RaaOptions { residual: Residual::Sigmoid, ..raa },
        RaaOptions { residual: Residual::Learnable, ..raa },
        RaaOptions { memory_items: 3, ..raa },
    ] {
        check(&gpu, &model(Backbone::Compact, 64, raa, Score::Discrepancy), 2);
    }
    check(&gpu, &model(Backbone::Compact, 64, raa, Score::Gate), 2);
    check(&gpu, &model(Backbone::Compact, 64, RaaOptions { gate: false, ..raa }, Score::Gate), 1);
}

/// In 16 bit the scores are those of f32 within 1 %.
#[test]
fn half_the_bits_are_enough() {
    let gpu = gpu();
    assert!(gpu.has_half(), "{} has no 16-bit floats (shader-f16); a software adapter has", gpu.info.name);
    // Made-up features grow from block to block, so a deep network gets dark pictures.
    let shapes =
        [(Backbone::Compact, 256, 1.0), (Backbone::Resnet18, 128, 1.0), (Backbone::Resnet34, 64, 0.02)];
    for (backbone, size, light) in shapes {
        let model = model(backbone, size, RaaOptions::default(), Score::Discrepancy);
        let x: Vec<f32> = pixels(2, size).iter().map(|v| light * v).collect();
        let right = pollster::block_on(network(&gpu, &model).maps(&x, 2)).unwrap();
        let found = pollster::block_on(network_in(Precision::F16, &gpu, &model).maps(&x, 2));
        let found = found.unwrap_or_else(|e| panic!("{backbone}: {e}"));
        for ((map, score), (right_map, right)) in found.iter().zip(&right) {
            assert!((score - right).abs() <= 1e-2 * right, "{backbone}: {score} is not {right}");
            assert_ne!(map, right_map, "something was computed in 16 bit");
        }
    }
    // A value that is too large for 16 bits is an error, and of that batch alone.
    let mut network = network_in(
        Precision::F16,
        &gpu,
        &model(Backbone::Compact, 64, RaaOptions::default(), Score::Discrepancy),
    );
    let x = pixels(1, 64);
    let bright: Vec<f32> = x.iter().map(|v| 1e4 * v).collect();
    let said = pollster::block_on(network.maps(&bright, 1)).unwrap_err().to_string();
    assert!(said.contains("`precision f32`"), "{said}");
    assert!(pollster::block_on(network.maps(&x, 1)).is_ok());
}

/// Batches of one, then of three, then of two: the memory grows once, and a picture's result does not depend on
/// the others in its batch.
#[test]
fn batches_of_any_size_in_any_order() {
    let gpu = gpu();
    let model = model(Backbone::Compact, 64, RaaOptions::default(), Score::Discrepancy);
    let (x, picture) = (pixels(3, 64), 3 * 64 * 64);
    let mut network = network(&gpu, &model);
    let one = pollster::block_on(network.maps(&x[..picture], 1)).unwrap();
    let three = pollster::block_on(network.maps(&x, 3)).unwrap();
    let two = pollster::block_on(network.maps(&x[picture..], 2)).unwrap();
    assert_eq!(one[0].0.data, three[0].0.data);
    assert_eq!([&two[0].0.data, &two[1].0.data], [&three[1].0.data, &three[2].0.data]);
    assert!(pollster::block_on(network.maps(&x, 2)).is_err());
}

/// A detector on the adapter takes this path, from a file and from memory.
#[test]
fn a_detector_on_a_gpu() {
    let gpu = gpu();
    let held = model(Backbone::Compact, 64, RaaOptions::default(), Score::Discrepancy);
    let x = pixels(2, 64);
    let right: Vec<_> = pollster::block_on(network(&gpu, &held).maps(&x, 2)).unwrap();
    let right: Vec<_> = right.into_iter().map(|(map, _)| map).collect();
    let processor = Processor::Gpu(Arc::clone(&gpu));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.aand");
    save(&held, &path).unwrap();
    let opened = Detector::open(&path, &processor).unwrap().maps(&x, 2).unwrap();
    assert_eq!(opened, right);
    assert_eq!(Detector::on(held, &processor).unwrap().maps(&x, 2).unwrap(), right);
}

/// How long one picture takes:
/// `cargo test --release --test gpu_detection speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let gpu = gpu();
    let model = model(Backbone::Resnet18, 256, RaaOptions::default(), Score::Discrepancy);
    let x = pixels(1, 256);
    let started = Instant::now();
    let mut network = network(&gpu, &model);
    println!("kernels and weights {:.2} s", started.elapsed().as_secs_f64());
    let mut times: Vec<f64> = (0..6)
        .map(|_| {
            let started = Instant::now();
            drop(pollster::block_on(network.maps(&x, 1)).unwrap());
            started.elapsed().as_secs_f64()
        })
        .collect();
    let first = times.remove(0);
    times.sort_by(f64::total_cmp);
    println!("first answer {first:.2} s, then {:.3} s", times[times.len() / 2]);
    let mut layers = pollster::block_on(network.profile(1)).unwrap();
    layers.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    for layer in layers.iter().take(12) {
        println!("{:8.2} ms  {} ({})", layer.ms, layer.name, layer.kernel);
    }
}
