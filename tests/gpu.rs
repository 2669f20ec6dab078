//! A teacher and both training stages on the GPU against the CPU. It fails where wgpu finds
//! no adapter: install `mesa-vulkan-drivers` for a software one.
//!
//! The first run of each kernel compiles it, and each variant that autotuning tries: a minute or more on a
//! software adapter, less with `CUBECL_AUTOTUNE_LEVEL=minimal`.

#[path = "parity/gradients.rs"]
mod gradients;

use aand::Result;
use aand::detection::batch;
use aand::picture::Mask;
use aand::student::{Student, distillation};
use aand::teacher::{Backbone, Teacher};
use aand::training::{AmplifyBatch, AmplifyStage, DistillStage, Settings};
use burn::tensor::{Device, DeviceKind};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const SIZE: usize = 64;
const PICTURES: usize = 2;
const STEPS: usize = 2;

/// A real GPU if there is one, else a software adapter.
fn gpu() -> Device {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let adapters = burn::tensor::read_sync(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let infos: Vec<wgpu::AdapterInfo> = adapters.iter().map(wgpu::Adapter::get_info).collect();
    let has = |kind| infos.iter().any(|info| info.device_type == kind);
    let kinds = [
        (wgpu::DeviceType::DiscreteGpu, DeviceKind::DiscreteGpu(0)),
        (wgpu::DeviceType::IntegratedGpu, DeviceKind::IntegratedGpu(0)),
        (wgpu::DeviceType::VirtualGpu, DeviceKind::VirtualGpu(0)),
        (wgpu::DeviceType::Cpu, DeviceKind::Cpu),
    ];
    let found = kinds.into_iter().find(|(kind, _)| has(*kind));
    let (_, kind) = found.expect("wgpu finds no adapter; install mesa-vulkan-drivers for a software one");
    println!("on {kind:?} of {:?}", infos.iter().map(|info| &info.name).collect::<Vec<_>>());
    Device::wgpu(kind)
}

fn random() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(2)
}

fn pixels() -> Vec<f32> {
    let mut rng = random();
    (0..PICTURES * 3 * SIZE * SIZE).map(|_| rng.random_range(-2.0..2.0)).collect()
}

/// A square defect in each picture.
fn masks() -> Vec<Mask> {
    let data = |i: usize| (20..50).contains(&(i % SIZE)) && (10..44).contains(&(i / SIZE));
    let mask = || Mask { width: SIZE, height: SIZE, data: (0..SIZE * SIZE).map(data).collect() };
    (0..PICTURES).map(|_| mask()).collect()
}

/// Everything that is compared, with its name.
fn job(device: &Device) -> Result<Vec<(String, Vec<f64>)>> {
    let settings = Settings { size: SIZE, batch: PICTURES, ..Settings::default() };
    let teacher = Teacher::random(Backbone::Compact, 3, device)?;
    let features = teacher.forward(batch(pixels(), PICTURES, SIZE, device));
    let mut found = Vec::new();
    for (k, level) in features.iter().enumerate() {
        let values = level.clone().into_data().iter::<f32>().map(f64::from).collect();
        found.push((format!("teacher level {}", k + 1), values));
    }
    let mut rng = random();
    let mut stage = AmplifyStage::new(&teacher, &settings, &mut rng, device);
    for step in 1..=STEPS {
        let foregrounds = vec![Mask::filled(SIZE, SIZE, true); PICTURES];
        let data = AmplifyBatch { pixels: pixels(), masks: masks(), foregrounds };
        let loss = stage.step(&teacher, data, &settings, settings.lr, &mut rng)?;
        found.push((format!("stage 1, step {step}, focal"), vec![loss.focal]));
        found.push((format!("stage 1, step {step}, amplification"), vec![loss.amplification]));
    }
    let student = Student::new(teacher.backbone, &mut random(), &device.clone().autodiff());
    let targets = features.clone().map(|level| level.autodiff());
    let loss = distillation(&targets, &student.forward(targets.clone()), settings.hardest).total();
    for (name, gradient) in gradients::by_name(loss, &student) {
        found.push((format!("gradient of {name}"), gradient.into_iter().map(f64::from).collect()));
    }
    let mut stage = DistillStage::new(teacher.backbone, &settings, &mut random(), device);
    for step in 1..=STEPS {
        // A small rate: Adam's first step is the rate times the sign of each gradient, and where a gradient
        // is zero except for rounding, the devices disagree about the sign.
        let loss = stage.step(features.clone(), &settings, 0.2 * settings.lr)?;
        found.push((format!("stage 2, step {step}, KD"), vec![loss.kd]));
        found.push((format!("stage 2, step {step}, HKD"), vec![loss.hkd]));
    }
    Ok(found)
}

/// `|a - b|_2 / |b|_2`; of single numbers, the relative error.
fn relative(a: &[f64], b: &[f64]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut b.iter().copied())
}

#[test]
fn gpu_and_cpu_agree() {
    let gpu = gpu();
    let (ours, expected) = (job(&gpu).unwrap(), job(&Device::flex()).unwrap());
    assert_eq!(ours.len(), expected.len());
    for ((name, a), (other, b)) in ours.iter().zip(&expected) {
        assert_eq!((name, a.len()), (other, b.len()));
        // Where rounding moves one unit across the kink of its ReLU, all gradients before it change by a
        // percent or so; a wrong kernel changes them by far more. Without such a unit it is some 3e-5.
        let tolerance = if name.starts_with("gradient") { 5e-2 } else { 1e-3 };
        let error = relative(a, b);
        println!("{name}: relative error {error:.1e}, tolerance {tolerance:.0e}");
        assert!(error <= tolerance, "{name}: relative error {error:e} exceeds {tolerance:e}");
    }
}
