//! A plan as compute passes.

use super::convolution::{self, Buffers, Conv};
use super::finish;
use super::layout::{BORDER, quads, slice};
use super::memory::Memory;
use super::pass::{Bound, Pass, THREADS, each_row, spread};
use super::shaders::Shader;
use super::tile::{TileRule, Tiles};
use super::uniforms::{Amplify, Cosine, Matching, MaxPool, Picture, Position, bound, words};
use super::winograd;
use crate::amplification::Residual;
use crate::inference::{self, Convolution, Operation, Plan, Slots, Step, View};

/// Where an executor keeps the memory that a plan's passes read and write.
pub(crate) trait Places {
    /// The name of a buffer.
    type Memory: Copy;
    /// The buffer that holds a view's features.
    fn view(&self, view: View) -> Self::Memory;
    /// Weight or position encoding of a step.
    fn values(&self, step: usize) -> Self::Memory;
    /// Bias of a step.
    fn bias(&self, step: usize) -> Self::Memory;
    /// The normalized pictures as submitted, `[picture][3][S][S]`.
    fn pixels(&self) -> Self::Memory;
    /// The input of Winograd's products.
    fn transformed(&self) -> Self::Memory;
    /// Winograd's products, or the partial sums of a convolution whose input channels are shared among
    /// workgroups.
    fn products(&self) -> Self::Memory;
}

/// All passes for a batch of `pictures`, from the pixels to the scores.
pub(super) fn all(plan: &Plan, slots: &Slots, pictures: u32, tiles: Tiles) -> Vec<Pass<Memory>> {
    let mut passes = Builder { plan, places: &Detection { slots }, pictures, tiles }.all();
    passes.extend(finish::passes(plan, slots, pictures));
    passes
}

/// The pass that replaces the first of [`all`] if pictures are given as bytes.
pub(super) fn from_bytes(plan: &Plan, slots: &Slots, pictures: u32, tiles: Tiles) -> Pass<Memory> {
    let first = Builder { plan, places: &Detection { slots }, pictures, tiles }.picture();
    let [pixels, output] = [first.bindings[0], first.bindings[1]];
    Pass { kernel: Shader::Picture8, bindings: vec![pixels, output, Memory::Normalized], ..first }
}

/// The passes of the plan's steps for a batch of `pictures`, from the pixels on.
pub(crate) fn of_plan<P: Places>(
    plan: &Plan,
    places: &P,
    pictures: u32,
    tile: TileRule,
) -> Vec<Pass<P::Memory>> {
    Builder { plan, places, pictures, tiles: Tiles { rule: tile, winograd: true } }.all()
}

/// The detector's own memory.
struct Detection<'a> {
    slots: &'a Slots,
}

impl Places for Detection<'_> {
    type Memory = Memory;

    fn view(&self, view: View) -> Memory {
        Memory::Slot(self.slots.of[view.buffer])
    }

    fn values(&self, step: usize) -> Memory {
        Memory::Values(step)
    }

    fn bias(&self, step: usize) -> Memory {
        Memory::Bias(step)
    }

    fn pixels(&self) -> Memory {
        Memory::Pixels
    }

    fn transformed(&self) -> Memory {
        Memory::Transformed
    }

    fn products(&self) -> Memory {
        Memory::Products
    }
}

/// The residual's number in the shaders (`shaders/residual.wgsl`).
pub(crate) fn residual_code(residual: Residual) -> u32 {
    match residual {
        Residual::Tanh => 0,
        Residual::Sigmoid => 1,
        Residual::Learnable => 2,
    }
}

struct Builder<'a, P> {
    plan: &'a Plan,
    places: &'a P,
    pictures: u32,
    tiles: Tiles,
}

