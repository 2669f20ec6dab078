//! The frozen teacher on the tape: detection's passes with the tape's memory.

use super::tape::{Feature, Id, Tape};
use crate::Result;
use crate::gpu::constants::{self, Constants};
use crate::gpu::passes::{Places, of_plan};
use crate::gpu::{Gpu, layout, tile, winograd};
use crate::inference::{Plan, View};
use crate::model::Precision;
use crate::picture::Size;
use crate::teacher::{Backbone, TensorSource};

/// The teacher's plan, with its weights on the GPU.
pub(super) struct GpuTeacher {
    plan: Plan,
    constants: Vec<Constants>,
}

impl GpuTeacher {
    /// The teacher with the tensors `teacher.*`.
    ///
    /// # Errors
    /// A tensor is missing, or the device is out of memory.
    pub fn new(gpu: &Gpu, backbone: Backbone, size: Size, source: &dyn TensorSource) -> Result<Self> {
        let mut plan = Plan::teacher(backbone, size, source)?;
        let constants = constants::take(gpu, &mut plan, Precision::F32, true)?;
        Ok(Self { plan, constants })
    }

    /// Pixels `[picture][3][S][S]` to `F_T` at levels 1, 2 and 3.
    pub fn forward(&self, tape: &mut Tape, pixels: Id) -> [Feature; 3] {
        let (plan, pictures) = (&self.plan, tape.pictures as usize);
        let quads = |buffer: usize| (layout::numbers(plan, buffer) * pictures).div_ceil(4) as u32;
        let buffers = (0..plan.buffers.len()).map(|buffer| tape.temporary(quads(buffer))).collect();
        let [transformed, products] = winograd::numbers(plan, pictures);
        let mut constant = |buffer: &Option<wgpu::Buffer>| buffer.as_ref().map_or(0, |b| tape.keep(b));
        let values = self.constants.iter().map(|c| constant(&c.values)).collect();
        let bias = self.constants.iter().map(|c| constant(&c.bias)).collect();
        let scratch = [transformed.max(4), products.max(tile::PARTS)];
        let [transformed, products] = scratch.map(|numbers| tape.temporary(numbers.div_ceil(4) as u32));
        let places = Memory { buffers, values, bias, pixels, transformed, products };
        for pass in of_plan(plan, &places, tape.pictures, tape.tile) {
            tape.push(&pass.name, (pass.kernel, pass.uniform, pass.bindings, pass.groups));
        }
        plan.maps.map(|view| {
            let [channels, height, width] = plan.shape(view).map(|n| n as u32);
            let channels = channels.div_ceil(4);
            Feature { id: places.view(view), height, width, channels, pixel: channels, offset: 0 }
        })
    }
}

/// Maps the plan's memory to the tape's.
struct Memory {
    buffers: Vec<Id>,
    values: Vec<Id>,
    bias: Vec<Id>,
    pixels: Id,
    transformed: Id,
    products: Id,
}

impl Places for Memory {
    type Memory = Id;

    fn view(&self, view: View) -> Id {
        self.buffers[view.buffer]
    }

    fn values(&self, step: usize) -> Id {
        self.values[step]
    }

    fn bias(&self, step: usize) -> Id {
        self.bias[step]
    }

    fn pixels(&self) -> Id {
        self.pixels
    }

    fn transformed(&self) -> Id {
        self.transformed
    }

    fn products(&self) -> Id {
        self.products
    }
}
