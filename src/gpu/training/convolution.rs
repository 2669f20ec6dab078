//! Convolutions on the tape: forward, the gradient of the input, that of the weight, and the optimizer's step.
//!
//! The gradient of the input is also a convolution, with the weight rotated by 180 degrees and its channels swapped
//! ("turned"), so detection's shaders compute it.

use super::parameters::{Key, Parameters};
use super::tape::{Feature, Id, Learner, Tape, buffer};
use crate::gpu::Gpu;
use crate::gpu::convolution::{self, Buffers, Conv};
use crate::gpu::pass::each;
use crate::gpu::shaders::Shader;
use crate::gpu::tile::Tile;
use crate::gpu::uniforms::{AdamFlat, AdamWeight, WeightGradient, bound};
use crate::inference;

/// The layout of the turned weight; the constants of `shaders/adam_weight.wgsl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    None = 0,
    Plain = 1,
    Halved = 2,
    Corner = 3,
    Doubled = 4,
}

/// The sizes of a convolution, and where its turned weight is.
#[derive(Debug)]
pub(super) struct Layer {
    pub name: String,
    kernel: inference::Kernel,
    /// Quads of channels.
    inputs: u32,
    pub outputs: u32,
    weight: Key,
    turned: wgpu::Buffer,
    form: Form,
}

/// What is added to a convolution's result.
#[derive(Clone, Copy, Debug)]
pub(super) enum Add {
    Nothing,
    /// The feature.
    Sum(Feature),
    /// Nothing, but the result is zeroed where the feature is not positive: the gradient of its ReLU.
    Mask(Feature),
}

/// The constants of `shaders/conv.wgsl`.
pub(super) const SUM: u32 = 1;
pub(super) const MASK: u32 = 2;

/// What follows a convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finish {
    /// A bias, by quads.
    pub bias: Option<Id>,
    pub add: Add,
    pub relu: bool,
}

/// Nothing follows.
pub(super) const BARE: Finish = Finish { bias: None, add: Add::Nothing, relu: false };

/// About how many workgroups a weight's gradient is split among.
const GROUPS: u32 = 1024;

/// The fewest positions that one of them sums over.
const FEWEST: u32 = 256;

impl Layer {
    /// A layer with `kernel` and `inputs` and `outputs` quads; `trained` says whether its input's gradient is
    /// needed.
    pub fn new(
        gpu: &Gpu,
        name: String,
        kernel: inference::Kernel,
        [inputs, outputs]: [u32; 2],
        weight: Key,
        trained: bool,
    ) -> Self {
        let form = match kernel {
            _ if !trained => Form::None,
            inference::Kernel::Plain { stride: 1, .. } => Form::Plain,
            inference::Kernel::Plain { size: 1, .. } => Form::Corner,
            inference::Kernel::Plain { .. } => Form::Halved,
            inference::Kernel::Transposed => Form::Doubled,
        };
        let matrix = 16 * inputs * outputs;
        let numbers = match form {
            Form::None => 4,
            Form::Plain => taps(kernel) * matrix,
            Form::Halved => 16 * matrix,
            Form::Corner | Form::Doubled => 4 * matrix,
        };
        let turned = buffer(gpu, "turned weight", 4 * numbers as usize);
        Self { name, kernel, inputs, outputs, weight, turned, form }
    }

    /// Height and width of the result.
    pub fn size(&self, x: Feature) -> [u32; 2] {
        match self.kernel {
            inference::Kernel::Plain { stride, .. } => {
                [x.height.div_ceil(stride as u32), x.width.div_ceil(stride as u32)]
            }
            inference::Kernel::Transposed => [2 * x.height, 2 * x.width],
        }
    }

    /// `y = W * x`, and what follows.
    pub fn forward(&self, tape: &mut Tape, parameters: &Parameters, x: Feature, y: Feature, finish: Finish) {
        let weight = tape.keep(&parameters.get(self.weight).values);
        let geometry = match self.kernel {
            inference::Kernel::Plain { size, stride } => {
                Geometry { kernel: size as u32, stride: stride as u32, padding: size as u32 / 2, corners: 1 }
            }
            inference::Kernel::Transposed => Geometry { kernel: 1, stride: 1, padding: 0, corners: 4 },
        };
        tape.convolve(&self.name, geometry, weight, [x, y], finish);
    }

    /// The gradient of the input from that of the result, and what follows.
    pub fn back(&self, tape: &mut Tape, dy: Feature, dx: Feature, finish: Finish) {
        let turned = tape.keep(&self.turned);
        let geometry = match (self.form, self.kernel) {
            (Form::Plain, inference::Kernel::Plain { size, .. }) => {
                Geometry { kernel: size as u32, stride: 1, padding: size as u32 / 2, corners: 1 }
            }
            (Form::Halved, _) => Geometry { kernel: 2, stride: 1, padding: 0, corners: 4 },
            (Form::Corner, _) => Geometry { kernel: 1, stride: 1, padding: 0, corners: 4 },
            _ => Geometry { kernel: 2, stride: 2, padding: 0, corners: 1 },
        };
        tape.convolve(&format!("{} back", self.name), geometry, turned, [dy, dx], finish);
    }

