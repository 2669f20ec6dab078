//! Both training stages by the shaders against Burn on the CPU: every gradient by its name, whole steps, and a
//! training that is interrupted and goes on. The tests fail on a machine without an adapter: install
//! `mesa-vulkan-drivers` for a software one.

#[path = "parity/gradients.rs"]
mod gradients;
#[expect(dead_code, reason = "other tests compare maps, too")]
mod made_up;

use aand::amplification::{RaaOptions, Residual, sample_pairs};
use aand::dataset;
use aand::gpu::training::{Amplify, Distill, LevelBatch, Scheme, Tensor as Named};
use aand::gpu::{Gpu, Processor, Work};
use aand::model::{Aand, NamedTensors, Score, assign, encode, tensors};
use aand::picture::{Mask, Size};
use aand::student::distillation;
use aand::teacher::{Backbone, Teacher};
use aand::training::{Event, MOST_PAIRS, Observer, Settings, TrainingJob, level_loss, train};
use aand::{detection, training};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use image::{Rgb, RgbImage};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

fn gpu() -> Arc<Gpu> {
    Arc::new(pollster::block_on(Gpu::open()).unwrap())
}

/// A square defect that is a little different in each picture.
fn masks(count: usize, size: Size) -> Vec<Mask> {
    let Size { width, height } = size;
    let mask = |n: usize| {
        let inside = |i: usize| {
            let (x, y) = (i % width, i / width);
            (width / 4..width * 3 / 4).contains(&x) && (height / 8 + n..height * 2 / 3).contains(&y)
        };
        Mask { width, height, data: (0..size.area()).map(inside).collect() }
    };
    (0..count).map(mask).collect()
}

/// `|a - b|_2 / |b|_2`.
fn relative(a: &[f32], b: &[f32]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(a, b)| f64::from(a - b)));
    difference / norm(&mut b.iter().map(|&b| f64::from(b))).max(1e-30)
}

/// Adam's first moment after one step is half of the gradient.
fn gradients_of(moments: Vec<Named>) -> BTreeMap<String, Vec<f32>> {
    let first = moments.into_iter().filter_map(|(name, _, values)| {
        let name = name.strip_prefix("first.")?.to_owned();
        Some((name, values.into_iter().map(|v| 2.0 * v).collect()))
    });
    first.collect()
}

