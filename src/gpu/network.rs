//! A detector on the GPU.

use super::adapter::Gpu;
use super::constants::{self, Constants};
use super::heat::Heat;
use super::matrix_units::MatrixUnits;
use super::memory::{self, Memories, Memory};
use super::pass::Pass;
use super::passes;
use super::shaders::Kernels;
use super::tile::Tiles;
use crate::inference::{Plan, Slots};
use crate::model::Precision;
use crate::picture::{ScoreMap, Size};
use crate::{Error, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// The binding of `shaders/f16.wgsl`.
pub(super) const OVERFLOW: u32 = 6;

/// A plan whose weights are on the GPU, ready to run on batches of pictures.
#[derive(Debug)]
pub struct GpuNetwork {
    pub(super) gpu: Arc<Gpu>,
    /// The plan without its constants.
    pub(super) plan: Plan,
    pub(super) slots: Slots,
    pub(super) constants: Vec<Constants>,
    pub(super) kernels: Kernels,
    pub(super) heat: Option<Heat>,
    tiles: Tiles,
    pub(super) precision: Precision,
    /// For the largest batch so far.
    pub(super) memories: Option<Memories>,
    /// By the number of pictures.
    programs: HashMap<usize, Program>,
    /// The pass that replaces the first one if pictures are given as bytes; by the number of pictures.
    from_bytes: HashMap<usize, Program>,
    /// The largest batch whose buffers the device allows.
    most: usize,
    /// Pictures in the last batch.
    pub(super) count: usize,
}

/// The passes of one batch size, bound to their memory.
#[derive(Debug)]
pub(super) struct Program {
    pub passes: Vec<(Pass<Memory>, wgpu::BindGroup)>,
}

/// Pictures as the caller gives them.
#[derive(Clone, Copy, Debug)]
enum Given<'a> {
    /// Normalized pixels `[count, 3, S, S]`.
    Normalized(&'a [f32]),
    /// For each picture 8-bit red, green and blue, `[S, S, 3]`.
    Bytes(&'a [&'a [u8]]),
}

impl<'a> Given<'a> {
    /// The number of pictures, of `numbers` numbers each; none if a picture is incomplete.
    fn count(self, numbers: usize) -> Option<usize> {
        match self {
            Self::Normalized(pixels) => {
                pixels.len().is_multiple_of(numbers).then_some(pixels.len() / numbers)
            }
            Self::Bytes(pictures) => {
                pictures.iter().all(|picture| picture.len() == numbers).then_some(pictures.len())
            }
        }
    }

    /// Batches of at most `most` pictures of `numbers` numbers each.
    fn batches(self, most: usize, numbers: usize) -> Vec<Given<'a>> {
        match self {
            Self::Normalized(pixels) => pixels.chunks(most * numbers).map(Given::Normalized).collect(),
            Self::Bytes(pictures) => pictures.chunks(most).map(Given::Bytes).collect(),
        }
    }
}

impl GpuNetwork {
    /// Moves the weights to the GPU and compiles the kernels.
    ///
    /// # Errors
    /// The adapter lacks 16-bit floats, the device is out of memory, or it failed.
    pub fn new(gpu: Arc<Gpu>, plan: Plan, precision: Precision) -> Result<Self> {
        if precision == Precision::F16 && !gpu.has_half() {
            let name = &gpu.info.name;
            return Err(Error::Device(format!(
                "{name} has no 16-bit floats (shader-f16); use `precision f32`"
            )));
        }
        let tiles = match precision {
            Precision::F16 if *gpu.matrix_units() == MatrixUnits::Ready => Tiles::MATRIX,
            _ => Tiles::plain(gpu.info.device_type),
        };
        Self::with_tiles(gpu, plan, precision, tiles)
    }

