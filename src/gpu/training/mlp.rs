//! The 1x1-convolution MLPs of gate and generator on the tape (method.md 2.1): `C -> h -> h -> C` with ReLU between.

use super::convolution::{Add, BARE, Finish, Layer};
use super::parameters::{Key, Parameters, whole_quads};
use super::tape::{Feature, Learner, Tape};
use crate::Result;
use crate::gpu::Gpu;
use crate::gpu::pass::CHANNELS;
use crate::gpu::shaders::Shader;
use crate::gpu::uniforms::{ColumnSums, bound};
use crate::inference;

/// The most partial sums of a bias's gradient.
const MOST_PARTS: u32 = 64;

/// A linear layer with its bias.
struct Linear {
    layer: Layer,
    bias: Key,
}

/// Three linear layers.
pub(super) struct Mlp {
    layers: [Linear; 3],
}

/// An MLP after its forward pass: the input of each layer, and the result.
pub(super) struct Ran {
    inputs: [Feature; 3],
    pub y: Feature,
}

impl Mlp {
    /// The MLP `prefix` with the given number of channels, whose tensors are added to `parameters`.
    ///
    /// # Errors
    /// The number of channels is not a multiple of four.
    pub fn new(
        gpu: &Gpu,
        parameters: &mut Parameters,
        prefix: &str,
        channels: usize,
        learner: Learner,
    ) -> Result<Self> {
        let hidden = (2 * channels).min(1024);
        let mut linear = |i: usize, input: usize, output: usize| -> Result<Linear> {
            let name = format!("{prefix}.conv{i}");
            let weight =
                parameters.flat(gpu, vec![(format!("{name}.weight"), vec![input, output])], learner, true);
            let bias = parameters.flat(gpu, vec![(format!("{name}.bias"), vec![output])], learner, true);
            let kernel = inference::Kernel::Plain { size: 1, stride: 1 };
            let quads = [whole_quads(input)?, whole_quads(output)?];
            Ok(Linear { layer: Layer::new(gpu, name, kernel, quads, weight, i > 1), bias })
        };
        let layers = [linear(1, channels, hidden)?, linear(2, hidden, hidden)?, linear(3, hidden, channels)?];
        Ok(Self { layers })
    }

    /// Recomputes the turned weights.
    pub fn turn(&self, tape: &mut Tape, parameters: &Parameters) {
        self.layers.iter().for_each(|linear| linear.layer.turn(tape, parameters));
    }

    /// Rows to rows; the memory holds `most` rows.
    pub fn forward(&self, tape: &mut Tape, parameters: &Parameters, x: Feature, most: u32) -> Ran {
        let mut inputs = [x; 3];
        let mut y = x;
        for (i, Linear { layer, bias }) in self.layers.iter().enumerate() {
            inputs[i] = y;
            let channels = layer.outputs;
            y = Feature { id: tape.temporary(most * channels), channels, pixel: channels, offset: 0, ..x };
            let bias = Some(tape.keep(&parameters.get(*bias).values));
            layer.forward(tape, parameters, inputs[i], y, Finish { bias, relu: i < 2, ..BARE });
        }
        Ran { inputs, y }
    }

    /// Gradients and the optimizer's steps, from the gradient of the result.
    pub fn back(&self, tape: &mut Tape, parameters: &Parameters, ran: &Ran, dy: Feature, most: u32) {
        let mut dy = dy;
        for (i, Linear { layer, bias }) in self.layers.iter().enumerate().rev() {
            let x = ran.inputs[i];
            self.learn_bias(tape, parameters, *bias, &layer.name, dy, most);
            let dx = (i > 0).then(|| {
                let dx = Feature { id: tape.temporary(most * x.channels), ..x };
                layer.back(tape, dy, dx, Finish { add: Add::Mask(x), ..BARE });
                dx
            });
            layer.learn(tape, parameters, x, dy);
            dy = dx.unwrap_or(dy);
        }
    }

    fn learn_bias(
        &self,
        tape: &mut Tape,
        parameters: &Parameters,
        bias: Key,
        name: &str,
        dy: Feature,
        most: u32,
    ) {
        let rows = tape.pictures * dy.positions();
        let part = most.div_ceil(MOST_PARTS).max(32);
        let partial = tape.temporary(most.div_ceil(part) * dy.channels);
        let parts = rows.div_ceil(part);
        let groups = [parts, dy.channels.div_ceil(CHANNELS), 1];
        let uniform = ColumnSums { rows, channels: dy.channels, part };
        let pass = bound(Shader::ColumnSums, uniform, vec![dy.id, partial], groups);
        tape.push(&format!("{name} bias"), pass);
        tape.learn_flat(&format!("{name} bias"), parameters, bias, partial, [dy.channels, parts]);
    }
}
