//! Batch normalization as PyTorch does it: normalizes with the biased variance of the batch, but records the
//! unbiased one. Burn records the biased one, which for 8 values per channel is 14 % off.

use crate::batch_norm::EPSILON;
use crate::convolution::batch_norm;
use burn::module::{Module, Param, RunningState};
use burn::tensor::module::batch_norm as batch_norm_by;
use burn::tensor::{Device, Tensor};

const MOMENTUM: f64 = 0.1;

/// Batch normalization of `[B, C, H, W]` over all axes but the channels.
///
/// On an autodiff device it uses and records the statistics of the batch, otherwise it uses the recorded
/// ones.
#[derive(Module, Debug)]
pub struct Norm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
    running_mean: RunningState<Tensor<1>>,
    running_var: RunningState<Tensor<1>>,
}

impl Norm {
    /// Weight 1, bias 0, mean 0, variance 1.
    pub fn new(channels: usize, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::ones([channels], device)),
            bias: Param::from_tensor(Tensor::zeros([channels], device)),
            running_mean: RunningState::new(Tensor::zeros([channels], device)),
            running_var: RunningState::new(Tensor::ones([channels], device)),
        }
    }

    /// `[B, C, H, W]` to the same shape.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let (weight, bias) = (self.weight.val(), self.bias.val());
        if !x.device().is_autodiff() {
            let (mean, var) = (self.running_mean.value_sync(), self.running_var.value_sync());
            return batch_norm_by(x, weight, bias, mean, var, EPSILON);
        }
        let [batch, _, height, width] = x.dims();
        let count = (batch * height * width) as f64;
        let (output, mean, variance) = batch_norm(x, weight, bias, EPSILON);
        let unbiased = count / (count - 1.0).max(1.0);
        let blend = |old: &RunningState<Tensor<1>>, new: Tensor<1>| {
            let kept = old.value_sync().mul_scalar(1.0 - MOMENTUM);
            old.update((kept + new.detach().mul_scalar(MOMENTUM)).detach());
            // Burn applies an update only together with the next one; reading the value applies it now.
            old.value_sync();
        };
        blend(&self.running_mean, mean);
        blend(&self.running_var, variance.mul_scalar(unbiased));
        output
    }
}
