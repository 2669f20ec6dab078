//! The results of a step: losses, read back while later steps compute.

use crate::gpu::Gpu;
use crate::{Error, Result};
use std::collections::VecDeque;

/// How many results may be in flight at once.
const DEPTH: usize = 3;

/// Whether a step is divided into several submissions; natively one is enough.
const PACED: bool = cfg!(target_arch = "wasm32");

/// About how many milliseconds of work one submission holds in a browser: the GPU draws the page in between.
const SLICE: f64 = 25.0;

/// The most submissions of a step.
const MOST: usize = 64;

/// Buffers for reading back, used in turn.
pub(super) struct Results {
    free: Vec<wgpu::Buffer>,
    pending: VecDeque<Pending>,
    /// Submissions of a step.
    submissions: usize,
    /// When the last step was submitted or its losses taken, by the clock of `seconds`.
    since: f64,
}

/// Seconds on a clock.
fn seconds() -> f64 {
    static START: std::sync::LazyLock<web_time::Instant> = std::sync::LazyLock::new(web_time::Instant::now);
    START.elapsed().as_secs_f64()
}

struct Pending {
    buffer: wgpu::Buffer,
    mapped: async_channel::Receiver<std::result::Result<(), wgpu::BufferAsyncError>>,
    submitted: wgpu::SubmissionIndex,
    words: usize,
}

impl Results {
    /// For up to `words` numbers per step.
    pub fn new(gpu: &Gpu, words: usize) -> Self {
        let buffer = |_| {
            gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("results to read"),
                size: 4 * words.next_multiple_of(4) as u64,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        Self {
            free: (0..DEPTH).map(buffer).collect(),
            pending: VecDeque::new(),
            submissions: if PACED { 8 } else { 1 },
            since: 0.0,
        }
    }

    /// The number of steps whose results have not been taken.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// How many submissions a step should be divided into.
    pub fn submissions(&self) -> usize {
        self.submissions
    }

    /// Ends a step, whose results are at the beginning of each buffer of `from`, with the given number of
    /// words.
    ///
    /// # Errors
    /// The device failed, or all buffers are in use.
    pub fn submit(
        &mut self,
        gpu: &Gpu,
        mut encoder: wgpu::CommandEncoder,
        from: &[(&wgpu::Buffer, usize)],
    ) -> Result<()> {
        let buffer = self.free.pop().ok_or_else(|| Error::Device("a step's losses were not taken".into()))?;
        let mut words = 0;
        for (source, count) in from {
            encoder.copy_buffer_to_buffer(source, 0, &buffer, 4 * words as u64, 4 * *count as u64);
            words += count;
        }
        let submitted = gpu.submit(encoder);
        let (sender, mapped) = async_channel::bounded(1);
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // Sending fails only if the training was dropped.
            let _ = sender.try_send(result);
        });
        if self.pending.is_empty() {
            self.since = seconds();
        }
        self.pending.push_back(Pending { buffer, mapped, submitted, words });
        gpu.check()
    }

    /// The results of the earliest step whose results have not been taken; none if there is no such step.
    ///
    /// # Errors
    /// The device failed.
    pub async fn take(&mut self, gpu: &Gpu) -> Result<Option<Vec<u32>>> {
        let Some(Pending { buffer, mapped, submitted, words }) = self.pending.pop_front() else {
            return Ok(None);
        };
        gpu.wait_for(submitted)?;
        let outcome = mapped.recv().await;
        gpu.check()?;
        if !matches!(outcome, Ok(Ok(()))) {
            return Err(gpu.failed("its memory cannot be read back"));
        }
        let range = buffer.get_mapped_range(..).map_err(|e| gpu.failed(&e.to_string()))?;
        let numbers = bytemuck::cast_slice(&range)[..words].to_vec();
        drop(range);
        buffer.unmap();
        self.free.push(buffer);
        if PACED {
            // The time from the previous step's end, or from this step's submission if that was later.
            let ms = 1e3 * (seconds() - self.since);
            self.submissions = ((ms / SLICE).ceil() as usize).clamp(1, MOST);
            self.since = seconds();
        }
        Ok(Some(numbers))
    }
}