/// Where rounding moves one unit across the kink of its ReLU, all gradients before it change by a percent or so; a
/// wrong kernel changes them by far more. Without such a unit it is some 3e-5.
fn compare(found: &BTreeMap<String, Vec<f32>>, expected: &BTreeMap<String, Vec<f32>>) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for (name, gradient) in expected {
        let error = relative(&found[name], gradient);
        println!("{name}: relative error {error:.1e}");
        if error > 5e-2 {
            wrong.push(format!("{name}: {error:e}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn scheme(model: &Aand, batch: usize, hardest: usize) -> Scheme {
    Scheme { backbone: model.info.backbone, size: model.info.size, batch, hardest, beta1: 0.5 }
}

fn source(model: &Aand) -> NamedTensors {
    NamedTensors::new(tensors(model).unwrap())
}

/// The vanilla features of some pictures, on the CPU.
fn features(model: &Aand, count: usize) -> [Tensor<4>; 3] {
    let x = made_up::pixels(count, model.info.size);
    model.teacher.forward(detection::batch(x, count, model.info.size, &Device::flex()))
}

/// `[B, C, H, W]` as the shaders have it.
fn interleaved(feature: Tensor<4>) -> Vec<f32> {
    feature.permute([0, 2, 3, 1]).into_data().try_into_vec::<f32>().unwrap()
}

fn distill_gradients(backbone: Backbone, size: impl Into<Size>, count: usize, hardest: usize) {
    let size = size.into();
    let mut model = made_up::model(backbone, size, RaaOptions::default(), Score::Discrepancy);
    let features = features(&model, count);
    let device = Device::flex().autodiff();
    let student = assign(
        aand::student::Student::new(backbone, &mut ChaCha8Rng::seed_from_u64(5), &device),
        "student",
        &NamedTensors::new(tensors(&model).unwrap()),
    )
    .unwrap();
    let targets = features.clone().map(|level| level.autodiff());
    let loss = distillation(&targets, &student.forward(targets.clone()), hardest);
    let number = |loss: &Tensor<1>| -> f64 { f64::from(loss.clone().into_scalar::<f32>()) };
    let (kd, hkd) = (number(&loss.kd), number(&loss.hkd));
    let expected = gradients::by_name(loss.total(), &student);
    let expected = expected.into_iter().map(|(name, g)| (format!("student.{name}"), g)).collect();
    // The running statistics after the step are compared, too.
    model.student = student.valid();
    let mut engine =
        Distill::new(gpu(), scheme(&model, count, hardest), &source_before(backbone, size)).unwrap();
    for (k, feature) in features.into_iter().enumerate() {
        engine.write(k, &interleaved(feature));
    }
    engine.step(count, 0.001, |_, _| Ok(())).unwrap();
    let losses = pollster::block_on(engine.losses()).unwrap().unwrap();
    assert!((losses[0] - kd).abs() < 1e-4 * kd.abs().max(1.0), "KD {} is not {kd}", losses[0]);
    assert!((losses[1] - hkd).abs() < 1e-4 * hkd.abs().max(1.0), "HKD {} is not {hkd}", losses[1]);
    let (moments, times) = pollster::block_on(engine.moments()).unwrap();
    assert_eq!(times, [1]);
    compare(&gradients_of(moments), &expected);
    let running = source(&model);
    for (name, shape, values) in pollster::block_on(engine.tensors()).unwrap() {
        if name.contains("running_") {
            let right = aand::teacher::TensorSource::get(&running, &name, &shape).unwrap();
            assert!(relative(&values, &right) < 1e-4, "{name}");
        }
    }
}

/// The same model as before a step.
fn source_before(backbone: Backbone, size: Size) -> NamedTensors {
    source(&made_up::model(backbone, size, RaaOptions::default(), Score::Discrepancy))
}

#[test]
fn gradients_of_stage_2() {
    distill_gradients(Backbone::Compact, 64, 2, 10);
}

#[test]
fn gradients_of_stage_2_with_bottleneck_blocks() {
    distill_gradients(Backbone::Resnet50, Size::new(96, 64), 1, 3);
}

#[test]
fn gradients_of_stage_2_without_hard_examples() {
    distill_gradients(Backbone::Resnet18, 64, 2, 0);
    distill_gradients(Backbone::Compact, Size::new(32, 64), 1, 0);
}

fn amplify_gradients(backbone: Backbone, size: impl Into<Size>, count: usize, raa: RaaOptions) {
    let size = size.into();
    let model = made_up::model(backbone, size, raa, Score::Discrepancy);
    let settings = Settings { size, batch: count, raa, ..Settings::default() };
    let features = features(&model, count);
    let device = Device::flex().autodiff();
    let amplifier = aand::amplification::Amplifier::new(
        backbone,
        size,
        raa.memory_items,
        &mut ChaCha8Rng::seed_from_u64(5),
        &device,
    );
    let amplifier = assign(amplifier, "amplifier", &source(&model)).unwrap();
    let (masks, all) = (masks(count, size), vec![Mask::filled(size.width, size.height, true); count]);
    let zero = || Tensor::<1>::zeros([1], &device);
    let (mut focal, mut amplification) = (zero(), zero());
    let mut levels: Vec<LevelBatch> = Vec::new();
    for (raa, feature) in amplifier.levels.iter().zip(features) {
        let [_, _, height, width] = feature.dims();
        let labels = |masks: &[Mask]| -> Vec<bool> {
            masks.iter().flat_map(|mask| mask.patch_labels(height, width)).collect()
        };
        let (anomalous, foreground) = (labels(&masks), labels(&all));
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let pairs = sample_pairs(&anomalous, &foreground, &mut rng, MOST_PAIRS);
        let positions = |rows: Vec<i64>| rows.into_iter().map(|row| row as u32).collect();
        levels.push(LevelBatch {
            labels: anomalous.iter().map(|&a| f32::from(u8::from(a))).collect(),
            pairs: [positions(pairs.normal), positions(pairs.anomalous)],
        });
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let level = level_loss(raa, feature, [&anomalous, &foreground], &settings, &mut rng);
        focal = level.focal.into_iter().fold(focal, |sum, loss| sum + loss);
        amplification = level.amplification.into_iter().fold(amplification, |sum, loss| sum + loss);
    }
    let number = |loss: &Tensor<1>| -> f64 { f64::from(loss.clone().into_scalar::<f32>()) };
    let right = [number(&focal), number(&amplification)];
    let loss = focal + amplification.mul_scalar(settings.amplification_weight);
    let expected = gradients::by_name(loss, &amplifier);
    let expected: BTreeMap<String, Vec<f32>> =
        expected.into_iter().map(|(name, g)| (format!("amplifier.{name}"), g)).collect();
    let margin = [settings.alpha as f32, settings.amplification_weight as f32];
    let source = source(&model);
    let mut engine =
        Amplify::new(gpu(), scheme(&model, count, 10), raa, margin, MOST_PAIRS, &source).unwrap();
    let levels: [LevelBatch; 3] = levels.try_into().unwrap();
    engine.step(&made_up::pixels(count, size), count, &levels, 0.001).unwrap();
    let losses = pollster::block_on(engine.losses()).unwrap().unwrap();
    for (found, right) in losses.into_iter().zip(right) {
        assert!((found - right).abs() < 1e-4 * right.abs().max(1.0), "{found} is not {right}");
    }
    let (moments, _) = pollster::block_on(engine.moments()).unwrap();
    let mut found = gradients_of(moments);
    // A parameter that does not learn has no gradient on the CPU, and a gradient of zero here.
    found.retain(|name, gradient| expected.contains_key(name) || gradient.iter().any(|g| *g != 0.0));
    compare(&found, &expected);
}

#[test]
fn gradients_of_stage_1() {
    amplify_gradients(Backbone::Compact, 64, 2, RaaOptions::default());
}

#[test]
fn gradients_of_stage_1_with_other_residuals() {
    let raa = RaaOptions { memory_items: 9, ..RaaOptions::default() };
    amplify_gradients(
        Backbone::Compact,
        Size::new(64, 32),
        1,
        RaaOptions { residual: Residual::Sigmoid, ..raa },
    );
    amplify_gradients(Backbone::Resnet18, 32, 1, RaaOptions { residual: Residual::Learnable, ..raa });
}

#[test]
fn gradients_of_stage_1_without_gate_or_generator() {
    amplify_gradients(Backbone::Compact, 32, 2, RaaOptions { gate: false, ..RaaOptions::default() });
    amplify_gradients(Backbone::Compact, 32, 2, RaaOptions { generator: false, ..RaaOptions::default() });
}

/// Two steps in a row: one submission each without waiting, and one wait each for their losses.
fn two_steps(gpu: &Gpu, mut step: impl FnMut(), mut losses: impl FnMut()) {
    let Work { submissions, waits } = gpu.work();
    step();
    step();
    assert_eq!(gpu.work(), Work { submissions: submissions + 2, waits });
    losses();
    losses();
    assert_eq!(gpu.work(), Work { submissions: submissions + 2, waits: waits + 2 });
}

#[test]
fn a_step_is_one_submission_of_few_dispatches() {
    let model = made_up::model(Backbone::Resnet18, 64, RaaOptions::default(), Score::Discrepancy);
    let (gpu, source) = (gpu(), source(&model));
    let distill = Distill::new(Arc::clone(&gpu), scheme(&model, 2, 10), &source).unwrap();
    let (dispatches, pipelines) = (distill.dispatches(), distill.pipelines());
    println!("stage 2: {dispatches} dispatches, {pipelines} pipelines");
    assert!((1..=300).contains(&dispatches) && (1..=40).contains(&pipelines));
    let distill = RefCell::new(distill);
    let losses = || {
        pollster::block_on(distill.borrow_mut().losses()).unwrap().unwrap();
    };
    two_steps(&gpu, || distill.borrow_mut().step(2, 0.005, |_, _| Ok(())).unwrap(), losses);

    let (raa, scheme) = (RaaOptions::default(), scheme(&model, 2, 10));
    let amplify = Amplify::new(Arc::clone(&gpu), scheme, raa, [0.3, 0.1], MOST_PAIRS, &source).unwrap();
    let amplify = RefCell::new(amplify);
    let pixels = made_up::pixels(2, 64);
    // The second step has different rows from the first, and none at the coarsest level.
    let rows = std::cell::Cell::new(0);
    let step = || {
        rows.set(rows.get() + 3);
        let levels = [0, 1, 2].map(|k| {
            let positions = 2 * 16 * 16 / 4usize.pow(k);
            let normal = if k == 2 { Vec::new() } else { (0..rows.get()).collect() };
            let anomalous = if k == 2 { Vec::new() } else { vec![positions as u32 - 1] };
            LevelBatch { labels: vec![0.0; positions], pairs: [normal, anomalous] }
        });
        amplify.borrow_mut().step(&pixels, 2, &levels, 0.005).unwrap();
    };
    let losses = || {
        let losses = pollster::block_on(amplify.borrow_mut().losses()).unwrap().unwrap();
        assert!(losses[0] > 0.0 && losses[1] > 0.0, "{losses:?}");
    };
    two_steps(&gpu, step, losses);
    let amplify = amplify.into_inner();
    let (dispatches, pipelines) = (amplify.dispatches(), amplify.pipelines());
    println!("stage 1: {dispatches} dispatches, {pipelines} pipelines");
    assert!((1..=300).contains(&dispatches) && (1..=40).contains(&pipelines));
    // Nothing was sampled of the coarsest level: its generator has not learned.
    let (_, times) = pollster::block_on(amplify.moments()).unwrap();
    assert_eq!(times, [2, 2, 2, 2, 2, 0]);
}

/// Without a gate nothing is learned from a batch without a synthetic anomaly: no step, and no loss.
#[test]
fn a_batch_without_pairs_is_no_step_where_there_is_no_gate() {
    let raa = RaaOptions { gate: false, ..RaaOptions::default() };
    let model = made_up::model(Backbone::Compact, 32, raa, Score::Discrepancy);
    let source = source(&model);
    let mut engine =
        Amplify::new(gpu(), scheme(&model, 2, 10), raa, [0.3, 0.1], MOST_PAIRS, &source).unwrap();
    let before = pollster::block_on(engine.tensors()).unwrap();
    let empty = || {
        [0, 1, 2].map(|k| LevelBatch { labels: vec![0.0; 2 * 64 / 4usize.pow(k)], pairs: Default::default() })
    };
    for count in [2, 1] {
        engine.step(&made_up::pixels(count, 32), count, &empty(), 0.005).unwrap();
        assert_eq!(pollster::block_on(engine.losses()).unwrap(), Some([0.0, 0.0]));
    }
    let (moments, times) = pollster::block_on(engine.moments()).unwrap();
    assert_eq!(times, [0; 6]);
    assert!(moments.iter().all(|(_, _, values)| values.iter().all(|&value| value == 0.0)));
    assert!(pollster::block_on(engine.tensors()).unwrap() == before);
}

/// A NaN among the features must be reported, although a ReLU may turn it into 0.
#[test]
fn what_is_not_a_number_is_an_error() {
    let model = made_up::model(Backbone::Compact, 32, RaaOptions::default(), Score::Discrepancy);
    let mut engine = Distill::new(gpu(), scheme(&model, 1, 10), &source(&model)).unwrap();
    for (k, length) in engine.lengths().into_iter().enumerate() {
        let mut features = vec![0.5; length];
        features[7] = if k == 0 { f32::NAN } else { 0.5 };
        engine.write(k, &features);
    }
    engine.step(1, 0.001, |_, _| Ok(())).unwrap();
    let error = pollster::block_on(engine.losses()).unwrap_err();
    assert!(error.to_string().contains("not a number"), "{error}");
}

/// Parts that differ a little.
fn good_parts(count: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..count {
        let picture = RgbImage::from_fn(80, 72, |x, y| {
            let inside = (x as f32 - 40.0).hypot(y as f32 - 36.0) < 24.0 + (i % 3) as f32;
            let grain = ((x * 7 + y * 13 + i * 29) % 11) as u8;
            if inside { Rgb([150 + grain, 120, 60 + i as u8]) } else { Rgb([30, 34 + grain, 40]) }
        });
        picture.save(folder.path().join(format!("{i}.png"))).unwrap();
    }
    folder
}

fn job(folder: &Path, settings: Settings, processor: Processor) -> TrainingJob {
    let data = dataset::open(folder, None, None).unwrap().remove(0);
    let teacher = Teacher::embedded(&Device::flex()).unwrap();
    let mut job = TrainingJob::prepare(&data, settings, teacher, "the embedded teacher".into()).unwrap();
    job.processor = processor;
    job
}

/// Stops after so many steps, and keeps all losses.
struct Watch {
    steps: usize,
    losses: Vec<[f64; 2]>,
}

impl Observer for Watch {
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        if let Event::Step { losses, .. } = event {
            self.losses.push(losses);
            self.steps = self.steps.saturating_sub(1);
        }
        if self.steps == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn watch(steps: usize) -> Watch {
    Watch { steps, losses: Vec::new() }
}

fn small() -> Settings {
    Settings {
        size: 64.into(),
        batch: 4,
        epochs_amplify: 2,
        epochs_distill: 3,
        holdout: Some(0.4),
        ..Settings::default()
    }
}

/// The same job on both: the losses of the first steps agree, and those of later ones nearly.
#[test]
fn a_training_has_the_losses_of_the_cpus() {
    // 10 pictures, 4 held out: a batch of 4 and one of 2.
    let folder = good_parts(10);
    let mut seen = [Processor::Cpu, Processor::Gpu(gpu())].map(|processor| {
        let job = job(folder.path(), small(), processor);
        let mut watch = watch(usize::MAX);
        let model = train(&job, &mut watch).unwrap();
        assert!(model.info.threshold.value.is_finite());
        (watch.losses, model)
    });
    let (gpu, cpu) = (std::mem::take(&mut seen[1].0), std::mem::take(&mut seen[0].0));
    assert_eq!((gpu.len(), cpu.len()), (10, 10));
    for (i, (gpu, cpu)) in gpu.iter().zip(&cpu).enumerate() {
        println!("step {i}: {gpu:?} and {cpu:?}");
        let tolerance = if i == 0 { 1e-3 } else { 3e-2 };
        for (gpu, cpu) in gpu.iter().zip(cpu) {
            assert!((gpu - cpu).abs() <= tolerance * cpu.abs().max(0.1), "step {i}: {gpu} is not {cpu}");
        }
    }
    let [first, second] = seen.map(|(_, model)| model.info.history);
    for (a, b) in first.amplify.iter().zip(&second.amplify) {
        assert!(
            (a.residual_anomalous - b.residual_anomalous).abs() <= 0.1 * a.residual_anomalous.abs() + 1e-6
        );
    }
}

#[test]
fn a_training_is_the_same_twice_and_when_interrupted() {
    let (gpu, folder) = (gpu(), good_parts(10));
    let whole = || {
        let job = job(folder.path(), small(), Processor::Gpu(Arc::clone(&gpu)));
        encode(&train(&job, &mut watch(usize::MAX)).unwrap()).unwrap()
    };
    let right = whole();
    assert!(right == whole(), "two runs differ");
    for stops in [[1, 3], [2, 4]] {
        let place = tempfile::tempdir().unwrap();
        let mut job = job(folder.path(), small(), Processor::Gpu(Arc::clone(&gpu)));
        job.checkpoint = Some(training::checkpoint_path(&place.path().join("part.aand")));
        job.resume = true;
        for stop in stops {
            let error = train(&job, &mut watch(stop)).unwrap_err();
            assert!(error.to_string().contains("`resume`"), "{error}");
        }
        // Its checkpoint is of no use to the CPU.
        job.processor = Processor::Cpu;
        let error = train(&job, &mut watch(usize::MAX)).unwrap_err().to_string();
        assert!(error.contains("`device gpu`"), "{error}");
        job.processor = Processor::Gpu(Arc::clone(&gpu));
        let resumed = train(&job, &mut watch(usize::MAX)).unwrap();
        assert!(encode(&resumed).unwrap() == right, "stopped after {stops:?} steps");
    }
}
