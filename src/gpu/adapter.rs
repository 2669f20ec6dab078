//! The GPU itself: which adapters there are, the device, and what went wrong on it.

use crate::{Error, Result};
use std::sync::{Arc, Mutex, PoisonError};
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

/// An open device with its queue.
#[derive(Debug)]
pub struct Gpu {
    /// Name, kind and driver.
    pub info: wgpu::AdapterInfo,
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    failure: Arc<Mutex<Option<String>>>,
}

impl Gpu {
    /// Opens a device on the first of [`adapters`].
    ///
    /// # Errors
    /// There is none, or it cannot be opened.
    pub async fn open() -> Result<Self> {
        match adapters().await.first() {
            Some(adapter) => Self::on(adapter).await,
            None => Err(Error::Device("no GPU found; install its driver, or use --device cpu".into())),
        }
    }

    /// Opens a device on `adapter`, with all the memory that it grants.
    ///
    /// # Errors
    /// The adapter cannot be opened.
    pub async fn on(adapter: &wgpu::Adapter) -> Result<Self> {
        let info = adapter.get_info();
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("aand"),
            required_features: adapter.features()
                & (wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SHADER_F16),
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let opened = adapter.request_device(&descriptor).await;
        let (device, queue) = opened.map_err(|e| {
            Error::Device(format!("cannot open {}: {e}; update its driver, or use --device cpu", info.name))
        })?;
        Ok(Self::with(info, device, queue))
    }

    /// Uses a device that is there already, for example a canvas's.
    pub fn with(info: wgpu::AdapterInfo, device: wgpu::Device, queue: wgpu::Queue) -> Self {
        let failure = Arc::new(Mutex::new(None));
        let keep = |failure: &Arc<Mutex<Option<String>>>| {
            let failure = Arc::clone(failure);
            // The first failure is the cause of those that follow.
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
        Self { info, device, queue, failure }
    }

    /// Whether the device computes with f16 (`shader-f16`).
    pub fn has_half(&self) -> bool {
        self.device.features().contains(wgpu::Features::SHADER_F16)
    }

    /// Fails if anything has gone wrong on the device so far; after that nothing it computes can be trusted.
    ///
    /// # Errors
    /// It has.
    pub fn check(&self) -> Result<()> {
        match &*self.failure.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(what) => Err(self.failed(what)),
            None => Ok(()),
        }
    }

    pub(crate) fn failed(&self, what: &str) -> Error {
        let what = what.replace('\n', " ");
        Error::Device(format!("{} failed: {what}; use a smaller batch, or --device cpu", self.info.name))
    }

    /// Reads a buffer that was made to be mapped.
    pub(crate) async fn read(&self, buffer: &wgpu::Buffer) -> Result<Vec<u32>> {
        let (sender, receiver) = async_channel::bounded(1);
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // Nobody listens any more if the reader was dropped.
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
        let values = bytemuck::cast_slice(&range).to_vec();
        drop(range);
        buffer.unmap();
        Ok(values)
    }

    /// Natively, waits until a submission is through; a browser calls back by itself.
    pub(crate) fn wait_for(&self, submitted: wgpu::SubmissionIndex) -> Result<()> {
        let wanted = wgpu::PollType::Wait { submission_index: Some(submitted), timeout: None };
        self.device.poll(wanted).map_err(|e| self.failed(&e.to_string()))?;
        self.check()
    }

    /// Natively, waits until the device is idle; a browser calls back by itself.
    pub(crate) fn wait(&self) -> Result<()> {
        let waited = self.device.poll(wgpu::PollType::wait_indefinitely());
        waited.map_err(|e| self.failed(&e.to_string()))?;
        self.check()
    }
}
