//! The trained parameters: weights on the GPU in the shaders' layout, their moments, and the conversion to and
//! from the tensors of a model file.

use super::tape::{Learner, buffer};
use crate::gpu::Gpu;
use crate::gpu::layout::quads;
use crate::teacher::TensorSource;
use crate::{Error, Result};

/// A tensor on the host: name, lengths of the axes, row-major values.
pub type Tensor = (String, Vec<usize>, Vec<f32>);

/// The layout of a tensor in the shaders' memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    /// Unchanged; its last axis is a multiple of four.
    Flat,
    /// `[out, in, k, k]` as `[ky][kx][in][out]`.
    Plain,
    /// `[in, out, 2, 2]` as `[in][corner][out]`.
    Transposed,
}

/// One tensor of the model in a [`Parameter`].
#[derive(Clone, Debug)]
struct Leaf {
    name: String,
    shape: Vec<usize>,
    packing: Packing,
    /// Where it begins, in numbers.
    first: usize,
}

/// A buffer of trained numbers.
#[derive(Debug)]
pub(super) struct Parameter {
    pub values: wgpu::Buffer,
    /// First moments, then second moments; none for running statistics.
    pub moments: Option<wgpu::Buffer>,
    numbers: usize,
    leaves: Vec<Leaf>,
    /// The index of its rate and epsilon.
    pub learner: Learner,
}

/// All parameters of a training.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    all: Vec<Parameter>,
}

/// Index into [`Parameters`].
pub(super) type Key = usize;

impl Parameters {
    pub fn get(&self, key: Key) -> &Parameter {
        &self.all[key]
    }

    /// The weight of a convolution without bias: `[out, in, k, k]`, or transposed `[in, out, 2, 2]`.
    pub fn convolution(&mut self, gpu: &Gpu, name: String, shape: [usize; 4], transposed: bool) -> Key {
        let packing = if transposed { Packing::Transposed } else { Packing::Plain };
        let leaf = Leaf { name, shape: shape.to_vec(), packing, first: 0 };
        self.add(gpu, vec![leaf], 0, true)
    }

    /// Tensors one after the other, each a whole number of quads.
    pub fn flat(
        &mut self,
        gpu: &Gpu,
        tensors: Vec<(String, Vec<usize>)>,
        learner: Learner,
        learns: bool,
    ) -> Key {
        let mut first = 0;
        let mut leaf = |(name, shape): (String, Vec<usize>)| {
            let leaf = Leaf { name, packing: Packing::Flat, first, shape };
            first += leaf.shape.iter().product::<usize>();
            leaf
        };
        let leaves = tensors.into_iter().map(&mut leaf).collect();
        self.add(gpu, leaves, learner, learns)
    }

    fn add(&mut self, gpu: &Gpu, leaves: Vec<Leaf>, learner: Learner, learns: bool) -> Key {
        let numbers = leaves.iter().map(|leaf| leaf.shape.iter().product::<usize>()).sum::<usize>();
        let name = &leaves[0].name;
        let values = buffer(gpu, name, 4 * numbers);
        let moments = learns.then(|| buffer(gpu, name, 8 * numbers));
        self.all.push(Parameter { values, moments, numbers, leaves, learner });
        self.all.len() - 1
    }

    /// Fills all parameters.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn upload(&self, gpu: &Gpu, source: &dyn TensorSource) -> Result<()> {
        for parameter in &self.all {
            let packed = parameter.pack(|leaf| source.get(&leaf.name, &leaf.shape))?;
            gpu.write(&parameter.values, 0, bytemuck::cast_slice(&packed));
        }
        Ok(())
    }

    /// Fills the moments of all parameters from the tensors `first.NAME` and `second.NAME`.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn upload_moments(&self, gpu: &Gpu, source: &dyn TensorSource) -> Result<()> {
        for parameter in &self.all {
            let Some(moments) = &parameter.moments else { continue };
            for (order, prefix) in ORDERS.into_iter().enumerate() {
                let packed =
                    parameter.pack(|leaf| source.get(&format!("{prefix}.{}", leaf.name), &leaf.shape))?;
                let offset = 4 * (order * parameter.numbers) as u64;
                gpu.write(moments, offset, bytemuck::cast_slice(&packed));
            }
        }
        Ok(())
    }

    /// All parameters as the tensors of a model file.
    ///
    /// # Errors
    /// The device failed.
    pub async fn download(&self, gpu: &Gpu) -> Result<Vec<Tensor>> {
        let mut tensors = Vec::new();
        for parameter in &self.all {
            let values = read(gpu, &parameter.values).await?;
            tensors.extend(parameter.leaves.iter().map(|leaf| leaf.tensor(&values, "")));
        }
        Ok(tensors)
    }

    /// All moments as tensors, `first.NAME` and `second.NAME`.
    ///
    /// # Errors
    /// The device failed.
    pub async fn download_moments(&self, gpu: &Gpu) -> Result<Vec<Tensor>> {
        let mut tensors = Vec::new();
        for parameter in &self.all {
            let Some(moments) = &parameter.moments else { continue };
            let values = read(gpu, moments).await?;
            for (order, prefix) in ORDERS.into_iter().enumerate() {
                let values = &values[order * parameter.numbers..];
                tensors
                    .extend(parameter.leaves.iter().map(|leaf| leaf.tensor(values, &format!("{prefix}."))));
            }
        }
        Ok(tensors)
    }
}

const ORDERS: [&str; 2] = ["first", "second"];

impl Parameter {
    fn pack(&self, mut of: impl FnMut(&Leaf) -> Result<Vec<f32>>) -> Result<Vec<f32>> {
        let mut packed = vec![0.0; self.numbers];
        for leaf in &self.leaves {
            let values = of(leaf)?;
            for (i, value) in values.into_iter().enumerate() {
                packed[leaf.first + leaf.place(i)] = value;
            }
        }
        Ok(packed)
    }
}

impl Leaf {
    /// Where number `i` of the tensor lies.
    fn place(&self, i: usize) -> usize {
        match self.packing {
            Packing::Flat => i,
            Packing::Plain => {
                let (taps, input, output) = (self.shape[2] * self.shape[3], self.shape[1], self.shape[0]);
                let (tap, i) = (i % taps, i / taps);
                (tap * input + i % input) * output + i / input
            }
            Packing::Transposed => {
                let (corner, i) = (i % 4, i / 4);
                let output = self.shape[1];
                (i / output * 4 + corner) * output + i % output
            }
        }
    }

    fn tensor(&self, packed: &[f32], prefix: &str) -> Tensor {
        let count = self.shape.iter().product::<usize>();
        let values = (0..count).map(|i| packed[self.first + self.place(i)]).collect();
        (format!("{prefix}{}", self.name), self.shape.clone(), values)
    }
}

/// The numbers of a buffer.
///
/// # Errors
/// The device failed.
pub(super) async fn read(gpu: &Gpu, from: &wgpu::Buffer) -> Result<Vec<f32>> {
    let to = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("to read"),
        size: from.size(),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(from, 0, &to, 0, from.size());
    gpu.submit(encoder);
    let bits = gpu.read(&to).await?;
    Ok(bits.into_iter().map(f32::from_bits).collect())
}

/// The number of quads.
///
/// # Errors
/// The number of channels is not a multiple of four.
pub(super) fn whole_quads(channels: usize) -> Result<u32> {
    match channels.is_multiple_of(4) {
        true => Ok(quads(channels) as u32),
        false => Err(Error::Setting(format!("{channels} channels are no multiple of 4; use `device cpu`"))),
    }
}
