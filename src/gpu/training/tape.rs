//! The tape: all passes of a training step in order, forward and backward, with the memory that they share.
//!
//! Backbone, size and batch fix the graph of a step, so it is recorded once. Features and gradients that are never
//! needed at the same time share memory, as in detection.

use crate::gpu::Gpu;
use crate::gpu::pass::{Bound, Pass, each_row};
use crate::gpu::shaders::{Kernels, Shader};
use crate::gpu::tile::{self, TileRule};
use crate::gpu::uniforms::{Rows, Sum, bound};
use crate::{Error, Result};

/// A piece of memory on a tape.
pub(super) type Id = usize;

/// A feature `[picture][y][x][channel]` on a tape, or a slice of the channels of a wider one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Feature {
    pub id: Id,
    pub height: u32,
    pub width: u32,
    /// Quads of channels.
    pub channels: u32,
    /// Quads from one pixel to the next, and from the pixel's first quad to the slice's first.
    pub pixel: u32,
    pub offset: u32,
}

impl Feature {
    /// Positions of one picture.
    pub fn positions(self) -> u32 {
        self.height * self.width
    }

    /// Quads of one picture of a whole feature.
    pub fn quads(self) -> u32 {
        self.positions() * self.channels
    }
}

/// Which rate and epsilon an optimizer pass receives in every step: an index into [`Step::optimizers`].
pub(super) type Learner = usize;

/// What changes from step to step.
#[derive(Clone, Debug, Default)]
pub(super) struct Step {
    /// Rate and epsilon with bias corrections, by [`Learner`]; none if there is nothing to learn.
    pub optimizers: Vec<Option<[f32; 2]>>,
}

/// A pass and, if it is an optimizer pass, its learner.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub pass: Pass<Id>,
    pub learner: Option<Learner>,
}

enum Memory {
    /// Lives as long as the training.
    Kept(wgpu::Buffer),
    /// This many quads, needed from the first pass that uses it to the last.
    Temporary(usize),
}

/// Passes while they are being recorded.
pub(super) struct Tape {
    pub tile: TileRule,
    /// Pictures of a batch.
    pub pictures: u32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// If the number of rows changes from step to step: the number for which kernels and memory are chosen.
    pub most_rows: Option<u32>,
    /// The same for quads of outputs.
    pub most_columns: Option<u32>,
    memory: Vec<Memory>,
    pub entries: Vec<Entry>,
    /// Set to 1 if a number is not finite.
    pub broken: Id,
    /// For partial sums that are shared among workgroups.
    pub products: Id,
    /// Bound where a kernel requires memory that it will not use.
    pub nothing: Id,
}

/// Memory that all tapes of a training share.
pub(super) struct Common {
    pub broken: wgpu::Buffer,
    products: wgpu::Buffer,
    nothing: wgpu::Buffer,
    /// The buffers for temporary memory, the largest first.
    slots: Vec<wgpu::Buffer>,
}

impl Common {
    pub fn new(gpu: &Gpu) -> Self {
        Self {
            broken: buffer(gpu, "broken", 4),
            products: buffer(gpu, "parts of sums", 4 * tile::PARTS),
            nothing: buffer(gpu, "nothing", 256),
            slots: Vec::new(),
        }
    }
}

/// A buffer of `bytes` bytes, initially zero.
pub(super) fn buffer(gpu: &Gpu, label: &str, bytes: usize) -> wgpu::Buffer {
    use wgpu::BufferUsages as Use;
    gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: bytes.next_multiple_of(16).max(16) as u64,
        usage: Use::STORAGE | Use::COPY_SRC | Use::COPY_DST,
        mapped_at_creation: false,
    })
}

impl Tape {
    pub fn new(tile: TileRule, pictures: usize, beta1: f32, common: &Common) -> Self {
        let mut tape = Self {
            tile,
            pictures: pictures as u32,
            beta1,
            most_rows: None,
            most_columns: None,
            memory: Vec::new(),
            entries: Vec::new(),
            broken: 0,
            products: 0,
            nothing: 0,
        };
        tape.broken = tape.keep(&common.broken);
        tape.products = tape.keep(&common.products);
        tape.nothing = tape.keep(&common.nothing);
        tape
    }

    /// Adds memory that already exists.
    pub fn keep(&mut self, buffer: &wgpu::Buffer) -> Id {
        self.memory.push(Memory::Kept(buffer.clone()));
        self.memory.len() - 1
    }

    /// Adds temporary memory for the step.
    pub fn temporary(&mut self, quads: u32) -> Id {
        self.memory.push(Memory::Temporary(quads as usize));
        self.memory.len() - 1
    }

    /// Adds a whole feature in temporary memory.
    pub fn feature(&mut self, channels: u32, height: u32, width: u32) -> Feature {
        let id = self.temporary(self.pictures * height * width * channels);
        Feature { id, height, width, channels, pixel: channels, offset: 0 }
    }

