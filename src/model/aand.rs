//! The model on a Burn device.

use super::{Info, Kept, Score};
use crate::amplification::{Advanced, Amplifier};
use crate::student::{Student, cosine_distance};
use crate::teacher::Teacher;
use burn::tensor::{Device, Tensor};

/// A trained model on a plain (inference) device.
#[derive(Clone, Debug)]
pub struct Aand {
    /// The frozen teacher.
    pub teacher: Teacher,
    /// The three residual modules.
    pub amplifier: Amplifier,
    /// Bottleneck and decoder.
    pub student: Student,
    /// Everything about it that is not a tensor.
    pub info: Info,
    /// Good pictures that it keeps for refinement.
    pub kept: Kept,
}

/// All features of one batch, computed by the method.
#[derive(Clone, Debug)]
pub struct Features {
    /// `F_T`, `[B, C_k, H_k, W_k]`.
    pub teacher: [Tensor<4>; 3],
    /// `F_A`, gate and residual.
    pub advanced: [Advanced; 3],
    /// `F_S`, `[B, C_k, H_k, W_k]`.
    pub student: [Tensor<4>; 3],
    /// `1 - cos(F_A, F_S)` over the channels, or the gate if the model scores by it: `[B, 1, H_k, W_k]`.
    pub discrepancy: [Tensor<4>; 3],
}

impl Aand {
    /// The device it lives on.
    pub fn device(&self) -> Device {
        self.teacher.trunk.stem.weight.device()
    }

    /// Normalized pictures `[B, 3, S, S]` to all features.
    pub fn forward(&self, x: Tensor<4>) -> Features {
        let teacher = self.teacher.forward(x);
        let advanced = self.amplifier.forward(teacher.clone(), self.info.raa);
        let features = advanced.each_ref().map(|a| a.feature.clone());
        let student = self.student.forward(features.clone());
        let discrepancy = match self.info.score {
            // Never with `Nearest`: decoding refuses the file of such a model.
            Score::Discrepancy | Score::Nearest => {
                std::array::from_fn(|k| cosine_distance(features[k].clone(), student[k].clone(), 1))
            }
            Score::Gate => advanced.each_ref().map(|a| a.weight.clone()),
        };
        Features { teacher, advanced, student, discrepancy }
    }
}
