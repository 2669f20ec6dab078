//! The constants: weights, biases and position encodings, moved from the plan to the GPU.

use super::adapter::Gpu;
use super::{layout, winograd};
use crate::Result;
use crate::inference::{Operation, Plan};
use crate::model::Precision;
use wgpu::util::DeviceExt;

/// The constants of one step.
#[derive(Debug, Default)]
pub(super) struct Constants {
    /// A convolution's weight, or the position encoding.
    pub values: Option<wgpu::Buffer>,
    /// A convolution's bias.
    pub bias: Option<wgpu::Buffer>,
}

/// Moves the constants of `plan` to the GPU, step by step, which leaves the plan's own empty. With `transforms`, the
/// filters of layers that use Winograd's convolution are transformed.
///
/// # Errors
/// The device is out of memory.
pub(super) fn take(
    gpu: &Gpu,
    plan: &mut Plan,
    precision: Precision,
    transforms: bool,
) -> Result<Vec<Constants>> {
    let mut all = Vec::with_capacity(plan.steps.len());
    for i in 0..plan.steps.len() {
        let transformed = transforms
            && matches!(&plan.steps[i].operation, Operation::Convolution(c) if winograd::serves(plan, c));
        let step = &mut plan.steps[i];
        let upload = |values: &[f32]| {
            Some(gpu.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some(&step.name),
                contents: &precision.pack(values),
                usage: wgpu::BufferUsages::STORAGE,
            }))
        };
        all.push(match &mut step.operation {
            Operation::Convolution(convolution) => {
                let pack = if transformed { winograd::weight } else { layout::weight };
                let constants = Constants {
                    values: upload(&pack(convolution)),
                    bias: upload(&layout::bias(convolution)),
                };
                (convolution.weight, convolution.bias) = (Vec::new(), Vec::new());
                constants
            }
            Operation::Position { input, encoding, .. } => {
                let encoding = std::mem::take(encoding);
                Constants { values: upload(&layout::interleaved(&encoding, input.channels)), bias: None }
            }
            _ => Constants::default(),
        });
    }
    gpu.check()?;
    Ok(all)
}
