//! What a training computes on.

use crate::{Error, Result};
use burn::tensor::Device;
use std::cell::RefCell;

thread_local! {
    /// The GPU is opened once; the runtime cannot be given another.
    static GPU: RefCell<Option<Device>> = const { RefCell::new(None) };
}

/// The GPU that the browser prefers, or the CPU. `web/js/train-gpu.js` watches the GPU for errors.
///
/// # Errors
/// There is no GPU.
pub(super) async fn device(gpu: bool) -> Result<Device> {
    if !gpu {
        return Ok(Device::flex());
    }
    if let Some(device) = GPU.with_borrow(Clone::clone) {
        return Ok(device);
    }
    let opened = Device::wgpu_options().init_async().await;
    let device = opened.map_err(|e| {
        Error::Device(format!("the browser gave no GPU to train on ({e}); train on the CPU, which is slower"))
    })?;
    GPU.set(Some(device.clone()));
    Ok(device)
}
