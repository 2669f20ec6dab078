//! A browser's canvas that shows heat maps straight from the GPU's memory.

use super::adapter::Gpu;
use super::network::Network;
use crate::{Error, Result};
use wgpu::web_sys::OffscreenCanvas;

/// A canvas of the size of the anomaly map.
#[derive(Debug)]
pub struct HeatCanvas(wgpu::Surface<'static>);

impl HeatCanvas {
    /// Makes `canvas` `size x size` pixels that `gpu` draws on.
    ///
    /// # Errors
    /// The browser does not let a GPU draw on it.
    pub fn new(gpu: &Gpu, canvas: OffscreenCanvas, size: usize) -> Result<Self> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let surface = instance.create_surface(wgpu::SurfaceTarget::OffscreenCanvas(canvas));
        let surface = surface.map_err(|e| refused(&e.to_string()))?;
        surface.configure(
            &gpu.device,
            &wgpu::SurfaceConfiguration {
                usage: wgpu::TextureUsages::STORAGE_BINDING,
                format: wgpu::TextureFormat::Rgba8Unorm,
                width: size as u32,
                height: size as u32,
                present_mode: wgpu::PresentMode::AutoVsync,
                desired_maximum_frame_latency: 2,
                alpha_mode: wgpu::CompositeAlphaMode::PreMultiplied,
                color_space: wgpu::SurfaceColorSpace::Auto,
                view_formats: Vec::new(),
            },
        );
        Ok(Self(surface))
    }

    /// Draws the heat map of the last batch's first picture, see [`Network::heat`].
    ///
    /// # Errors
    /// The canvas cannot be drawn on, there is no picture, or the device failed.
    pub fn draw(&self, network: &mut Network, threshold: f64, see_through: bool) -> Result<()> {
        use wgpu::CurrentSurfaceTexture::{Suboptimal, Success};
        let (Success(frame) | Suboptimal(frame)) = self.0.get_current_texture() else {
            return Err(refused("it has no texture"));
        };
        let view = frame.texture.create_view(&wgpu::TextureViewDescriptor::default());
        network.heat(0, threshold, see_through, &view)?;
        network.gpu.queue.present(frame);
        Ok(())
    }
}

fn refused(reason: &str) -> Error {
    Error::Device(format!("the heat map's canvas cannot be used: {reason}"))
}
