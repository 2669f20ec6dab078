//! What a model runs on: the CPU, or a GPU through WebGPU.

use crate::detection;
use crate::gpu::{Gpu, HeatCanvas, Network};
use crate::inference::{Engine, Plan};
use crate::model::{Info, Precision};
use crate::picture::ScoreMap;
use crate::{Error, Result};
use std::sync::Arc;
use wgpu::web_sys::OffscreenCanvas;

/// A detector's network, from normalised pixels to the anomaly map.
pub(super) enum Compute {
    /// One thread.
    Cpu { engine: Box<Engine>, layers: usize },
    /// The shaders, and where they show heat maps.
    Gpu { gpu: Arc<Gpu>, network: Box<Network>, canvas: Option<HeatCanvas> },
}

impl Compute {
    /// The CPU.
    pub fn cpu(plan: Plan) -> Self {
        let layers = plan.steps.len();
        Self::Cpu { engine: Box::new(Engine::new(plan)), layers }
    }

    /// The adapter that the browser prefers, computing with `precision` and showing heat maps on `canvas`, if any.
    ///
    /// # Errors
    /// There is none, it has no such numbers or not the memory, or it cannot draw on the canvas.
    #[expect(clippy::arc_with_non_send_sync, reason = "natively it is shared between threads")]
    pub async fn gpu(plan: Plan, precision: Precision, canvas: Option<OffscreenCanvas>) -> Result<Self> {
        let gpu = Arc::new(Gpu::open().await?);
        let canvas = canvas.map(|canvas| HeatCanvas::new(&gpu, canvas, plan.size)).transpose()?;
        let network = Box::new(Network::new(Arc::clone(&gpu), plan, precision)?);
        Ok(Self::Gpu { gpu, network, canvas })
    }

    /// Shows the heat map of the last picture on the canvas.
    ///
    /// # Errors
    /// There is no canvas, or the device failed.
    pub fn show(&mut self, threshold: f64, see_through: bool) -> Result<()> {
        match self {
            Self::Gpu { network, canvas: Some(canvas), .. } => canvas.draw(network, threshold, see_through),
            _ => Err(Error::Device("no GPU was given a canvas for its heat maps".into())),
        }
    }

    /// `cpu` or `gpu`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cpu { .. } => "cpu",
            Self::Gpu { .. } => "gpu",
        }
    }

    /// The anomaly map of one picture `[3, S, S]`; `progress` gets the layers done and their number, where that
    /// is known.
    ///
    /// # Errors
    /// The device failed.
    pub async fn map(
        &mut self,
        info: &Info,
        pixels: &[f32],
        mut progress: impl FnMut(usize, usize),
    ) -> Result<ScoreMap> {
        let (engine, layers) = match self {
            Self::Cpu { engine, layers } => (engine, *layers),
            Self::Gpu { gpu, network, .. } => {
                let mut found = network.maps(pixels, 1).await?;
                gpu.check()?;
                return Ok(found.swap_remove(0).0);
            }
        };
        let mut done = 0;
        let levels = engine.run_watched(pixels, |_, layer| {
            layer();
            done += 1;
            progress(done, layers);
        });
        let sides = info.backbone.sides(info.size);
        let level = |k: usize| (levels[k].as_slice(), [sides[k]; 2]);
        Ok(detection::anomaly_map(&[level(0), level(1), level(2)], info.size))
    }
}
