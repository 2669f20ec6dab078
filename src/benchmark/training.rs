//! How long a step of each training stage takes, on made-up data.

use super::timing::{Summary, repeat};
use crate::amplification::sample_pairs;
use crate::gpu::training::{Amplify, Distill, LevelBatch, Scheme};
use crate::gpu::{Gpu, Processor};
use crate::model::{Aand, NamedTensors, open, tensors};
use crate::picture::{Mask, Size, normalize};
use crate::training::{AmplifyBatch, AmplifyStage, DistillStage, MOST_PAIRS, Settings};
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// What trains on a GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// This program's own shaders.
    #[default]
    Shaders,
    /// Burn's wgpu backend, for comparison; in programs built with the feature `burn-wgpu`.
    Burn,
}

/// Steps of both stages, without data preparation, which runs in parallel.
#[derive(Clone, Debug, Serialize)]
pub struct TrainingSpeed {
    /// What computed: on the CPU it is Burn.
    pub engine: Engine,
    /// Pictures in a step.
    pub batch: usize,
    /// From the median step, the teacher included.
    pub stage1_steps_per_second: f64,
    /// From the median step, with the teacher's features cached, as they are after the first epoch.
    pub stage2_steps_per_second: f64,
    /// Every step of stage 1.
    pub stage1_ms: Vec<f64>,
    /// Every step of stage 2.
    pub stage2_ms: Vec<f64>,
    /// The work of a GPU; none on the CPU.
    pub work: Option<GpuWork>,
}

/// The work of a GPU in the two stages.
#[derive(Clone, Debug, Serialize)]
pub struct GpuWork {
    /// From the weights on the host to the first step's losses: uploads and compilation included.
    pub first_step_ms: f64,
    /// Dispatches of a step.
    pub dispatches: [usize; 2],
    /// Pipelines compiled.
    pub pipelines: [usize; 2],
}

/// Measures `steps` steps of each stage, as if training went on with this model, after some warm-up steps.
///
/// # Errors
/// The model cannot be read, Burn's GPU backend is asked for and was not built in, or the device failed.
pub fn training_speed(
    path: &Path,
    steps: usize,
    processor: &Processor,
    engine: Engine,
) -> Result<TrainingSpeed> {
    let by_burn = |device: &Device| -> Result<_> {
        let model = open(path, device)?;
        let settings = settings(&model);
        let [one, two] = by_burn(&model, &settings, steps, device)?;
        Ok((settings, None, one, two))
    };
    let (engine, (settings, work, stage1_ms, stage2_ms)) = match (processor, engine) {
        (Processor::Cpu, _) => (Engine::Burn, by_burn(&Device::flex())?),
        (Processor::Gpu(gpu), Engine::Burn) => (engine, by_burn(&burns_device(&gpu.info)?)?),
        (Processor::Gpu(gpu), Engine::Shaders) => {
            let model = open(path, &Device::flex())?;
            let settings = settings(&model);
            let (work, one, two) = pollster::block_on(on_gpu(gpu, &model, &settings, steps))?;
            (engine, (settings, Some(work), one, two))
        }
    };
    let rate = |ms: &[f64]| 1000.0 / Summary::of(ms).median_ms;
    Ok(TrainingSpeed {
        engine,
        batch: settings.batch,
        stage1_steps_per_second: rate(&stage1_ms),
        stage2_steps_per_second: rate(&stage2_ms),
        stage1_ms,
        stage2_ms,
        work,
    })
}

fn settings(model: &Aand) -> Settings {
    Settings { size: model.info.size, ..Settings::default() }
}

/// Burn's name for the GPU: the first one of its kind.
///
/// # Errors
/// This program was built without Burn's GPU backend, or Burn has no name for the kind.
pub fn burns_device(info: &wgpu::AdapterInfo) -> Result<Device> {
    #[cfg(feature = "burn-wgpu")]
    {
        use burn::tensor::DeviceKind;
        use wgpu::DeviceType;
        let kind = match info.device_type {
            DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(0),
            DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(0),
            DeviceType::VirtualGpu => DeviceKind::VirtualGpu(0),
            DeviceType::Cpu => DeviceKind::Cpu,
            DeviceType::Other => {
                let words = format!("Burn does not know what {} is; leave out --engine burn", info.name);
                return Err(Error::Setting(words));
            }
        };
        Ok(Device::wgpu(kind))
    }
    #[cfg(not(feature = "burn-wgpu"))]
    {
        let words =
            "this program was built without Burn's GPU backend; leave out --engine burn, or build it with";
        Err(Error::Setting(format!("{}: {words} --features burn-wgpu", info.name)))
    }
}

