//! How long each pass takes.

use super::network::{GpuNetwork, Program};
use crate::{Error, Result};

/// One pass of a run and its time.
#[derive(Clone, Debug, PartialEq)]
pub struct PassTime {
    /// The layer, as in the plan.
    pub name: String,
    /// The kernel that computes it.
    pub kernel: String,
    /// Milliseconds on the GPU, by its own clock.
    pub ms: f64,
}

impl GpuNetwork {
    /// Whether the adapter can measure how long a pass takes.
    pub fn has_clock(&self) -> bool {
        self.gpu.device.features().contains(wgpu::Features::TIMESTAMP_QUERY)
    }

    /// Runs a batch of `count` pictures, with whatever pixels are in memory, with a timestamp before and after
    /// each pass.
    ///
    /// # Errors
    /// The adapter has no timestamps, there are too many pictures, or the device failed.
    pub async fn profile(&mut self, count: usize) -> Result<Vec<PassTime>> {
        if !self.has_clock() {
            let name = &self.gpu.info.name;
            return Err(Error::Device(format!("{name} has no time stamps; there are no times per layer")));
        }
        if count == 0 || count > self.most_pictures() {
            let most = self.most_pictures();
            return Err(Error::Setting(format!("a batch of {count}; possible are 1 to {most}")));
        }
        self.prepare(count)?;
        self.count = count;
        let device = &self.gpu.device;
        let program = self.program(count);
        let stamps = 2 * program.passes.len() as u32;
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("time stamps"),
            ty: wgpu::QueryType::Timestamp,
            count: stamps,
        });
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("time stamps"),
                size: 8 * u64::from(stamps),
                usage,
                mapped_at_creation: false,
            })
        };
        let resolved = buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
        let read = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        let mut encoder = device.create_command_encoder(&Default::default());
        for (pass, first) in program.passes.iter().zip((0..).step_by(2)) {
            let mut compute = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some(&pass.0.name),
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: &queries,
                    beginning_of_pass_write_index: Some(first),
                    end_of_pass_write_index: Some(first + 1),
                }),
            });
            Program::dispatch(pass, &mut compute, &self.kernels);
        }
        encoder.resolve_query_set(&queries, 0..stamps, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &read, 0, 8 * u64::from(stamps));
        self.gpu.submit(encoder);
        let words = self.gpu.read(&read).await?;
        let stamp = |i: usize| u64::from(words[2 * i]) | u64::from(words[2 * i + 1]) << 32;
        let tick = self.gpu.tick_ms();
        let times = program.passes.iter().enumerate().map(|(i, (pass, _))| PassTime {
            name: pass.name.clone(),
            kernel: format!("{:?}", pass.kernel),
            ms: stamp(2 * i + 1).saturating_sub(stamp(2 * i)) as f64 * tick,
        });
        Ok(times.collect())
    }
}
