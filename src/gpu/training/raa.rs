//! The residual module of one level on the tape: gate and generator, forward and with their losses' gradients
//! (method.md 2.1 to 2.7).

use super::convolution::{Add, BARE, BETA2, Finish, Geometry, Product};
use super::mlp::{Mlp, Ran};
use super::parameters::{Key, Parameters, whole_quads};
use super::tape::{Feature, Id, Learner, Tape, buffer};
use crate::Result;
use crate::amplification::{RaaOptions, position_encoding};
use crate::gpu::Gpu;
use crate::gpu::layout::quads;
use crate::gpu::pass::{THREADS, each, each_row, spread};
use crate::gpu::passes::residual_code;
use crate::gpu::shaders::Shader;
use crate::gpu::uniforms::{
    AdamMemory, Advance, AdvanceBack, Amplify, GateBack, Matching, Pairs, Position, Rows, bound,
};
use crate::picture::Size;
use wgpu::util::DeviceExt;

/// Gate and generator of a level, independent of the batch.
pub(super) struct Raa {
    name: String,
    options: RaaOptions,
    /// `PE`, `[y][x][channel]`.
    encoding: wgpu::Buffer,
    gate: Mlp,
    memory: Key,
    /// The memory items scaled to the length 1 / temperature, `[channel][item]` and `[item][channel]`.
    scaled: [wgpu::Buffer; 2],
    generator: Mlp,
    /// Quads of the feature's channels and of the items.
    channels: u32,
    item_quads: u32,
}

/// The sampled rows for the amplification loss of a level.
pub(super) struct Sample {
    /// Positions of normal and of anomalous rows.
    pub lists: [Id; 2],
    /// How many rows there are in this step, and at most.
    pub rows: [u32; 2],
    pub most: [u32; 2],
}

/// Where losses are written: a buffer and positions in it.
pub(super) struct Losses {
    pub id: Id,
    pub focal: u32,
    pub amplification: u32,
}

/// Margin and weight of the amplification loss.
#[derive(Clone, Copy, Debug)]
pub(super) struct Margin {
    pub alpha: f32,
    pub weight: f32,
}