/// By Burn.
fn by_burn(model: &Aand, settings: &Settings, steps: usize, device: &Device) -> Result<[Vec<f64>; 2]> {
    let backbone = model.info.backbone;
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let teacher = &model.teacher;
    let mut stage = AmplifyStage::new(teacher, settings, &mut rng, device);
    let data = pictures(settings);
    let one =
        timed(steps, || stage.step(teacher, data.clone(), settings, settings.lr, &mut rng).map(|_| ()))?;
    let mut stage = DistillStage::new(backbone, settings, &mut rng, device);
    let (channels, sizes) = (backbone.channels(), backbone.sizes(settings.size));
    let features = [0, 1, 2].map(|k| {
        let shape = [settings.batch, channels[k], sizes[k].height, sizes[k].width];
        let values = (0..shape.iter().product()).map(feature).collect();
        Tensor::<4>::from_data(TensorData::new::<f32, _>(values, shape), device)
    });
    let two = timed(steps, || stage.step(features.clone(), settings, settings.lr).map(|_| ()))?;
    Ok([one, two])
}

/// A made-up feature.
fn feature(i: usize) -> f32 {
    (i as f32 * 0.37).sin().max(0.0)
}

/// By the shaders: the time from one step's losses to the next step's, while the step after that is already
/// running.
async fn on_gpu(
    gpu: &Arc<Gpu>,
    model: &Aand,
    settings: &Settings,
    steps: usize,
) -> Result<(GpuWork, Vec<f64>, Vec<f64>)> {
    let started = Instant::now();
    let source = NamedTensors::new(tensors(model)?);
    let scheme = Scheme {
        backbone: model.info.backbone,
        size: settings.size,
        batch: settings.batch,
        hardest: settings.hardest,
        beta1: settings.beta1 as f32,
    };
    let margin = [settings.alpha as f32, settings.amplification_weight as f32];
    let mut engine = Amplify::new(Arc::clone(gpu), scheme, settings.raa, margin, MOST_PAIRS, &source)?;
    let data = pictures(settings);
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let levels = scheme.backbone.sizes(settings.size).map(|size| {
        let labels = |masks: &[Mask]| {
            masks.iter().flat_map(|m| m.patch_labels(size.height, size.width)).collect::<Vec<bool>>()
        };
        let anomalous = labels(&data.masks);
        let sample = sample_pairs(&anomalous, &labels(&data.foregrounds), &mut rng, MOST_PAIRS);
        let positions = |rows: Vec<i64>| rows.into_iter().map(|row| row as u32).collect();
        LevelBatch {
            labels: anomalous.iter().map(|&a| f32::from(u8::from(a))).collect(),
            pairs: [positions(sample.normal), positions(sample.anomalous)],
        }
    });
    engine.step(&data.pixels, scheme.batch, &levels, settings.lr)?;
    engine.losses().await?;
    let first_step_ms = started.elapsed().as_secs_f64() * 1e3;
    let mut one = Vec::new();
    engine.step(&data.pixels, scheme.batch, &levels, settings.lr)?;
    let mut last = Instant::now();
    for _ in 0..=steps {
        engine.step(&data.pixels, scheme.batch, &levels, settings.lr)?;
        engine.losses().await?;
        one.push(last.elapsed().as_secs_f64() * 1e3);
        last = Instant::now();
    }
    let dispatches_amplify = engine.dispatches();
    let pipelines_amplify = engine.pipelines();
    drop(engine);
    let mut engine = Distill::new(Arc::clone(gpu), scheme, &source)?;
    for (k, length) in engine.lengths().into_iter().enumerate() {
        engine.write(k, &(0..length * scheme.batch).map(feature).collect::<Vec<f32>>());
    }
    let mut two = Vec::new();
    engine.step(scheme.batch, settings.lr, |_, _| Ok(()))?;
    let mut last = Instant::now();
    for _ in 0..=steps {
        engine.step(scheme.batch, settings.lr, |_, _| Ok(()))?;
        engine.losses().await?;
        two.push(last.elapsed().as_secs_f64() * 1e3);
        last = Instant::now();
    }
    let work = GpuWork {
        first_step_ms,
        dispatches: [dispatches_amplify, engine.dispatches()],
        pipelines: [pipelines_amplify, engine.pipelines()],
    };
    // The first step of each stage still waited for the warm-up step.
    Ok((work, one.split_off(1), two.split_off(1)))
}

fn timed(steps: usize, mut step: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    step()?;
    repeat(steps, step)
}

/// A batch, a quarter of every picture anomalous.
fn pictures(settings: &Settings) -> AmplifyBatch {
    let (count, size) = (settings.batch, settings.size);
    let Size { width, height } = size;
    let anomalous = |i: usize| i % width > width / 2 && i / width > height / 2;
    let mask = Mask { width, height, data: (0..size.area()).map(anomalous).collect() };
    let all = Mask::filled(width, height, true);
    AmplifyBatch {
        pixels: super::pictures(count, size).iter().flat_map(normalize).collect(),
        masks: vec![mask; count],
        foregrounds: vec![all; count],
    }
}
