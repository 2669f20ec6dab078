//! The GPU itself: which adapters there are, the device, and what went wrong on it.

use super::matrix_units::{self, MatrixUnits};
use crate::{Error, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use wgpu::DeviceType;

/// All adapters that can compute: real GPUs first (discrete, integrated, virtual), then software.
pub async fn adapters() -> Vec<wgpu::Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let mut found = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    found.sort_by_key(|adapter| match adapter.get_info().device_type {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    });
    found
}

/// How much a device was given to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Submissions.
    pub submissions: usize,
    /// How often the program waited for the device.
    pub waits: usize,
}

/// An open device with its queue.
#[derive(Debug)]
pub struct Gpu {
    /// Name, kind and driver.
    pub info: wgpu::AdapterInfo,
    pub(crate) device: wgpu::Device,
    /// Private, so that every submission is counted.
    queue: wgpu::Queue,
    submissions: AtomicUsize,
    waits: AtomicUsize,
    failure: Arc<Mutex<Option<String>>>,
    /// Kept to test its matrix units, if it lists any.
    adapter: Option<wgpu::Adapter>,
    matrix_units: OnceLock<MatrixUnits>,
}

impl Gpu {
    /// Opens a device on the first of [`adapters`].
    ///
    /// # Errors
    /// There is none, or it cannot be opened.
    pub async fn open() -> Result<Self> {
        match adapters().await.first() {
            Some(adapter) => Self::on(adapter).await,
            None => Err(Error::Device("no GPU found; install its driver, or use `device cpu`".into())),
        }
    }