    pub(super) fn with_tiles(
        gpu: Arc<Gpu>,
        mut plan: Plan,
        precision: Precision,
        tiles: Tiles,
    ) -> Result<Self> {
        let slots = plan.slots();
        let mut kernels = Kernels::new(precision);
        let passes = passes::all(&plan, &slots, 1, tiles);
        kernels.prepare(&gpu, passes.iter().map(|pass| pass.kernel))?;
        let constants = constants::take(&gpu, &mut plan, precision, tiles.winograd)?;
        let most = memory::most_pictures(&gpu, &plan, &slots, precision, tiles);
        Ok(Self {
            gpu,
            plan,
            slots,
            constants,
            kernels,
            heat: None,
            tiles,
            precision,
            memories: None,
            programs: HashMap::new(),
            from_bytes: HashMap::new(),
            most,
            count: 0,
        })
    }

    /// The size of the pictures and maps.
    pub fn size(&self) -> Size {
        self.plan.size
    }

    /// The largest batch that the device's largest buffer allows.
    pub fn most_pictures(&self) -> usize {
        self.most
    }

    /// Anomaly maps and scores of `count` pictures given as normalized pixels `[count, 3, S, S]`, in as many
    /// batches as the device's memory requires.
    ///
    /// # Errors
    /// The device failed, the number of pixels is wrong, or features were too large for f16.
    pub async fn maps(&mut self, pixels: &[f32], count: usize) -> Result<Vec<(ScoreMap, f32)>> {
        self.maps_of(Given::Normalized(pixels), count).await
    }

    /// As [`maps`](Self::maps), from pictures given as 8-bit red, green and blue, `[S, S, 3]` each: a quarter of the
    /// bytes of normalized pixels to transfer. The maps are the same.
    ///
    /// # Errors
    /// As [`maps`](Self::maps).
    pub async fn maps_of_bytes(&mut self, pictures: &[&[u8]]) -> Result<Vec<(ScoreMap, f32)>> {
        self.maps_of(Given::Bytes(pictures), pictures.len()).await
    }

    async fn maps_of(&mut self, given: Given<'_>, count: usize) -> Result<Vec<(ScoreMap, f32)>> {
        let numbers = self.numbers();
        if given.count(numbers) != Some(count) {
            return Err(self.misshapen(count));
        }
        let mut found = Vec::with_capacity(count);
        for batch in given.batches(self.most, numbers) {
            let encoder = self.record(batch)?;
            found.extend(self.results(encoder).await?);
        }
        Ok(found)
    }

    /// How many numbers a picture has.
    fn numbers(&self) -> usize {
        3 * self.plan.size.area()
    }

    fn misshapen(&self, count: usize) -> Error {
        let (size, most) = (self.plan.size, self.most);
        Error::Setting(format!("what was given is not {count} pictures of {size}; a batch has 1 to {most}"))
    }

    /// Submits one batch to the GPU and returns at once; [`Self::scores`], [`Self::read_maps`] and
    /// [`Self::heat`] then refer to it.
    ///
    /// # Errors
    /// The device failed, the pixels are not `[count, 3, S, S]`, or the batch is too large for the device.
    pub fn submit(&mut self, pixels: &[f32], count: usize) -> Result<()> {
        let given = Given::Normalized(pixels);
        if given.count(self.numbers()) != Some(count) {
            return Err(self.misshapen(count));
        }
        let encoder = self.record(given)?;
        self.gpu.submit(encoder);
        self.gpu.check()
    }

    /// Writes the pictures of a batch and records its passes.
    fn record(&mut self, given: Given<'_>) -> Result<wgpu::CommandEncoder> {
        let count = given.count(self.numbers()).unwrap_or(0);
        if count == 0 || count > self.most {
            return Err(self.misshapen(count));
        }
        self.prepare(count)?;
        if matches!(given, Given::Bytes(_)) && !self.from_bytes.contains_key(&count) {
            let pass = passes::from_bytes(&self.plan, &self.slots, count as u32, self.tiles);
            self.kernels.prepare(&self.gpu, [pass.kernel])?;
            self.from_bytes.insert(count, self.bind(vec![pass]));
        }
        self.count = count;
        let memories = self.memories.as_ref().ok_or_else(|| Error::Device("nothing is prepared".into()))?;
        let target = memories.at(&self.constants, Memory::Pixels);
        let program = &self.programs[&count].passes;
        let first = match given {
            Given::Normalized(pixels) => {
                self.gpu.write(target, 0, bytemuck::cast_slice(pixels));
                &program[..1]
            }
            Given::Bytes(pictures) => {
                self.gpu.write_parts(target, pictures)?;
                &self.from_bytes[&count].passes[..]
            }
        };
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        encoder.clear_buffer(&memories.overflow, 0, None);
        Program::encode(first.iter().chain(&program[1..]), &mut encoder, &self.kernels);
        Ok(encoder)
    }

