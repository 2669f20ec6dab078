//! One step of stage 2: distill normality (method.md 4; the second half of the paper's Algorithm 1).

use super::adam;
use super::checkpoint::restore_optimizer;
use super::config::Settings;
use super::read_back::scalars;
use crate::student::{Student, distillation};
use crate::teacher::Backbone;
use crate::{Error, Result};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor, read_sync};
use rand_chacha::ChaCha8Rng;

/// The losses of one step, each summed over the levels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DistillLoss {
    /// KD, on the flattened maps.
    pub kd: f64,
    /// HKD, on the hardest positions.
    pub hkd: f64,
}

/// The student in training, with its optimizer.
pub struct DistillStage {
    /// On the autodiff device.
    pub student: Student,
    /// Adam, with the moments so far.
    pub optimizer: ModuleOptimizer,
}

impl DistillStage {
    /// A fresh student; `device` is the plain one.
    pub fn new(backbone: Backbone, settings: &Settings, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let device = device.clone().autodiff();
        Self::of(Student::new(backbone, rng, &device), settings)
    }

    /// A student on the autodiff device, with a fresh optimizer.
    pub fn of(student: Student, settings: &Settings) -> Self {
        Self { student, optimizer: adam(settings) }
    }

    /// Loads the optimizer of an earlier training, if there is one.
    pub(super) fn resume(mut self, record: Option<Vec<u8>>) -> Result<Self> {
        if let Some(record) = record {
            self.optimizer = restore_optimizer(self.optimizer, record)?;
        }
        Ok(self)
    }

    /// One step of Adam on `L2 = KD + HKD`, given the advanced teacher's features on the plain device.
    ///
    /// # Errors
    /// The loss is not a number.
    pub fn step(&mut self, features: [Tensor<4>; 3], settings: &Settings, lr: f64) -> Result<DistillLoss> {
        read_sync(self.step_async(features, settings, lr))
    }

    /// As [`step`](Self::step), if reading from the device must be awaited.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub async fn step_async(
        &mut self,
        features: [Tensor<4>; 3],
        settings: &Settings,
        lr: f64,
    ) -> Result<DistillLoss> {
        let teacher = features.map(|f| f.autodiff());
        let student = self.student.forward(teacher.clone());
        let loss = distillation(&teacher, &student, settings.hardest);
        let [kd, hkd] = scalars([loss.kd.clone(), loss.hkd.clone()]).await?;
        let losses = DistillLoss { kd, hkd };
        if !(losses.kd + losses.hkd).is_finite() {
            return Err(Error::Training("the loss of stage 2 is not a number".into()));
        }
        let gradients = GradientsParams::from_grads(loss.total().backward(), &self.student);
        self.student = self.optimizer.step(lr, self.student.clone(), gradients);
        Ok(losses)
    }
}
