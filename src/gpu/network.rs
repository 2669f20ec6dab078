//! A detector on the GPU.

use super::adapter::Gpu;
use super::constants::{self, Constants};
use super::heat::Heat;
use super::kernels::Kernels;
use super::memory::{self, Memories, Memory};
use super::pass::Pass;
use super::passes;
use super::tile::{Tile, TileRule};
use crate::inference::{Plan, Slots};
use crate::model::Precision;
use crate::picture::ScoreMap;
use crate::{Error, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// The binding of `shaders/f16.wgsl`.
const OVERFLOW: u32 = 6;

/// A plan whose weights are on the GPU, ready to run on batches of pictures.
#[derive(Debug)]
pub struct Network {
    pub(super) gpu: Arc<Gpu>,
    /// Without its constants.
    pub(super) plan: Plan,
    pub(super) slots: Slots,
    pub(super) constants: Vec<Constants>,
    pub(super) kernels: Kernels,
    pub(super) heat: Option<Heat>,
    tile: TileRule,
    pub(super) precision: Precision,
    /// For the largest batch so far.
    pub(super) memories: Option<Memories>,
    /// By the number of pictures.
    programs: HashMap<usize, Program>,
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

impl Network {
    /// Moves the weights to the GPU and compiles the kernels.
    ///
    /// # Errors
    /// The adapter lacks 16-bit floats, the device is out of memory, or it failed.
    pub fn new(gpu: Arc<Gpu>, plan: Plan, precision: Precision) -> Result<Self> {
        let tile = Tile::rule(gpu.info.device_type);
        Self::with_tiles(gpu, plan, precision, tile)
    }

    pub(super) fn with_tiles(
        gpu: Arc<Gpu>,
        mut plan: Plan,
        precision: Precision,
        tile: TileRule,
    ) -> Result<Self> {
        if precision == Precision::F16 && !gpu.has_half() {
            let name = &gpu.info.name;
            return Err(Error::Device(format!(
                "{name} has no 16-bit floats (shader-f16); use --precision f32"
            )));
        }
        let slots = plan.slots();
        let mut kernels = Kernels::new(precision);
        let passes = passes::all(&plan, &slots, 1, tile);
        kernels.prepare(&gpu, passes.iter().map(|pass| pass.kernel))?;
        let constants = constants::take(&gpu, &mut plan, precision)?;
        let most = memory::most_pictures(&gpu, &plan, &slots, precision);
        let (memories, programs) = (None, HashMap::new());
        Ok(Self {
            gpu,
            plan,
            slots,
            constants,
            kernels,
            heat: None,
            tile,
            precision,
            memories,
            programs,
            most,
            count: 0,
        })
    }

    /// The side of the pictures and maps.
    pub fn size(&self) -> usize {
        self.plan.size
    }

    /// The largest batch that the device has room for in its largest buffer.
    pub fn most_pictures(&self) -> usize {
        self.most
    }

    /// Anomaly maps and scores of `count` pictures given as normalised pixels `[count, 3, S, S]`, in as many
    /// batches as the device's memory asks for.
    ///
    /// # Errors
    /// The device failed, the pixels are not as many, or features were too large for f16.
    pub async fn maps(&mut self, pixels: &[f32], count: usize) -> Result<Vec<(ScoreMap, f32)>> {
        let picture = 3 * self.plan.size * self.plan.size;
        let mut found = Vec::with_capacity(count);
        for batch in pixels.chunks(picture * self.most) {
            self.submit(batch, batch.len() / picture)?;
            let scores = self.scores().await?;
            let maps = self.read_maps().await?;
            found.extend(maps.into_iter().zip(scores));
        }
        match found.len() == count {
            true => Ok(found),
            false => Err(Error::Setting(format!("pixels for {} pictures, not {count}", found.len()))),
        }
    }

    /// Hands one batch to the GPU and returns at once; [`Self::scores`], [`Self::read_maps`] and [`Self::heat`]
    /// are then about it.
    ///
    /// # Errors
    /// The device failed, or the pixels are not `[count, 3, S, S]` of a batch that it has room for.
    pub fn submit(&mut self, pixels: &[f32], count: usize) -> Result<()> {
        let expected = 3 * self.plan.size * self.plan.size * count;
        if pixels.len() != expected || count == 0 || count > self.most {
            let reason = format!(
                "{} numbers for {count} pictures, expected {expected} for at most {}",
                pixels.len(),
                self.most
            );
            return Err(Error::Setting(reason));
        }
        self.prepare(count)?;
        self.count = count;
        let memories = self.memories.as_ref().expect("prepared");
        let target = memories.at(&self.constants, Memory::Pixels);
        self.gpu.queue.write_buffer(target, 0, bytemuck::cast_slice(pixels));
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        encoder.clear_buffer(&memories.overflow, 0, None);
        self.programs[&count].encode(&mut encoder, &self.kernels);
        self.gpu.queue.submit([encoder.finish()]);
        self.gpu.check()
    }

    /// Memory and program for `count` pictures.
    pub(super) fn prepare(&mut self, count: usize) -> Result<()> {
        if self.memories.as_ref().is_none_or(|memories| memories.pictures < count) {
            // The old memory goes before the new is asked for.
            self.programs.clear();
            self.memories = None;
            self.memories = Some(Memories::new(&self.gpu, &self.plan, &self.slots, self.precision, count));
        }
        if !self.programs.contains_key(&count) {
            let passes = passes::all(&self.plan, &self.slots, count as u32, self.tile);
            self.kernels.prepare(&self.gpu, passes.iter().map(|pass| pass.kernel))?;
            self.programs.insert(count, self.bind(passes));
        }
        self.gpu.check()
    }

    /// Gives passes their memory.
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
            self.gpu.queue.write_buffer(&uniforms, offset, bytemuck::cast_slice(&pass.uniform));
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

    /// The passes of a batch size that was prepared.
    pub(super) fn program(&self, count: usize) -> &Program {
        &self.programs[&count]
    }

    /// The scores of the last batch: the maxima of its anomaly maps. Infinity where a map is not finite.
    ///
    /// # Errors
    /// The device failed, or a result was too large for f16.
    pub async fn scores(&self) -> Result<Vec<f32>> {
        let Some(memories) = &self.memories else { return Ok(Vec::new()) };
        let from = [&memories.overflow, memories.at(&self.constants, Memory::Scores)];
        let bits = self.copy_and_read([(from[0], 1), (from[1], self.count)], &memories.scores_out).await?;
        match bits.split_first() {
            Some((0, scores)) => Ok(floats(scores)),
            _ => Err(Error::Device(
                "this model's features are too large for 16-bit floats; use --precision f32".into(),
            )),
        }
    }

    /// The anomaly maps of the last batch.
    ///
    /// # Errors
    /// The device failed.
    pub async fn read_maps(&self) -> Result<Vec<ScoreMap>> {
        let Some(memories) = &self.memories else { return Ok(Vec::new()) };
        let side = self.plan.size;
        let from = memories.at(&self.constants, Memory::Map);
        let bits = self.copy_and_read([(from, self.count * side * side)], &memories.map_out).await?;
        let values = floats(&bits);
        let maps = values.chunks_exact(side * side);
        Ok(maps.map(|map| ScoreMap { width: side, height: side, data: map.to_vec() }).collect())
    }

    /// The first words of some buffers, by way of another.
    async fn copy_and_read<const N: usize>(
        &self,
        from: [(&wgpu::Buffer, usize); N],
        to: &wgpu::Buffer,
    ) -> Result<Vec<u32>> {
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        let mut end = 0;
        for (from, words) in from {
            encoder.copy_buffer_to_buffer(from, 0, to, 4 * end as u64, 4 * words as u64);
            end += words;
        }
        self.gpu.queue.submit([encoder.finish()]);
        let mut bits = self.gpu.read(to).await?;
        bits.truncate(end);
        Ok(bits)
    }
}

fn floats(bits: &[u32]) -> Vec<f32> {
    bits.iter().map(|&bits| f32::from_bits(bits)).collect()
}

impl Program {
    /// All passes, one after the other.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder, kernels: &Kernels) {
        let mut compute = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for pass in &self.passes {
            Self::dispatch(pass, &mut compute, kernels);
        }
    }

    /// One pass.
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