    /// Memory and program for `count` pictures.
    pub(super) fn prepare(&mut self, count: usize) -> Result<()> {
        if self.memories.as_ref().is_none_or(|memories| memories.pictures < count) {
            // The old memory is freed before the new is allocated.
            self.programs.clear();
            self.from_bytes.clear();
            self.memories = None;
            let (plan, slots) = (&self.plan, &self.slots);
            self.memories = Some(Memories::new(&self.gpu, plan, slots, self.precision, self.tiles, count));
        }
        if !self.programs.contains_key(&count) {
            let passes = passes::all(&self.plan, &self.slots, count as u32, self.tiles);
            self.kernels.prepare(&self.gpu, passes.iter().map(|pass| pass.kernel))?;
            self.programs.insert(count, self.bind(passes));
        }
        self.gpu.check()
    }

    /// Binds passes to their memory.
    pub(super) fn bind(&self, passes: Vec<Pass<Memory>>) -> Program {
        let memories = self.memories.as_ref().expect("memory is there before passes are bound");
        let device = &self.gpu.device;
        let step = u64::from(device.limits().min_uniform_buffer_offset_alignment).max(256);
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("uniforms"),
            size: step * passes.len() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let bound = passes.into_iter().enumerate().map(|(i, pass)| {
            let offset = step * i as u64;
            self.gpu.write(&uniforms, offset, bytemuck::cast_slice(&pass.uniform));
            let uniform = wgpu::BufferBinding {
                buffer: &uniforms,
                offset,
                size: wgpu::BufferSize::new(pass.uniform.len().next_multiple_of(4) as u64 * 4),
            };
            let mut entries =
                vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(uniform) }];
            entries.extend(pass.bindings.iter().zip(1..).map(|(&memory, binding)| wgpu::BindGroupEntry {
                binding,
                resource: memories.at(&self.constants, memory).as_entire_binding(),
            }));
            if self.precision == Precision::F16 && pass.kernel.can_overflow() {
                let resource = memories.overflow.as_entire_binding();
                entries.push(wgpu::BindGroupEntry { binding: OVERFLOW, resource });
            }
            let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(&pass.name),
                layout: &self.kernels.get(pass.kernel).get_bind_group_layout(0),
                entries: &entries,
            });
            (pass, group)
        });
        Program { passes: bound.collect() }
    }

    /// The passes for a batch size that was prepared.
    pub(super) fn program(&self, count: usize) -> &Program {
        &self.programs[&count]
    }

    /// The scores of the last batch: the maxima of its anomaly maps. Infinity if a map is not finite.
    ///
    /// # Errors
    /// The device failed, or a result was too large for f16.
    pub async fn scores(&self) -> Result<Vec<f32>> {
        let Some(memories) = &self.memories else { return Ok(Vec::new()) };
        let scores = memories.at(&self.constants, Memory::Scores);
        let bits = self
            .copy_and_read(
                self.encoder(),
                [(&memories.overflow, 1), (scores, self.count)],
                &memories.scores_out,
                <[u32]>::to_vec,
            )
            .await?;
        Ok(floats(told(&bits)?))
    }

    /// The anomaly maps of the last batch.
    ///
    /// # Errors
    /// The device failed.
    pub async fn read_maps(&self) -> Result<Vec<ScoreMap>> {
        let Some(memories) = &self.memories else { return Ok(Vec::new()) };
        let Size { width, height } = self.plan.size;
        let from = memories.at(&self.constants, Memory::Map);
        let words = self.count * width * height;
        let maps = |bits: &[u32]| maps_of(bits, self.plan.size);
        self.copy_and_read(self.encoder(), [(from, words)], &memories.map_out, maps).await
    }

    /// Maps and scores of the batch whose passes are recorded, with one submission and one wait.
    async fn results(&self, encoder: wgpu::CommandEncoder) -> Result<Vec<(ScoreMap, f32)>> {
        let Some(memories) = &self.memories else { return Ok(Vec::new()) };
        let [maps, scores] = [Memory::Map, Memory::Scores].map(|place| memories.at(&self.constants, place));
        let (size, count) = (self.plan.size, self.count);
        let from = [(&memories.overflow, 1), (scores, count), (maps, count * size.area())];
        let taken = |bits: &[u32]| -> Result<Vec<(ScoreMap, f32)>> {
            let (scores, maps) = bits.split_at(1 + count);
            Ok(maps_of(maps, size).into_iter().zip(floats(told(scores)?)).collect())
        };
        self.copy_and_read(encoder, from, &memories.map_out, taken).await?
    }

    fn encoder(&self) -> wgpu::CommandEncoder {
        self.gpu.device.create_command_encoder(&Default::default())
    }

    /// After the recorded passes, copies the first words of some buffers into `to`, and returns what `take`
    /// computes from them.
    async fn copy_and_read<const N: usize, T>(
        &self,
        mut encoder: wgpu::CommandEncoder,
        from: [(&wgpu::Buffer, usize); N],
        to: &wgpu::Buffer,
        take: impl FnOnce(&[u32]) -> T,
    ) -> Result<T> {
        let mut end = 0;
        for (from, words) in from {
            encoder.copy_buffer_to_buffer(from, 0, to, 4 * end as u64, 4 * words as u64);
            end += words;
        }
        self.gpu.submit(encoder);
        self.gpu.read_with(to, |words| take(&words[..end])).await
    }
}