    /// Copies a feature of the same shape.
    pub fn copy(&mut self, from: Feature, to: Feature) {
        let rows = self.pictures * from.positions();
        let uniform = Rows {
            rows,
            channels: from.channels,
            in_pixel: from.pixel,
            in_offset: from.offset,
            out_pixel: to.pixel,
            out_offset: to.offset,
            listed: 0,
            unit: 0,
        };
        let bindings = vec![from.id, self.nothing, to.id];
        self.push("copy", bound(Shader::Rows, uniform, bindings, each_row(rows)));
    }

    /// The sum of `count` numbers times `factor`, written to position `place` of `to`.
    pub fn sum(&mut self, name: &str, from: Id, count: u32, [to, place]: [usize; 2], factor: f32) {
        let groups = [u32::from(count > 0), 1, 1];
        let uniform = Sum { count, place: place as u32, factor };
        self.push(name, bound(Shader::Sum, uniform, vec![from, to], groups));
    }

    pub fn push(&mut self, name: &str, (kernel, uniform, bindings, groups): Bound<Id>) {
        let pass = Pass { name: name.into(), kernel, uniform, bindings, groups };
        self.entries.push(Entry { pass, learner: None });
    }

    /// A pass of the optimizer, whose uniform begins with rate and epsilon.
    pub fn learn(&mut self, name: &str, learner: Learner, bound: Bound<Id>) {
        self.push(name, bound);
        self.entries.last_mut().expect("just pushed").learner = Some(learner);
    }

    /// Every kernel that is used.
    pub fn kernels(&self) -> impl Iterator<Item = Shader> {
        self.entries.iter().map(|entry| entry.pass.kernel)
    }

    /// The passes and their memory, without the state for recording.
    pub fn into_parts(self) -> Passes {
        Passes { memory: self.memory, entries: self.entries }
    }
}

/// Passes that have no memory yet.
pub(super) struct Passes {
    memory: Vec<Memory>,
    entries: Vec<Entry>,
}

impl Passes {
    /// Binds the passes to memory.
    ///
    /// # Errors
    /// The device is out of memory, or a piece is larger than it allows.
    pub fn finish(self, gpu: &Gpu, common: &mut Common, kernels: &Kernels) -> Result<Program> {
        let slot_of = self.place(gpu, common)?;
        let uniforms = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("uniforms"),
            size: UNIFORM * self.entries.len().max(1) as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let at = |id: Id| match &self.memory[id] {
            Memory::Kept(buffer) => buffer,
            Memory::Temporary(_) => &common.slots[slot_of[id]],
        };
        let groups = self.entries.iter().enumerate().map(|(i, Entry { pass, .. })| {
            let uniform = wgpu::BufferBinding {
                buffer: &uniforms,
                offset: UNIFORM * i as u64,
                size: wgpu::BufferSize::new(pass.uniform.len().next_multiple_of(4) as u64 * 4),
            };
            let mut entries =
                vec![wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(uniform) }];
            entries.extend(pass.bindings.iter().zip(1..).map(|(&id, binding)| wgpu::BindGroupEntry {
                binding,
                resource: at(id).as_entire_binding(),
            }));
            gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(&pass.name),
                layout: &kernels.get(pass.kernel).get_bind_group_layout(0),
                entries: &entries,
            })
        });
        let groups = groups.collect();
        gpu.check()?;
        Ok(Program { entries: self.entries, groups, uniforms, words: Vec::new() })
    }

    /// The slot of each piece of memory. A slot is free again after the last pass that uses its content.
    fn place(&self, gpu: &Gpu, common: &mut Common) -> Result<Vec<usize>> {
        let mut lives: Vec<Option<[usize; 2]>> = vec![None; self.memory.len()];
        for (i, entry) in self.entries.iter().enumerate() {
            for &id in &entry.pass.bindings {
                let first = lives[id].map_or(i, |[first, _]| first);
                lives[id] = Some([first, i]);
            }
        }
        let quads = |id: Id| match self.memory[id] {
            Memory::Temporary(quads) => Some(quads),
            Memory::Kept(_) => None,
        };
        let mut order: Vec<(Id, usize, [usize; 2])> =
            (0..lives.len()).filter_map(|id| Some((id, quads(id)?, lives[id]?))).collect();
        order.sort_by_key(|&(_, _, [first, _])| first);
        // For each slot its quads, and the last pass that needs its content.
        let mut slots: Vec<[usize; 2]> = Vec::new();
        let mut of = vec![0; lives.len()];
        for (id, quads, [first, last]) in order {
            let waste = |slot: &usize| {
                let has = slots[*slot][0];
                if has >= quads { (0, has - quads) } else { (1, quads - has) }
            };
            let free = (0..slots.len()).filter(|&slot| slots[slot][1] < first).min_by_key(waste);
            let slot = free.unwrap_or_else(|| {
                slots.push([0, 0]);
                slots.len() - 1
            });
            slots[slot] = [slots[slot][0].max(quads), last];
            of[id] = slot;
        }
        // Slots are assigned to buffers by size, so that a smaller batch fits into the memory of a larger
        // one.
        let mut by_size: Vec<usize> = (0..slots.len()).collect();
        by_size.sort_by_key(|&slot| std::cmp::Reverse(slots[slot][0]));
        let limits = gpu.device.limits();
        let allowed = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let mut rank = vec![0; slots.len()];
        for (place, slot) in by_size.into_iter().enumerate() {
            let bytes = 16 * slots[slot][0];
            if bytes as u64 > allowed {
                return Err(Error::Device(format!(
                    "{} allows {} MB in one piece, and this training needs {} MB; use a smaller `batch` or `size`, \
                     or `device cpu`",
                    gpu.info.name,
                    allowed >> 20,
                    bytes >> 20
                )));
            }
            rank[slot] = place;
            match common.slots.get(place) {
                Some(there) if there.size() >= bytes as u64 => {}
                Some(_) => common.slots[place] = buffer(gpu, "slot", bytes),
                None => common.slots.push(buffer(gpu, "slot", bytes)),
            }
        }
        Ok(of.into_iter().map(|slot| rank.get(slot).copied().unwrap_or(0)).collect())
    }
}