    /// The gradient of the weight, and the optimizer's step with it. Comes after [`Self::back`], which needs the
    /// weight from before the step.
    pub fn learn(&self, tape: &mut Tape, parameters: &Parameters, x: Feature, dy: Feature) {
        let product = self.product(tape, x, dy);
        let (gradient, parts) = tape.weight_gradient(&format!("{} weight", self.name), product);
        self.step(tape, parameters, gradient, parts, parameters.get(self.weight).learner, true);
    }

    /// Recomputes the turned weight from the current weight.
    pub fn turn(&self, tape: &mut Tape, parameters: &Parameters) {
        if self.form != Form::None {
            self.step(tape, parameters, tape.nothing, 0, 0, false);
        }
    }

    fn product(&self, tape: &Tape, x: Feature, dy: Feature) -> Product {
        let (taps, size) = (taps(self.kernel), self.inputs * 4 * self.outputs);
        let (across, stride, padding, corners, grid) = match self.kernel {
            inference::Kernel::Plain { size, stride } => (size as u32, stride as u32, size as u32 / 2, 1, dy),
            inference::Kernel::Transposed => (2, 1, 0, 4, x),
        };
        let [tap_step, row_step] = self.steps();
        Product {
            x: x.id,
            dy: dy.id,
            rows: tape.pictures * grid.positions(),
            most_rows: tape.most_rows.unwrap_or(tape.pictures * grid.positions()),
            grid: [grid.height, grid.width],
            input: [x.height, x.width],
            inputs: self.inputs,
            most_inputs: self.inputs,
            outputs: self.outputs,
            taps,
            across,
            stride,
            padding,
            corners,
            tap_step,
            row_step,
            size: taps * size,
        }
    }

    /// Quads of the weight from one tap to the next, and from one input channel to the next.
    fn steps(&self) -> [u32; 2] {
        match self.kernel {
            inference::Kernel::Plain { .. } => [4 * self.inputs * self.outputs, self.outputs],
            inference::Kernel::Transposed => [self.outputs, 4 * self.outputs],
        }
    }

    fn step(
        &self,
        tape: &mut Tape,
        parameters: &Parameters,
        gradient: Id,
        parts: u32,
        learner: Learner,
        learns: bool,
    ) {
        let parameter = parameters.get(self.weight);
        let taps = taps(self.kernel);
        let across = match self.kernel {
            inference::Kernel::Plain { size, .. } => size as u32,
            inference::Kernel::Transposed => 2,
        };
        let [tap_step, row_step] = self.steps();
        let uniform = AdamWeight {
            rate: 0.0,
            epsilon: 0.0,
            beta1: tape.beta1,
            beta2: BETA2,
            inputs: self.inputs,
            outputs: self.outputs,
            taps,
            taps_across: across,
            tap_step,
            row_step,
            parts,
            form: self.form as u32,
            learns: u32::from(learns),
        };
        let moments = parameter.moments.as_ref().unwrap_or(&parameter.values);
        let bindings = [&parameter.values, moments].map(|buffer| tape.keep(buffer));
        let (broken, turned) = (tape.broken, tape.keep(&self.turned));
        let groups = each(taps * self.inputs * self.outputs);
        let bindings = vec![gradient, bindings[0], bindings[1], broken, turned];
        let pass = bound(Shader::AdamWeight, uniform, bindings, groups);
        match learns {
            true => tape.learn(&format!("{} step", self.name), learner, pass),
            false => tape.push(&format!("{} turned", self.name), pass),
        }
    }
}

fn taps(kernel: inference::Kernel) -> u32 {
    match kernel {
        inference::Kernel::Plain { size, .. } => (size * size) as u32,
        inference::Kernel::Transposed => 4,
    }
}

/// The geometry of a filter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub kernel: u32,
    pub stride: u32,
    pub padding: u32,
    /// 4 if each position gives the four corners of a square, else 1.
    pub corners: u32,
}

/// A weight's gradient: see `shaders/weight.wgsl`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    pub x: Id,
    pub dy: Id,
    pub rows: u32,
    /// The number of rows for which memory and parts are planned.
    pub most_rows: u32,
    pub grid: [u32; 2],
    pub input: [u32; 2],
    pub inputs: u32,
    /// The number of inputs for which the kernel is chosen.
    pub most_inputs: u32,
    pub outputs: u32,
    pub taps: u32,
    pub across: u32,
    pub stride: u32,
    pub padding: u32,
    pub corners: u32,
    pub tap_step: u32,
    pub row_step: u32,
    /// Quads of the weight.
    pub size: u32,
}