    /// Opens a device on `adapter`, with all the memory that it grants.
    ///
    /// # Errors
    /// The adapter cannot be opened.
    pub async fn on(adapter: &wgpu::Adapter) -> Result<Self> {
        let info = adapter.get_info();
        let plain = wgpu::DeviceDescriptor {
            label: Some("aand"),
            required_features: adapter.features()
                & (wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SHADER_F16),
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let opened = match matrix_units::requested(adapter, &plain) {
            // Experimental features may be refused.
            Some(descriptor) => match adapter.request_device(&descriptor).await {
                Ok(opened) => Ok(opened),
                Err(_) => adapter.request_device(&plain).await,
            },
            None => adapter.request_device(&plain).await,
        };
        let (device, queue) = opened.map_err(|e| {
            Error::Device(format!("cannot open {}: {e}; update its driver, or use `device cpu`", info.name))
        })?;
        let adapter = matrix_units::listed(&device).then(|| adapter.clone());
        Ok(Self { adapter, ..Self::with(info, device, queue) })
    }

    /// Uses an existing device, for example a canvas's.
    pub fn with(info: wgpu::AdapterInfo, device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let failure = Arc::new(Mutex::new(None));
        let keep = |failure: &Arc<Mutex<Option<String>>>| {
            let failure = Arc::clone(failure);
            // Only the first failure is kept: it is the cause of those that follow.
            move |what: String| {
                failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
            }
        };
        let (error, lost) = (keep(&failure), keep(&failure));
        device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| error(e.to_string())));
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                lost(format!("the device was lost: {message}"));
            }
        });
        Self {
            info,
            device,
            queue,
            submissions: AtomicUsize::new(0),
            waits: AtomicUsize::new(0),
            failure,
            adapter: None,
            matrix_units: OnceLock::new(),
        }
    }

    /// Whether the device computes with f16 (`shader-f16`).
    pub fn has_half(&self) -> bool {
        self.device.features().contains(wgpu::Features::SHADER_F16)
    }

    /// Whether the device has usable matrix units; the first call tests them.
    pub fn matrix_units(&self) -> &MatrixUnits {
        let tested = || self.adapter.as_ref().map_or(MatrixUnits::Absent, matrix_units::test);
        self.matrix_units.get_or_init(tested)
    }

    /// Fails if anything has gone wrong on the device so far: nothing that it computes afterwards can be
    /// trusted.
    ///
    /// # Errors
    /// Something has gone wrong.
    pub fn check(&self) -> Result<()> {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(what) => Err(self.failed(what)),
            None => Ok(()),
        }
    }

    pub(crate) fn failed(&self, what: &str) -> Error {
        let what = what.replace('\n', " ");
        Error::Device(format!("{} failed: {what}; use a smaller `batch`, or `device cpu`", self.info.name))
    }

    /// Submits commands to the GPU and returns at once.
    pub(crate) fn submit(&self, encoder: wgpu::CommandEncoder) -> wgpu::SubmissionIndex {
        self.submissions.fetch_add(1, Ordering::Relaxed);
        self.queue.submit([encoder.finish()])
    }

    /// Writes to a buffer, before the commands of the next submission.
    pub(crate) fn write(&self, buffer: &wgpu::Buffer, offset: u64, bytes: &[u8]) {
        self.queue.write_buffer(buffer, offset, bytes);
    }

    /// Writes slices one after the other to the beginning of a buffer, as [`Self::write`] does; their total length must
    /// be whole words.
    ///
    /// # Errors
    /// The device is out of memory.
    pub(crate) fn write_parts(&self, buffer: &wgpu::Buffer, parts: &[&[u8]]) -> Result<()> {
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        let Some(size) = wgpu::BufferSize::new(bytes) else { return Ok(()) };
        let mut view = self
            .queue
            .write_buffer_with(buffer, 0, size)
            .ok_or_else(|| self.failed("its memory cannot be written"))?;
        let mut first = 0;
        for part in parts {
            view.slice(first..first + part.len()).copy_from_slice(part);
            first += part.len();
        }
        Ok(())
    }

    /// Shows a canvas's next picture.
    #[cfg(target_arch = "wasm32")]
    pub(crate) fn present(&self, frame: wgpu::SurfaceTexture) {
        self.queue.present(frame);
    }

    /// Milliseconds from one tick of the GPU's clock to the next.
    pub(crate) fn tick_ms(&self) -> f64 {
        f64::from(self.queue.get_timestamp_period()) * 1e-6
    }

    /// The number of submissions and of waits so far.
    pub fn work(&self) -> Work {
        Work {
            submissions: self.submissions.load(Ordering::Relaxed),
            waits: self.waits.load(Ordering::Relaxed),
        }
    }

    /// Reads a mappable buffer.
    pub(crate) async fn read(&self, buffer: &wgpu::Buffer) -> Result<Vec<u32>> {
        self.read_with(buffer, |words| words.to_vec()).await
    }

    /// Maps a mappable buffer and returns what `take` computes from its content.
    pub(crate) async fn read_with<T>(
        &self,
        buffer: &wgpu::Buffer,
        take: impl FnOnce(&[u32]) -> T,
    ) -> Result<T> {
        let (sender, receiver) = async_channel::bounded(1);
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // Sending fails only if the reader was dropped.
            let _ = sender.try_send(result);
        });
        self.wait()?;
        let mapped = receiver.recv().await;
        self.check()?;
        match mapped {
            Ok(Ok(())) => {}
            _ => return Err(self.failed("its memory cannot be read back")),
        }
        let range = buffer.get_mapped_range(..).map_err(|e| self.failed(&e.to_string()))?;
        let taken = take(bytemuck::cast_slice(&range));
        drop(range);
        buffer.unmap();
        Ok(taken)
    }

    /// Natively, waits until a submission is done; a browser calls back by itself.
    pub(crate) fn wait_for(&self, submitted: wgpu::SubmissionIndex) -> Result<()> {
        self.waits.fetch_add(1, Ordering::Relaxed);
        let wanted = wgpu::PollType::Wait { submission_index: Some(submitted), timeout: None };
        self.device.poll(wanted).map_err(|e| self.failed(&e.to_string()))?;
        self.check()
    }

    /// Natively, waits until the device is idle; a browser calls back by itself.
    pub(crate) fn wait(&self) -> Result<()> {
        self.waits.fetch_add(1, Ordering::Relaxed);
        let waited = self.device.poll(wgpu::PollType::wait_indefinitely());
        waited.map_err(|e| self.failed(&e.to_string()))?;
        self.check()
    }
}