impl<P: Places> Builder<'_, P> {
    fn all(&self) -> Vec<Pass<P::Memory>> {
        let mut passes = vec![self.picture()];
        passes.extend(self.plan.steps.iter().enumerate().flat_map(|(i, step)| self.step(i, step)));
        passes
    }

    /// The normalized picture, interleaved and with a border of zeros.
    fn picture(&self) -> Pass<P::Memory> {
        let [width, height] = [self.plan.size.width, self.plan.size.height].map(|side| side as u32);
        let border = 2 * BORDER as u32;
        Pass {
            name: "picture".into(),
            kernel: Shader::Picture,
            uniform: words(Picture { width, height }),
            bindings: vec![self.places.pixels(), self.memory(self.plan.input)],
            groups: [(width + border).div_ceil(THREADS), height + border, self.pictures],
        }
    }

    fn step(&self, index: usize, step: &Step) -> Vec<Pass<P::Memory>> {
        let passes = match &step.operation {
            Operation::Convolution(c) if self.tiles.winograd && winograd::serves(self.plan, c) => {
                let add = c.add.map_or(self.places.bias(index), |add| self.memory(add));
                let memories = winograd::Memories {
                    input: self.memory(c.input),
                    add,
                    output: self.memory(c.output),
                    weight: self.places.values(index),
                    bias: self.places.bias(index),
                    transformed: self.places.transformed(),
                    products: self.places.products(),
                };
                let slices = [slice(self.plan, c.input), slice(self.plan, c.output)];
                let add = c.add.map(|add| slice(self.plan, add));
                winograd::passes(
                    winograd::Layer::of(self.plan, c, self.pictures as usize),
                    memories,
                    slices,
                    add,
                    c.relu,
                    self.tiles.rule,
                )
            }
            operation => self.operation(index, operation),
        };
        let named = |(kernel, uniform, bindings, groups)| Pass {
            name: step.name.clone(),
            kernel,
            uniform,
            bindings,
            groups,
        };
        passes.into_iter().map(named).collect()
    }

    fn operation(&self, index: usize, operation: &Operation) -> Vec<Bound<P::Memory>> {
        let one = match operation {
            Operation::Convolution(c) => return self.convolution(index, c),
            Operation::MaxPool { input, output } => self.max_pool(*input, *output),
            Operation::Position { input, output, .. } => {
                let [positions, channels] = self.elements(*input);
                let [[in_pixel, in_offset], [out_pixel, out_offset]] = self.slices([*input, *output]);
                let uniform = Position { positions, channels, in_pixel, in_offset, out_pixel, out_offset };
                let bindings = vec![self.memory(*input), self.places.values(index), self.memory(*output)];
                bound(Shader::Position, uniform, bindings, self.each_quad(*input))
            }
            Operation::Gate { query: vector, matching, output }
            | Operation::Nearest { feature: vector, matching, output } => {
                let [[vector_pixel, vector_offset], [products_pixel, products_offset]] =
                    self.slices([*vector, *matching]);
                let uniform = Matching {
                    rows: self.rows(*vector),
                    channels: quads(vector.channels) as u32,
                    vector_pixel,
                    vector_offset,
                    items: matching.channels as u32,
                    products_pixel,
                    products_offset,
                };
                let kernel =
                    if matches!(operation, Operation::Gate { .. }) { Shader::Gate } else { Shader::Nearest };
                let bindings = self.memories(&[*vector, *matching, *output]);
                bound(kernel, uniform, bindings, self.each_position(*vector))
            }
            Operation::Amplify { feature, generated, gate, residual, output } => {
                let [positions, channels] = self.elements(*feature);
                let [
                    [feature_pixel, feature_offset],
                    [generated_pixel, generated_offset],
                    [out_pixel, out_offset],
                ] = self.slices([*feature, *generated, *output]);
                let uniform = Amplify {
                    positions,
                    channels,
                    feature_pixel,
                    feature_offset,
                    generated_pixel,
                    generated_offset,
                    out_pixel,
                    out_offset,
                    gated: u32::from(gate.is_some()),
                    residual: residual_code(*residual),
                };
                // Without a gate the binding is not read.
                let bindings = self.memories(&[*feature, *generated, gate.unwrap_or(*generated), *output]);
                bound(Shader::Amplify, uniform, bindings, self.each_quad(*feature))
            }
            Operation::Discrepancy { teacher, student, output } => {
                let [[teacher_pixel, teacher_offset], [student_pixel, student_offset]] =
                    self.slices([*teacher, *student]);
                let uniform = Cosine {
                    rows: self.rows(*teacher),
                    channels: quads(teacher.channels) as u32,
                    teacher_pixel,
                    teacher_offset,
                    student_pixel,
                    student_offset,
                };
                let bindings = self.memories(&[*teacher, *student, *output]);
                bound(Shader::Cosine, uniform, bindings, self.each_position(*teacher))
            }
        };
        vec![one]
    }

    fn convolution(&self, index: usize, c: &Convolution) -> Vec<Bound<P::Memory>> {
        let [_, in_height, in_width] = self.shape(c.input);
        let [_, out_height, out_width] = self.shape(c.output);
        let [in_pixel, in_offset] = slice(self.plan, c.input);
        let [out_pixel, out_offset] = slice(self.plan, c.output);
        let [add_pixel, add_offset] = c.add.map_or([0; 2], |add| slice(self.plan, add));
        let inputs = quads(c.input.channels) as u32;
        let outputs = quads(c.output.channels) as u32;
        let [height, width, corners] = match c.kernel {
            inference::Kernel::Plain { .. } => [out_height, out_width, 1],
            inference::Kernel::Transposed => [in_height, in_width, 4],
        };
        // Height and width of input and filter, quads of the filter's input channels, stride and padding.
        let geometry = match c.kernel {
            _ if c.input == self.plan.input => {
                // The picture is stored with its padding, and the taps of a row are adjacent in memory.
                let border = 2 * BORDER as u32;
                [in_height + border, in_width + border, 7, 1, 7 * inputs, 2, 0]
            }
            inference::Kernel::Plain { size, stride } => {
                let size = size as u32;
                [in_height, in_width, size, size, inputs, stride as u32, size / 2]
            }
            inference::Kernel::Transposed => [in_height, in_width, 1, 1, inputs, 1, 0],
        };
        let [in_height, in_width, kernel_height, kernel_width, channels, stride, padding] = geometry;
        let rows = self.pictures * height * width;
        let columns = outputs * corners;
        let line = in_width * in_pixel;
        let conv = Conv {
            rows,
            columns,
            height,
            width,
            in_height,
            in_width,
            in_line: line,
            in_pixel,
            in_picture: line * in_height,
            in_offset,
            channels,
            kernel_height,
            kernel_width,
            stride,
            padding: padding as i32,
            corners,
            out_pixel,
            out_offset,
            add: u32::from(c.add.is_some()),
            add_pixel,
            add_offset,
            relu: u32::from(c.relu),
            biased: 1,
            matrix_rows: u32::MAX,
            part: channels,
        };
        let buffers = Buffers {
            input: self.memory(c.input),
            bias: self.places.bias(index),
            addend: c.add.map_or(self.places.bias(index), |add| self.memory(add)),
            output: self.memory(c.output),
            weight: self.places.values(index),
            products: Some(self.places.products()),
        };
        convolution::passes(conv, buffers, (self.tiles.rule)(conv.rows, conv.columns))
    }

    fn max_pool(&self, input: View, output: View) -> Bound<P::Memory> {
        let [_, in_height, in_width] = self.shape(input);
        let [_, height, width] = self.shape(output);
        let channels = quads(input.channels) as u32;
        let [[in_pixel, in_offset], [out_pixel, out_offset]] = self.slices([input, output]);
        let uniform =
            MaxPool { width, channels, in_height, in_width, in_pixel, in_offset, out_pixel, out_offset };
        let groups = [(width * channels).div_ceil(THREADS), height, self.pictures];
        bound(Shader::MaxPool, uniform, self.memories(&[input, output]), groups)
    }

    fn shape(&self, view: View) -> [u32; 3] {
        self.plan.shape(view).map(|n| n as u32)
    }

    /// Positions of one picture, and quads of its channels.
    fn elements(&self, view: View) -> [u32; 2] {
        let [channels, height, width] = self.shape(view);
        [height * width, channels.div_ceil(4)]
    }

    /// Positions of all pictures.
    fn rows(&self, view: View) -> u32 {
        self.elements(view)[0] * self.pictures
    }

    fn slices<const N: usize>(&self, views: [View; N]) -> [[u32; 2]; N] {
        views.map(|view| slice(self.plan, view))
    }

    fn memory(&self, view: View) -> P::Memory {
        self.places.view(view)
    }

    fn memories(&self, views: &[View]) -> Vec<P::Memory> {
        views.iter().map(|&view| self.memory(view)).collect()
    }

    /// Workgroups with one thread per quad.
    fn each_quad(&self, view: View) -> [u32; 3] {
        let [positions, channels] = self.elements(view);
        spread((positions * channels).div_ceil(THREADS), self.pictures)
    }

    /// Workgroups with eight threads per position.
    fn each_position(&self, view: View) -> [u32; 3] {
        each_row(self.rows(view))
    }
}
