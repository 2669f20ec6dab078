//! One step of stage 1: amplify anomalies (method.md 2; the first half of the paper's Algorithm 1).

use super::adam;
use super::checkpoint::restore_optimizer;
use super::config::{Objective, Settings};
use super::read_back::{floats, scalars};
use crate::amplification::{Amplifier, PairSample, Raa, Residual};
use crate::amplification::{amplification, contrastive, focal, sample_pairs, to_rows};
use crate::detection::batch;
use crate::picture::Mask;
use crate::teacher::Teacher;
use crate::{Error, Result};
use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, TensorData, read_sync};
use rand_chacha::ChaCha8Rng;

/// The most normal and anomalous patches per level and step that enter the amplification loss.
pub const MOST_PAIRS: [usize; 2] = [5000, 1000];

/// A batch of corrupted pictures.
#[derive(Clone, Debug)]
pub struct AmplifyBatch {
    /// Normalized pixels `[B, 3, S, S]`.
    pub pixels: Vec<f32>,
    /// Where the synthetic anomalies are, one `S x S` mask per picture.
    pub masks: Vec<Mask>,
    /// The foreground, one `S x S` mask per picture.
    pub foregrounds: Vec<Mask>,
}

/// The losses of one step, each summed over the levels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AmplifyLoss {
    /// Focal loss of the gates.
    pub focal: f64,
    /// Amplification (or contrastive) loss of the generators, before its weight.
    pub amplification: f64,
}

/// The amplifier in training, with its optimizer.
pub struct AmplifyStage {
    /// On the autodiff device.
    pub amplifier: Amplifier,
    /// Adam, with the moments so far.
    pub optimizer: ModuleOptimizer,
}

impl AmplifyStage {
    /// A fresh amplifier; `device` is the plain one.
    pub fn new(teacher: &Teacher, settings: &Settings, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let device = device.clone().autodiff();
        let items = settings.raa.memory_items;
        Self::of(Amplifier::new(teacher.backbone, settings.size, items, rng, &device), settings)
    }

    /// An amplifier on the autodiff device, with a fresh optimizer.
    pub fn of(amplifier: Amplifier, settings: &Settings) -> Self {
        Self { amplifier, optimizer: adam(settings) }
    }

    /// Loads the optimizer of an earlier training, if there is one.
    pub(super) fn resume(mut self, record: Option<Vec<u8>>) -> Result<Self> {
        if let Some(record) = record {
            self.optimizer = restore_optimizer(self.optimizer, record)?;
        }
        Ok(self)
    }

    /// One step of Adam on `L1 = L_focal + 0.1 L_A`.
    ///
    /// # Errors
    /// A loss is not a number.
    pub fn step(
        &mut self,
        teacher: &Teacher,
        data: AmplifyBatch,
        settings: &Settings,
        lr: f64,
        rng: &mut ChaCha8Rng,
    ) -> Result<AmplifyLoss> {
        read_sync(self.step_async(teacher, data, settings, lr, rng))
    }

    /// As [`step`](Self::step), if reading from the device must be awaited.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub async fn step_async(
        &mut self,
        teacher: &Teacher,
        data: AmplifyBatch,
        settings: &Settings,
        lr: f64,
        rng: &mut ChaCha8Rng,
    ) -> Result<AmplifyLoss> {
        let device = teacher.trunk.stem.weight.device();
        let x = batch(data.pixels, data.masks.len(), settings.size, &device);
        let zero = || Tensor::<1>::zeros([1], &device.clone().autodiff());
        let (mut focal, mut amplification) = (zero(), zero());
        let mut learns = false;
        for (raa, feature) in self.amplifier.levels.iter().zip(teacher.forward(x)) {
            let [_, _, height, width] = feature.dims();
            let (anomalous, foreground) =
                (labels(&data.masks, height, width), labels(&data.foregrounds, height, width));
            let level = level_loss(raa, feature, [&anomalous, &foreground], settings, rng);
            learns |= level.focal.is_some() || level.amplification.is_some();
            focal = level.focal.into_iter().fold(focal, |sum, loss| sum + loss);
            amplification = level.amplification.into_iter().fold(amplification, |sum, loss| sum + loss);
        }
        // Without a gate to train, nothing can be learned from a batch that has no pair of patches at any
        // level.
        if !learns {
            return Ok(AmplifyLoss::default());
        }
        let loss = focal.clone() + amplification.clone().mul_scalar(settings.amplification_weight);
        let [focal, amplification] = scalars([focal, amplification]).await?;
        let losses = AmplifyLoss { focal, amplification };
        if !(losses.focal + losses.amplification).is_finite() {
            return Err(Error::Training("the loss of stage 1 is not a number".into()));
        }
        let gradients = GradientsParams::from_grads(loss.backward(), &self.amplifier);
        self.amplifier = self.optimizer.step(lr, self.amplifier.clone(), gradients);
        Ok(losses)
    }

    /// Mean squared residual `w Delta`, with the predicted gate, on normal and on anomalous patches: the
    /// paper's Figure 8. The mean is over the levels that have such patches.
    ///
    /// # Errors
    /// The device failed.
    pub async fn residual_intensity(
        &self,
        teacher: &Teacher,
        data: &AmplifyBatch,
        settings: &Settings,
    ) -> Result<[f64; 2]> {
        let device = teacher.trunk.stem.weight.device();
        let x = batch(data.pixels.clone(), data.masks.len(), settings.size, &device);
        let mut levels = Vec::new();
        for (raa, feature) in self.amplifier.valid().levels.iter().zip(teacher.forward(x)) {
            let [_, _, height, width] = feature.dims();
            let residual = to_rows(raa.forward(feature, settings.raa).residual);
            let squared = floats((residual.clone() * residual).mean_dim(1)).await?;
            levels.push((squared, labels(&data.masks, height, width)));
        }
        Ok(mean_residual(&levels))
    }
}