impl Tape {
    /// `y = weight * x` with the filter's `geometry`, and what follows.
    pub fn convolve(
        &mut self,
        name: &str,
        geometry: Geometry,
        weight: Id,
        [x, y]: [Feature; 2],
        finish: Finish,
    ) {
        let Geometry { kernel, stride, padding, corners } = geometry;
        let [height, width] = if corners == 4 { [x.height, x.width] } else { [y.height, y.width] };
        let (add, addend) = match finish.add {
            Add::Nothing => (0, None),
            Add::Sum(feature) => (SUM, Some(feature)),
            Add::Mask(feature) => (MASK, Some(feature)),
        };
        let line = x.width * x.pixel;
        let conv = Conv {
            rows: self.pictures * height * width,
            columns: y.channels * corners,
            height,
            width,
            in_height: x.height,
            in_width: x.width,
            in_line: line,
            in_pixel: x.pixel,
            in_picture: line * x.height,
            in_offset: x.offset,
            channels: x.channels,
            kernel_height: kernel,
            kernel_width: kernel,
            stride,
            padding: padding as i32,
            corners,
            out_pixel: y.pixel,
            out_offset: y.offset,
            add,
            add_pixel: addend.map_or(0, |a| a.pixel),
            add_offset: addend.map_or(0, |a| a.offset),
            relu: u32::from(finish.relu),
            biased: u32::from(finish.bias.is_some()),
            matrix_rows: u32::MAX,
            part: x.channels,
        };
        let nothing = self.nothing;
        let buffers = Buffers {
            input: x.id,
            bias: finish.bias.unwrap_or(nothing),
            addend: addend.map_or(nothing, |a| a.id),
            output: y.id,
            weight,
            // Only layers whose size never changes are split into parts.
            products: self.most_rows.is_none().then_some(self.products),
        };
        let tile =
            (self.tile)(self.most_rows.unwrap_or(conv.rows), self.most_columns.unwrap_or(conv.columns));
        for pass in convolution::passes(conv, buffers, tile) {
            self.push(name, pass);
        }
    }

    /// The partial sums of a weight's gradient, and their number.
    pub fn weight_gradient(&mut self, name: &str, product: Product) -> (Id, u32) {
        let tile = (self.tile)(product.most_rows, product.outputs.min(product.most_inputs));
        // Like the tiles of a convolution, with inputs instead of positions.
        let tile = if tile == Tile::Large && product.most_inputs < 16 { Tile::Small } else { tile };
        let [down, across] = tile.weight_size();
        let tiles = |inputs: u32| inputs.div_ceil(down) * product.outputs.div_ceil(across);
        let wanted = (GROUPS / (tiles(product.most_inputs) * product.taps))
            .clamp(1, product.most_rows.div_ceil(FEWEST).max(1));
        // On a software adapter there is nothing to gain from sharing.
        let wanted = if tile == Tile::Direct { 1 } else { wanted };
        let part = product.most_rows.div_ceil(wanted).next_multiple_of(32);
        let most_parts = product.most_rows.div_ceil(part).max(1);
        let output =
            self.temporary(most_parts * (product.size / product.inputs.max(1)) * product.most_inputs);
        let parts = product.rows.div_ceil(part);
        let [height, width] = product.grid;
        let [in_height, in_width] = product.input;
        let uniform = WeightGradient {
            rows: product.rows,
            height,
            width,
            in_height,
            in_width,
            inputs: product.inputs,
            outputs: product.outputs,
            taps_across: product.across,
            stride: product.stride,
            padding: product.padding as i32,
            corners: product.corners,
            part,
            tap_step: product.tap_step,
            row_step: product.row_step,
            part_step: product.size,
        };
        let bindings = vec![product.x, product.dy, output];
        let groups = [tiles(product.inputs), product.taps, parts];
        self.push(name, bound(Shader::WeightGradient(tile), uniform, bindings, groups));
        (output, parts)
    }

    /// The optimizer's step for numbers stored one after the other.
    pub fn learn_flat(
        &mut self,
        name: &str,
        parameters: &Parameters,
        key: Key,
        gradient: Id,
        [quads, parts]: [u32; 2],
    ) {
        let parameter = parameters.get(key);
        let uniform = AdamFlat { rate: 0.0, epsilon: 0.0, beta1: self.beta1, beta2: BETA2, quads, parts };
        let moments = parameter.moments.as_ref().unwrap_or(&parameter.values);
        let [values, moments] = [&parameter.values, moments].map(|buffer| self.keep(buffer));
        let bindings = vec![gradient, values, moments, self.broken];
        let pass = bound(Shader::AdamFlat, uniform, bindings, each(quads));
        self.learn(&format!("{name} step"), parameter.learner, pass);
    }
}

/// Decay of the second moment (method.md 2.9).
pub(super) const BETA2: f32 = 0.999;