/// Bytes between two uniforms: the alignment that every device allows.
const UNIFORM: u64 = 256;

/// The passes of a step with their memory.
pub(super) struct Program {
    pub entries: Vec<Entry>,
    groups: Vec<wgpu::BindGroup>,
    uniforms: wgpu::Buffer,
    words: Vec<u32>,
}

impl Program {
    /// If a step has another number of rows: gives the passes from `first` on the uniforms and workgroups of `others`,
    /// which are passes of the same kinds. The memory stays the same.
    pub fn resize(&mut self, first: usize, others: Vec<Entry>) {
        for (entry, Entry { pass, .. }) in self.entries[first..].iter_mut().zip(others) {
            debug_assert_eq!((entry.pass.kernel, &entry.pass.name), (pass.kernel, &pass.name));
            (entry.pass.uniform, entry.pass.groups) = (pass.uniform, pass.groups);
        }
    }

    /// The number of dispatches in a step.
    pub fn dispatches(&self) -> usize {
        self.entries.len()
    }

    /// Writes the step's numbers, to arrive before the next submission's commands.
    pub fn prepare(&mut self, gpu: &Gpu, step: &Step) {
        let stride = (UNIFORM / 4) as usize;
        self.words.clear();
        self.words.resize(stride * self.entries.len(), 0);
        for (Entry { pass, learner }, words) in self.entries.iter().zip(self.words.chunks_exact_mut(stride)) {
            words[..pass.uniform.len()].copy_from_slice(&pass.uniform);
            if let Some([rate, epsilon]) = learner.and_then(|learner| step.optimizers[learner]) {
                words[..2].copy_from_slice(&[rate.to_bits(), epsilon.to_bits()]);
            }
        }
        gpu.write(&self.uniforms, 0, bytemuck::cast_slice(&self.words));
    }

    /// Runs the passes in a submission of their own.
    pub fn run_once(&mut self, gpu: &Gpu, kernels: &Kernels) {
        let step = Step::default();
        self.prepare(gpu, &step);
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        self.encode(gpu, &mut encoder, kernels, &step, 1);
        gpu.submit(encoder);
    }

    /// Records the passes, except those with nothing to learn or compute, in several equal parts, and submits all
    /// parts but the last to the GPU.
    pub fn encode(
        &self,
        gpu: &Gpu,
        encoder: &mut wgpu::CommandEncoder,
        kernels: &Kernels,
        step: &Step,
        submissions: usize,
    ) {
        let part = self.entries.len().div_ceil(submissions.max(1)).max(1);
        let all = self.entries.iter().zip(&self.groups).collect::<Vec<_>>();
        for (i, some) in all.chunks(part).enumerate() {
            if i > 0 {
                let next = gpu.device.create_command_encoder(&Default::default());
                gpu.submit(std::mem::replace(encoder, next));
            }
            let mut compute = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for (Entry { pass, learner }, group) in some {
                let idle = learner.is_some_and(|learner| step.optimizers[learner].is_none());
                let [x, y, z] = pass.groups;
                if idle || x * y * z == 0 {
                    continue;
                }
                compute.set_pipeline(kernels.get(pass.kernel));
                compute.set_bind_group(0, *group, &[]);
                compute.dispatch_workgroups(x, y, z);
            }
        }
    }
}