/// The mean squared residual of normal and of anomalous patches, given that of every patch and its label, by level;
/// the mean is over the levels that have such patches.
pub(super) fn mean_residual(levels: &[(Vec<f32>, Vec<bool>)]) -> [f64; 2] {
    [false, true].map(|wanted| {
        let means = levels.iter().filter_map(|(squared, labels)| {
            let chosen = squared.iter().zip(labels).filter(|(_, label)| **label == wanted);
            let (sum, count) = chosen.fold((0.0, 0), |(s, n), (v, _)| (s + f64::from(*v), n + 1));
            (count > 0).then(|| sum / f64::from(count))
        });
        let (sum, count) = means.fold((0.0, 0), |(s, n), mean| (s + mean, n + 1));
        sum / f64::from(count.max(1))
    })
}

/// The losses of one level as `[1]`; `None` if the settings or the labels leave nothing to learn from.
#[derive(Clone, Debug)]
pub struct LevelLoss {
    /// Focal loss of the gate (Eq. 6).
    pub focal: Option<Tensor<1>>,
    /// Amplification (or contrastive) loss of the generator, before its weight (Eq. 7, 8).
    pub amplification: Option<Tensor<1>>,
}

/// The labels of all `B H W` patches of the masks (method.md 2.4).
pub(super) fn labels(masks: &[Mask], height: usize, width: usize) -> Vec<bool> {
    masks.iter().flat_map(|mask| mask.patch_labels(height, width)).collect()
}

/// The losses of one level (method.md 2.6, 2.7), given `F_T` `[B, C, H, W]` on the plain device and the labels
/// `[anomalous, foreground]` of its `B H W` patches. `raa` is on the autodiff device; `rng` draws the pairs.
pub fn level_loss(
    raa: &Raa,
    feature: Tensor<4>,
    [anomalous, foreground]: [&[bool]; 2],
    settings: &Settings,
    rng: &mut ChaCha8Rng,
) -> LevelLoss {
    let rows = to_rows(feature);
    let gated = settings.raa.gate && settings.objective == Objective::Amplify;
    let focal = gated.then(|| gate_loss(raa, rows.clone(), anomalous));
    let pairs = settings.raa.generator.then(|| sample_pairs(anomalous, foreground, rng, MOST_PAIRS));
    let pairs = pairs.filter(|pairs| !pairs.is_empty());
    let amplification = pairs.map(|pairs| generator_loss(raa, &rows, &pairs, settings));
    LevelLoss { focal, amplification }
}

fn gate_loss(raa: &Raa, rows: Tensor<2>, anomalous: &[bool]) -> Tensor<1> {
    let label: Vec<f32> = anomalous.iter().map(|&a| f32::from(u8::from(a))).collect();
    let label = Tensor::<2>::from_data(TensorData::new(label, [anomalous.len(), 1]), &rows.device());
    focal(raa.gate.forward(rows.autodiff()), label.autodiff())
}

/// Only the sampled rows pass through the generator: with the patch label as the gate, no other row changes.
fn generator_loss(raa: &Raa, rows: &Tensor<2>, pairs: &PairSample, settings: &Settings) -> Tensor<1> {
    let normal = PairSample::rows(rows, &pairs.normal).autodiff();
    let anomalous = PairSample::rows(rows, &pairs.anomalous).autodiff();
    let advance = |rows: Tensor<2>, residual| rows.clone() + raa.generator.forward(rows, residual);
    match settings.objective {
        Objective::Amplify => {
            let advanced = advance(anomalous.clone(), settings.raa.residual);
            amplification(normal, anomalous, advanced, settings.alpha as f32)
        }
        Objective::Contrastive => {
            contrastive(advance(normal, Residual::Learnable), advance(anomalous, Residual::Learnable))
        }
    }
}