impl Raa {
    /// The module of level `k`, whose tensors are added to `parameters`; gate and generator learn separately.
    ///
    /// # Errors
    /// The number of channels is not a multiple of four.
    pub fn new(
        gpu: &Gpu,
        parameters: &mut Parameters,
        k: usize,
        channels: usize,
        size: Size,
        options: RaaOptions,
        [gate, generator]: [Learner; 2],
    ) -> Result<Self> {
        let prefix = format!("amplifier.levels.{k}");
        let items = 2 * options.memory_items;
        let encoding = gpu.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("position encoding"),
            contents: bytemuck::cast_slice(&position_encoding(channels, size.height, size.width)),
            usage: wgpu::BufferUsages::STORAGE,
        });
        let mlp = Mlp::new(gpu, parameters, &format!("{prefix}.gate.mlp"), channels, gate)?;
        let shape = vec![items, channels];
        let memory = parameters.flat(gpu, vec![(format!("{prefix}.gate.memory"), shape)], gate, true);
        let scaled = [0, 1].map(|_| buffer(gpu, "memory items", 16 * quads(items) * channels));
        let generator = Mlp::new(gpu, parameters, &format!("{prefix}.generator.mlp"), channels, generator)?;
        let (channels, item_quads) = (whole_quads(channels)?, quads(items) as u32);
        Ok(Self {
            name: prefix,
            options,
            encoding,
            gate: mlp,
            memory,
            scaled,
            generator,
            channels,
            item_quads,
        })
    }

    /// Recomputes everything that is derived from the parameters: turned weights, scaled memory items.
    pub fn turn(&self, tape: &mut Tape, parameters: &Parameters) {
        self.gate.turn(tape, parameters);
        self.generator.turn(tape, parameters);
        self.step_memory(tape, parameters, None);
    }

    /// The gate's query and its products with the memory items, for all positions.
    fn query(&self, tape: &mut Tape, parameters: &Parameters, feature: Feature) -> (Ran, Feature) {
        let rows = tape.pictures * feature.positions();
        let placed = tape.feature(self.channels, feature.height, feature.width);
        let encoding = tape.keep(&self.encoding);
        let uniform = Position {
            positions: feature.positions(),
            channels: self.channels,
            in_pixel: feature.pixel,
            in_offset: feature.offset,
            out_pixel: placed.pixel,
            out_offset: placed.offset,
        };
        let groups = spread(feature.quads().div_ceil(THREADS), tape.pictures);
        let bindings = vec![feature.id, encoding, placed.id];
        tape.push(&format!("{} position", self.name), bound(Shader::Position, uniform, bindings, groups));
        let ran = self.gate.forward(tape, parameters, placed, rows);
        let matching = tape.feature(self.item_quads, feature.height, feature.width);
        let weight = tape.keep(&self.scaled[0]);
        tape.convolve(&format!("{} matching", self.name), ROWS, weight, [ran.y, matching], BARE);
        (ran, matching)
    }

    /// `F_T` to the advanced teacher's `F_A = F_T + w Delta`, for all positions (Eq. 5).
    pub fn advance(&self, tape: &mut Tape, parameters: &Parameters, feature: Feature, to: Feature) {
        let rows = tape.pictures * feature.positions();
        if !self.options.generator {
            return tape.copy(feature, to);
        }
        let gate = self.options.gate.then(|| {
            let (ran, matching) = self.query(tape, parameters, feature);
            let gate = tape.temporary(rows.div_ceil(4));
            let uniform = Matching {
                rows,
                channels: self.channels,
                vector_pixel: ran.y.pixel,
                vector_offset: ran.y.offset,
                items: 2 * self.options.memory_items as u32,
                products_pixel: matching.pixel,
                products_offset: matching.offset,
            };
            let bindings = vec![ran.y.id, matching.id, gate];
            let pass = bound(Shader::Gate, uniform, bindings, each_row(rows));
            tape.push(&format!("{} gate", self.name), pass);
            gate
        });
        let generated = self.generator.forward(tape, parameters, feature, rows).y;
        let uniform = Amplify {
            positions: feature.positions(),
            channels: self.channels,
            feature_pixel: feature.pixel,
            feature_offset: feature.offset,
            generated_pixel: generated.pixel,
            generated_offset: generated.offset,
            out_pixel: to.pixel,
            out_offset: to.offset,
            gated: u32::from(gate.is_some()),
            residual: residual_code(self.options.residual),
        };
        let bindings = vec![feature.id, generated.id, gate.unwrap_or(generated.id), to.id];
        let groups = spread(feature.quads().div_ceil(THREADS), tape.pictures);
        tape.push(&format!("{} amplify", self.name), bound(Shader::Amplify, uniform, bindings, groups));
    }

    /// The gate's focal loss (Eq. 6) on all positions, given their labels, its gradients and the optimizer's
    /// steps.
    pub fn learn_gate(
        &self,
        tape: &mut Tape,
        parameters: &Parameters,
        feature: Feature,
        labels: Id,
        losses: &Losses,
    ) {
        let rows = tape.pictures * feature.positions();
        let (ran, matching) = self.query(tape, parameters, feature);
        let query = ran.y;
        let matching_back = Feature { id: tape.temporary(rows * self.item_quads), ..matching };
        let [projected, query_back] =
            [0, 1].map(|_| Feature { id: tape.temporary(rows * self.channels), ..query });
        let groups = each_row(rows);
        let partial = tape.temporary((groups[0] * groups[2]).div_ceil(4));
        let items = 2 * self.options.memory_items as u32;
        let uniform = GateBack { rows, channels: self.channels, items, item_quads: self.item_quads };
        let bindings = vec![query.id, matching.id, labels, matching_back.id, projected.id, partial];
        let name = format!("{} focal", self.name);
        tape.push(&name, bound(Shader::GateBack, uniform, bindings, groups));
        tape.sum(
            &name,
            partial,
            groups[0] * groups[2],
            [losses.id, losses.focal as usize],
            1.0 / rows as f32,
        );
        let weight = tape.keep(&self.scaled[1]);
        let finish = Finish { add: Add::Sum(projected), ..BARE };
        tape.convolve(&name, ROWS, weight, [matching_back, query_back], finish);
        let product = rows_product([matching_back.id, query.id], rows, [self.item_quads, self.channels]);
        let gradient = tape.weight_gradient(&format!("{} memory", self.name), product);
        self.gate.back(tape, parameters, &ran, query_back, rows);
        self.step_memory(tape, parameters, Some(gradient));
    }

    /// The generator's amplification loss (Eq. 7) on the sampled rows, its gradients and the optimizer's
    /// steps.
    pub fn learn_generator(
        &self,
        tape: &mut Tape,
        parameters: &Parameters,
        feature: Feature,
        sample: &Sample,
        margin: Margin,
        losses: &Losses,
    ) {
        let name = format!("{} amplification", self.name);
        let ([n, a], [most_n, most_a]) = (sample.rows, sample.most);
        let channels = self.channels;
        let columns = a.div_ceil(4);
        // These rows come from the whole batch.
        let pictures = std::mem::replace(&mut tape.pictures, 1);
        let rows = |id: Id, rows: u32, channels: u32| Feature {
            id,
            height: 1,
            width: rows,
            channels,
            pixel: channels,
            offset: 0,
        };
        let normal = rows(tape.temporary(most_n * channels), n, channels);
        let anomalous = rows(tape.temporary(most_a * channels), a, channels);
        for (list, to, unit) in [(sample.lists[0], normal, 1), (sample.lists[1], anomalous, 0)] {
            let count = to.width;
            let uniform = Rows {
                rows: count,
                channels,
                in_pixel: feature.pixel,
                in_offset: feature.offset,
                out_pixel: channels,
                out_offset: 0,
                listed: 1,
                unit,
            };
            let bindings = vec![feature.id, list, to.id];
            tape.push(&name, bound(Shader::Rows, uniform, bindings, each_row(count)));
        }
        tape.most_rows = Some(most_a);
        let ran = self.generator.forward(tape, parameters, anomalous, most_a);
        let unit = rows(tape.temporary(most_a * channels), a, channels);
        let lengths = tape.temporary(most_a.div_ceil(4));
        let difference = tape.temporary(4 * channels * most_a.div_ceil(4));
        let residual = residual_code(self.options.residual);
        let uniform = Advance { rows: a, channels, row_quads: columns, residual };
        let bindings = vec![anomalous.id, ran.y.id, unit.id, lengths, difference];
        tape.push(&name, bound(Shader::Advance, uniform, bindings, each_row(4 * columns)));

        // S1 - S0, then the loss, whose gradient replaces it in memory.
        tape.most_rows = Some(most_n);
        let products = rows(tape.temporary(most_n * most_a.div_ceil(4)), n, columns);
        tape.most_columns = Some(most_a.div_ceil(4));
        tape.convolve(&name, ROWS, difference, [normal, products], BARE);
        tape.most_columns = None;
        let count = n * columns;
        let groups = each(count);
        let [x, _, z] = each(most_n * most_a.div_ceil(4));
        let most_groups = x * z + THREADS;
        let partial = tape.temporary(most_groups.div_ceil(4));
        let pairs = (n * a).max(1) as f32;
        let Margin { alpha, weight } = margin;
        let uniform = Pairs { quads: count, row_quads: columns, anomalous: a, alpha, share: weight / pairs };
        tape.push(&name, bound(Shader::Pairs, uniform, vec![products.id, partial], groups));
        let places = [losses.id, losses.amplification as usize];
        tape.sum(&name, partial, groups[0] * groups[2], places, 1.0 / pairs);

        let product = Product {
            most_rows: most_n,
            most_inputs: most_a.div_ceil(4),
            ..rows_product([products.id, normal.id], n, [columns, channels])
        };
        let (gradient, parts) = tape.weight_gradient(&name, product);
        let back = rows(tape.temporary(most_a * channels), a, channels);
        let uniform = AdvanceBack { rows: a, channels, parts, part_step: product.size, residual };
        let bindings = vec![gradient, unit.id, lengths, anomalous.id, ran.y.id, back.id];
        tape.push(&name, bound(Shader::AdvanceBack, uniform, bindings, each_row(a)));
        tape.most_rows = Some(most_a);
        self.generator.back(tape, parameters, &ran, back, most_a);
        tape.most_rows = None;
        tape.pictures = pictures;
    }

    /// The optimizer's step for the memory items; without a gradient, only recomputes what is derived from
    /// them.
    fn step_memory(&self, tape: &mut Tape, parameters: &Parameters, gradient: Option<(Id, u32)>) {
        let parameter = parameters.get(self.memory);
        let items = 2 * self.options.memory_items as u32;
        let (from, parts) = gradient.unwrap_or((tape.nothing, 0));
        let uniform = AdamMemory {
            rate: 0.0,
            epsilon: 0.0,
            beta1: tape.beta1,
            beta2: BETA2,
            items,
            channels: self.channels,
            item_quads: self.item_quads,
            parts,
            learns: u32::from(gradient.is_some()),
        };
        let moments = parameter.moments.as_ref().unwrap_or(&parameter.values);
        let [values, moments] = [&parameter.values, moments].map(|buffer| tape.keep(buffer));
        let [by_channel, by_item] = [&self.scaled[0], &self.scaled[1]].map(|buffer| tape.keep(buffer));
        let bindings = vec![from, values, moments, tape.broken, by_channel, by_item];
        let pass = bound(Shader::AdamMemory, uniform, bindings, [items, 1, 1]);
        let name = format!("{} memory step", self.name);
        match gradient {
            Some(_) => tape.learn(&name, parameter.learner, pass),
            None => tape.push(&name, pass),
        }
    }
}

/// A product of rows with a matrix.
const ROWS: Geometry = Geometry { kernel: 1, stride: 1, padding: 0, corners: 1 };

/// `X^T dY` over `rows` rows.
fn rows_product([x, dy]: [Id; 2], rows: u32, [inputs, outputs]: [u32; 2]) -> Product {
    Product {
        x,
        dy,
        rows,
        most_rows: rows,
        grid: [1, rows],
        input: [1, rows],
        inputs,
        most_inputs: inputs,
        outputs,
        taps: 1,
        across: 1,
        stride: 1,
        padding: 0,
        corners: 1,
        tap_step: 4 * inputs * outputs,
        row_step: outputs,
        size: 4 * inputs * outputs,
    }
}
