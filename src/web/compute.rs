//! Runs a model on the CPU, or on a GPU through WebGPU, which also shows the heat maps.

use crate::detection::{Detector, Executor};
use crate::gpu::{Gpu, GpuNetwork, HeatCanvas};
use crate::inference::Plan;
use crate::model::{Info, Precision};
use crate::{Error, Result};
use std::sync::Arc;
use wgpu::web_sys::OffscreenCanvas;

/// A detector, and where its GPU shows heat maps.
pub(super) struct Compute {
    pub detector: Detector,
    gpu: Option<Arc<Gpu>>,
    canvas: Option<HeatCanvas>,
}

impl Compute {
    /// On the CPU.
    pub fn cpu(info: Info, plan: Plan) -> Self {
        Self { detector: Detector::with(info, Executor::cpu(plan)), gpu: None, canvas: None }
    }

    /// On the adapter that the browser prefers, computing with `precision` and showing heat maps on `canvas`, if
    /// any.
    ///
    /// # Errors
    /// There is no adapter, it lacks the precision or is out of memory, or it cannot draw on the canvas.
    #[expect(clippy::arc_with_non_send_sync, reason = "natively it is shared between threads")]
    pub async fn gpu(
        info: Info,
        plan: Plan,
        precision: Precision,
        canvas: Option<OffscreenCanvas>,
    ) -> Result<Self> {
        let gpu = Arc::new(Gpu::open().await?);
        // The GPU has only the network's own map; the map of a picture in tiles or with a border is assembled here.
        let canvas = canvas.filter(|_| info.view.shows_whole_maps());
        let canvas = canvas.map(|canvas| HeatCanvas::new(&gpu, canvas, plan.size)).transpose()?;
        let network = GpuNetwork::new(Arc::clone(&gpu), plan, precision)?;
        Ok(Self { detector: Detector::with(info, Executor::gpu(network)), gpu: Some(gpu), canvas })
    }

    /// Whether the GPU shows heat maps.
    pub fn draws(&self) -> bool {
        self.canvas.is_some()
    }

    /// Shows the heat map of the last picture on the canvas.
    ///
    /// # Errors
    /// There is no canvas, or the device failed.
    pub fn show(&self, see_through: bool) -> Result<()> {
        match (self.detector.executor().network(), &self.canvas) {
            (Some(mut network), Some(canvas)) => {
                canvas.draw(&mut network, self.detector.info.threshold.value, see_through)
            }
            _ => Err(Error::Device("no GPU was given a canvas for its heat maps".into())),
        }
    }

    /// `cpu` or `gpu`.
    pub fn name(&self) -> &'static str {
        if self.gpu.is_some() { "gpu" } else { "cpu" }
    }

    /// Checks that the device is still usable.
    ///
    /// # Errors
    /// It failed.
    pub fn check(&self) -> Result<()> {
        self.gpu.as_ref().map_or(Ok(()), |gpu| gpu.check())
    }
}
