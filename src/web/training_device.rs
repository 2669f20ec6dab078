//! The device that trains.

use crate::Result;
use crate::gpu::{Gpu, Processor};
use std::sync::Arc;

/// The GPU that the browser prefers, or the CPU.
///
/// # Errors
/// There is no GPU.
#[expect(clippy::arc_with_non_send_sync, reason = "natively it is shared between threads")]
pub(super) async fn processor(gpu: bool) -> Result<Processor> {
    if !gpu {
        return Ok(Processor::Cpu);
    }
    Ok(Processor::Gpu(Arc::new(Gpu::open().await?)))
}
