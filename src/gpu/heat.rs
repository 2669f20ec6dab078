//! The heat map of a picture in a texture, without a detour through the CPU.

use super::memory::Memory;
use super::network::GpuNetwork;
use super::shaders::Shader;
use super::uniforms::{Color, words};
use crate::picture::color;
use crate::{Error, Result};
use wgpu::util::DeviceExt;

/// Samples of the color scale: enough that neighbors differ by at most one step of 256.
const COLORS: usize = 1024;

/// Side in pixels of the square that a workgroup colors.
pub(super) const SIDE: u32 = 8;

/// The color table on the GPU, and the pass's uniform.
#[derive(Debug)]
pub(super) struct Heat {
    table: wgpu::Buffer,
    scale: wgpu::Buffer,
}

impl Heat {
    fn new(device: &wgpu::Device) -> Self {
        let entry = |i: usize| {
            let [red, green, blue] = color((i as f64 + 0.5) / COLORS as f64).0.map(u32::from);
            red | green << 8 | blue << 16
        };
        let table: Vec<u32> = (0..COLORS).map(entry).collect();
        let table = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("colors"),
            contents: bytemuck::cast_slice(&table),
            usage: wgpu::BufferUsages::STORAGE,
        });
        let scale = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("scale"),
            size: 32,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self { table, scale }
    }
}

impl GpuNetwork {
    /// Colors the anomaly map of one picture of the last batch into `texture`, which has the map's size, is of the
    /// format `Rgba8Unorm` and has the usage `STORAGE_BINDING`, as [`crate::detection::heat_map`] does. With
    /// `see_through` the result is to be laid over the picture, as [`crate::detection::overlay`] does at full strength;
    /// its colors are premultiplied by the opacity.
    ///
    /// # Errors
    /// There is no such picture, or the device failed.
    pub fn heat(
        &mut self,
        picture: usize,
        threshold: f64,
        see_through: bool,
        texture: &wgpu::TextureView,
    ) -> Result<()> {
        let Some(memories) = self.memories.as_ref().filter(|_| picture < self.count) else {
            return Err(Error::Setting(format!("picture {picture} of a batch of {}", self.count)));
        };
        self.kernels.prepare(&self.gpu, [Shader::Color])?;
        let device = &self.gpu.device;
        let heat = self.heat.get_or_insert_with(|| Heat::new(device));
        let (width, height) = self.plan.size.pixels();
        let scale = words(Color {
            width,
            height,
            picture: picture as u32,
            colors: COLORS as u32,
            threshold: threshold as f32,
            see_through: u32::from(see_through),
        });
        self.gpu.write(&heat.scale, 0, bytemuck::cast_slice(&scale));
        let pipeline = self.kernels.get(Shader::Color);
        let map = memories.at(&self.constants, Memory::Map);
        let entries =
            [heat.scale.as_entire_binding(), map.as_entire_binding(), heat.table.as_entire_binding()];
        let mut entries: Vec<wgpu::BindGroupEntry<'_>> = entries
            .into_iter()
            .zip(0..)
            .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource })
            .collect();
        entries
            .push(wgpu::BindGroupEntry { binding: 3, resource: wgpu::BindingResource::TextureView(texture) });
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("heat map"),
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        {
            let mut compute = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            compute.set_pipeline(pipeline);
            compute.set_bind_group(0, &group, &[]);
            compute.dispatch_workgroups(width.div_ceil(SIDE), height.div_ceil(SIDE), 1);
        }
        self.gpu.submit(encoder);
        self.gpu.check()
    }
}
