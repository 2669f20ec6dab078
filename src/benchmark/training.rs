//! How long a step of each training stage takes, on made-up data.

use super::timing::{Summary, repeat};
use crate::Result;
use crate::picture::Mask;
use crate::teacher::{Backbone, Teacher};
use crate::training::{AmplifyBatch, AmplifyStage, DistillStage, Settings};
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Serialize;

/// Steps of both stages, data preparation left out: it runs beside them.
#[derive(Clone, Debug, Serialize)]
pub struct TrainingSpeed {
    /// Pictures in a step.
    pub batch: usize,
    /// From the median step, the teacher included.
    pub stage1_steps_per_second: f64,
    /// From the median step, the teacher's features at hand, as they are after the first epoch.
    pub stage2_steps_per_second: f64,
    /// Every step of stage 1.
    pub stage1_ms: Vec<f64>,
    /// Every step of stage 2.
    pub stage2_ms: Vec<f64>,
}

/// Measures `steps` steps of each stage of an untrained model, after one that does not count.
///
/// # Errors
/// The device failed.
pub fn training_speed(
    backbone: Backbone,
    size: usize,
    steps: usize,
    device: &Device,
) -> Result<TrainingSpeed> {
    let settings = Settings { size, ..Settings::default() };
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let teacher = Teacher::random(backbone, settings.seed, device)?;
    let stage1_ms = {
        let mut stage = AmplifyStage::new(&teacher, &settings, &mut rng, device);
        let data = pictures(&settings);
        timed(steps, || stage.step(&teacher, data.clone(), &settings, settings.lr, &mut rng).map(|_| ()))?
    };
    drop(teacher);
    let mut stage = DistillStage::new(backbone, &settings, &mut rng, device);
    let (channels, sides) = (backbone.channels(), backbone.sides(size));
    let features = [0, 1, 2].map(|k| {
        let shape = [settings.batch, channels[k], sides[k], sides[k]];
        let values = (0..shape.iter().product()).map(|i: usize| (i as f32 * 0.37).sin().max(0.0)).collect();
        Tensor::<4>::from_data(TensorData::new::<f32, _>(values, shape), device)
    });
    let stage2_ms = timed(steps, || stage.step(features.clone(), &settings, settings.lr).map(|_| ()))?;
    let rate = |ms: &[f64]| 1000.0 / Summary::of(ms).median_ms;
    Ok(TrainingSpeed {
        batch: settings.batch,
        stage1_steps_per_second: rate(&stage1_ms),
        stage2_steps_per_second: rate(&stage2_ms),
        stage1_ms,
        stage2_ms,
    })
}

fn timed(steps: usize, mut step: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    step()?;
    Ok(repeat(steps, step)?.iter().map(|run| run.ms).collect())
}

/// A batch, a quarter of every picture anomalous.
fn pictures(settings: &Settings) -> AmplifyBatch {
    let (count, side) = (settings.batch, settings.size);
    let mask = Mask {
        width: side,
        height: side,
        data: (0..side * side).map(|i| i % side > side / 2 && i / side > side / 2).collect(),
    };
    let all = Mask { width: side, height: side, data: vec![true; side * side] };
    AmplifyBatch {
        pixels: super::pixels(count, side),
        masks: vec![mask; count],
        foregrounds: vec![all; count],
    }
}
