//! Detection on a GPU, natively: which of wgpu's adapters a device of Burn's is, and waiting for it.

use crate::Result;
use crate::inference::gpu::{Gpu, Network, adapters};
use crate::picture::ScoreMap;
use burn::tensor::{Device, DeviceKind};
use std::sync::{Arc, Mutex, PoisonError};
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

/// The anomaly maps of `count` pictures.
///
/// # Errors
/// The device failed.
pub(super) fn maps(network: &Mutex<Network>, pixels: &[f32], count: usize) -> Result<Vec<ScoreMap>> {
    let mut network = network.lock().unwrap_or_else(PoisonError::into_inner);
    let found = pollster::block_on(network.maps(pixels, count))?;
    Ok(found.into_iter().map(|(map, _)| map).collect())
}
