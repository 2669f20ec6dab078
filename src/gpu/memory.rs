//! The GPU memory that passes read and write.

use super::adapter::Gpu;
use super::constants::Constants;
use super::tile::{self, Tiles};
use super::{finish, layout};
use crate::inference::{Plan, Slots};
use crate::model::Precision;
use crate::picture::normalized_values;
use wgpu::util::DeviceExt;

/// Names a buffer in the GPU's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// The pictures as submitted: normalized, `[picture][3][S][S]`, or as bytes, `[picture][S][S][3]`.
    Pixels,
    /// The table of normalized values, by channel and byte.
    Normalized,
    /// Features, by slot of the plan's memory.
    Slot(usize),
    /// The input of Winograd's products.
    Transformed,
    /// Winograd's products, or the partial sums of a convolution whose input channels are shared among
    /// workgroups.
    Products,
    /// Weight or position encoding of a step.
    Values(usize),
    /// Bias of a step.
    Bias(usize),
    /// The Gaussian's taps.
    Taps,
    /// The summed map, then the finished anomaly map, `[picture][S][S]`.
    Map,
    /// The map after smoothing along one axis.
    Half,
    /// The scores.
    Scores,
}

/// All buffers that are allocated once for batches of up to a certain size, and reused for every batch.
#[derive(Debug)]
pub(super) struct Memories {
    /// Pictures in the largest batch.
    pub pictures: usize,
    pixels: wgpu::Buffer,
    normalized: wgpu::Buffer,
    slots: Vec<wgpu::Buffer>,
    transformed: wgpu::Buffer,
    products: wgpu::Buffer,
    taps: wgpu::Buffer,
    map: wgpu::Buffer,
    half: wgpu::Buffer,
    scores: wgpu::Buffer,
    /// Not 0 once a result was too large for f16.
    pub overflow: wgpu::Buffer,
    /// Overflow, scores and maps are copied here to be read, in this order.
    pub map_out: wgpu::Buffer,
    /// The same for overflow and scores only.
    pub scores_out: wgpu::Buffer,
}

/// Bytes per picture, by slot.
fn slot_bytes(plan: &Plan, slots: &Slots, precision: Precision) -> Vec<usize> {
    let mut bytes = vec![0; slots.numbers.len()];
    for (buffer, &slot) in slots.of.iter().enumerate() {
        bytes[slot] = bytes[slot].max(layout::bytes(plan, buffer, precision));
    }
    bytes
}

/// The largest batch whose buffers the device allows.
pub(super) fn most_pictures(
    gpu: &Gpu,
    plan: &Plan,
    slots: &Slots,
    precision: Precision,
    tiles: Tiles,
) -> usize {
    let limits = gpu.device.limits();
    let allowed = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    let patches = tiles.numbers(plan, 1).map(|numbers| precision.bytes() * numbers);
    let pixels = 4 * 3 * plan.size.area();
    let largest = slot_bytes(plan, slots, precision).into_iter().chain(patches).fold(pixels, usize::max);
    let groups = limits.max_compute_workgroups_per_dimension as usize;
    ((allowed / largest as u64) as usize).clamp(1, groups)
}

impl Memories {
    pub fn new(
        gpu: &Gpu,
        plan: &Plan,
        slots: &Slots,
        precision: Precision,
        tiles: Tiles,
        pictures: usize,
    ) -> Self {
        use wgpu::BufferUsages as Use;
        let whole = |label: &str, bytes: usize, usage: Use| {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: bytes as u64,
                usage,
                mapped_at_creation: false,
            })
        };
        let buffer = |label: &str, numbers: usize, usage: Use| whole(label, 4 * pictures * numbers, usage);
        // If no layer is computed that way, a buffer still has to exist.
        let [transformed, products] = tiles.numbers(plan, pictures);
        let [transformed, products] =
            [transformed.max(4), products.max(tile::PARTS)].map(|n| precision.bytes() * n);
        let pixels = plan.size.area();
        let features = Use::STORAGE | Use::COPY_SRC | Use::COPY_DST;
        let slot = |(i, bytes): (usize, usize)| whole(&format!("slot {i}"), pictures * bytes, features);
        Self {
            pictures,
            pixels: buffer("pixels", 3 * pixels, Use::STORAGE | Use::COPY_DST),
            slots: slot_bytes(plan, slots, precision).into_iter().enumerate().map(slot).collect(),
            transformed: whole("Winograd's input", transformed, Use::STORAGE),
            products: whole("Winograd's products", products, Use::STORAGE),
            normalized: gpu.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("normalized values"),
                contents: bytemuck::cast_slice(&normalized_values()),
                usage: Use::STORAGE,
            }),
            taps: gpu.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("Gaussian"),
                contents: bytemuck::cast_slice(&finish::taps(plan.size)),
                usage: Use::STORAGE,
            }),
            map: buffer("map", pixels, Use::STORAGE | Use::COPY_SRC),
            half: buffer("half-smoothed map", pixels, Use::STORAGE),
            scores: buffer("scores", 1, Use::STORAGE | Use::COPY_SRC),
            overflow: whole("overflow", 4, features),
            map_out: whole("maps to read", 4 * (1 + pictures * (1 + pixels)), Use::MAP_READ | Use::COPY_DST),
            scores_out: whole("scores to read", 4 * (1 + pictures), Use::MAP_READ | Use::COPY_DST),
        }
    }

    /// The buffer that `memory` names.
    pub fn at<'a>(&'a self, constants: &'a [Constants], memory: Memory) -> &'a wgpu::Buffer {
        let constant =
            |buffer: &'a Option<wgpu::Buffer>| buffer.as_ref().expect("the step has this constant");
        match memory {
            Memory::Pixels => &self.pixels,
            Memory::Normalized => &self.normalized,
            Memory::Slot(slot) => &self.slots[slot],
            Memory::Transformed => &self.transformed,
            Memory::Products => &self.products,
            Memory::Values(step) => constant(&constants[step].values),
            Memory::Bias(step) => constant(&constants[step].bias),
            Memory::Taps => &self.taps,
            Memory::Map => &self.map,
            Memory::Half => &self.half,
            Memory::Scores => &self.scores,
        }
    }
}