/// The scores, which follow the word that reports results too large for f16.
fn told(bits: &[u32]) -> Result<&[u32]> {
    match bits.split_first() {
        Some((0, scores)) => Ok(scores),
        _ => Err(Error::Device(
            "this model's features are too large for 16-bit floats; use `precision f32`".into(),
        )),
    }
}

/// Read directly from the mapped memory: a batch of maps is many megabytes.
fn maps_of(bits: &[u32], size: Size) -> Vec<ScoreMap> {
    let Size { width, height } = size;
    let map = |bits: &[u32]| ScoreMap { width, height, data: floats(bits) };
    #[cfg(not(target_arch = "wasm32"))]
    if bits.len() > size.area() {
        use rayon::prelude::*;
        return bits.par_chunks_exact(size.area()).map(map).collect();
    }
    bits.chunks_exact(size.area()).map(map).collect()
}

fn floats(bits: &[u32]) -> Vec<f32> {
    bits.iter().map(|&bits| f32::from_bits(bits)).collect()
}

impl Program {
    /// Records passes, one after the other.
    pub fn encode<'a>(
        passes: impl IntoIterator<Item = &'a (Pass<Memory>, wgpu::BindGroup)>,
        encoder: &mut wgpu::CommandEncoder,
        kernels: &Kernels,
    ) {
        let mut compute = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for pass in passes {
            Self::dispatch(pass, &mut compute, kernels);
        }
    }

    /// Records one pass.
    pub fn dispatch(
        (pass, group): &(Pass<Memory>, wgpu::BindGroup),
        compute: &mut wgpu::ComputePass<'_>,
        kernels: &Kernels,
    ) {
        compute.set_pipeline(kernels.get(pass.kernel));
        compute.set_bind_group(0, group, &[]);
        let [x, y, z] = pass.groups;
        compute.dispatch_workgroups(x, y, z);
    }
}
