//! Detection on a GPU, natively: which of wgpu's adapters a device of Burn's is, and waiting for it.

use crate::Result;
use crate::inference::Plan;
use crate::inference::gpu::{Gpu, Network, adapters};
use crate::model::Precision;
use crate::picture::ScoreMap;
use burn::tensor::{Device, DeviceKind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wgpu::DeviceType;

/// Opens the adapter behind `device`; none where `device` is no GPU that wgpu drives.
///
/// # Errors
/// The adapter cannot be opened.
pub(super) fn open(device: &Device) -> Result<Option<Arc<Gpu>>> {
    // Burn counts the adapters of each kind, in the order in which wgpu lists them.
    let mut counts = [0; 3];
    for adapter in pollster::block_on(adapters()) {
        let mut next = |kind: usize| {
            counts[kind] += 1;
            counts[kind] - 1
        };
        let kind = match adapter.get_info().device_type {
            DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(next(0)),
            DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(next(1)),
            DeviceType::VirtualGpu => DeviceKind::VirtualGpu(next(2)),
            DeviceType::Cpu => DeviceKind::Cpu,
            DeviceType::Other => continue,
        };
        if Device::wgpu(kind) == *device {
            return pollster::block_on(Gpu::on(&adapter)).map(|gpu| Some(Arc::new(gpu)));
        }
    }
    Ok(None)
}

/// A network of shaders that several threads may ask; one at a time is answered.
#[derive(Debug)]
pub(super) struct Shaders(Mutex<Network>);

impl Shaders {
    /// Moves the plan to the GPU.
    ///
    /// # Errors
    /// The device has no such numbers or not the memory, or it failed.
    pub fn new(gpu: Arc<Gpu>, plan: Plan, precision: Precision) -> Result<Self> {
        Ok(Self(Mutex::new(Network::new(gpu, plan, precision)?)))
    }

    fn network(&self) -> MutexGuard<'_, Network> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The anomaly maps of `count` pictures.
    ///
    /// # Errors
    /// The device failed.
    pub fn maps(&self, pixels: &[f32], count: usize) -> Result<Vec<ScoreMap>> {
        let found = pollster::block_on(self.network().maps(pixels, count))?;
        Ok(found.into_iter().map(|(map, _)| map).collect())
    }

    /// Name and milliseconds of every layer for one picture; none where the adapter has no clock.
    ///
    /// # Errors
    /// The device failed.
    pub fn layer_times(&self) -> Result<Vec<(String, f64)>> {
        let mut network = self.network();
        if !network.has_clock() {
            return Ok(Vec::new());
        }
        let mut layers: Vec<(String, f64)> = Vec::new();
        for pass in pollster::block_on(network.profile(1))? {
            match layers.last_mut() {
                // Winograd's convolution takes three passes.
                Some((name, ms)) if *name == pass.name => *ms += pass.ms,
                _ => layers.push((pass.name, pass.ms)),
            }
        }
        Ok(layers)
    }
}
