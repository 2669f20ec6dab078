//! A browser's canvas that shows heat maps directly from the GPU's memory.

use super::adapter::Gpu;
use super::network::GpuNetwork;
use crate::picture::Size;
use crate::{Error, Result};
use wgpu::web_sys::OffscreenCanvas;

/// A canvas with the size of the anomaly map.
#[derive(Debug)]
pub struct HeatCanvas {
    canvas: wgpu::Surface<'static>,
    /// The texture that the shader writes. It is copied to the canvas, because not every canvas can be
    /// written by a shader.
    colored: wgpu::Texture,
}

impl HeatCanvas {
    /// Sets `canvas` to `size` pixels and lets `gpu` draw on it.
    ///
    /// # Errors
    /// The browser does not let a GPU draw on it.
    pub fn new(gpu: &Gpu, canvas: OffscreenCanvas, size: Size) -> Result<Self> {
        use wgpu::TextureUsages as Use;
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let canvas = instance.create_surface(wgpu::SurfaceTarget::OffscreenCanvas(canvas));
        let canvas = canvas.map_err(|e| refused(&e.to_string()))?;
        let ((width, height), format) = (size.pixels(), wgpu::TextureFormat::Rgba8Unorm);
        canvas.configure(
            &gpu.device,
            &wgpu::SurfaceConfiguration {
                usage: Use::RENDER_ATTACHMENT | Use::COPY_DST,
                format,
                width,
                height,
                present_mode: wgpu::PresentMode::AutoVsync,
                desired_maximum_frame_latency: 2,
                alpha_mode: wgpu::CompositeAlphaMode::PreMultiplied,
                color_space: wgpu::SurfaceColorSpace::Auto,
                view_formats: Vec::new(),
            },
        );
        let colored = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("heat map"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: Use::STORAGE_BINDING | Use::COPY_SRC,
            view_formats: &[],
        });
        Ok(Self { canvas, colored })
    }

    /// Draws the heat map of the last batch's first picture, see [`GpuNetwork::heat`].
    ///
    /// # Errors
    /// The canvas cannot be drawn on, there is no picture, or the device failed.
    pub fn draw(&self, network: &mut GpuNetwork, threshold: f64, see_through: bool) -> Result<()> {
        use wgpu::CurrentSurfaceTexture::{Suboptimal, Success};
        let view = self.colored.create_view(&wgpu::TextureViewDescriptor::default());
        network.heat(0, threshold, see_through, &view)?;
        let (Success(frame) | Suboptimal(frame)) = self.canvas.get_current_texture() else {
            return Err(refused("it has no texture"));
        };
        let mut encoder = network.gpu.device.create_command_encoder(&Default::default());
        let (from, to) = (self.colored.as_image_copy(), frame.texture.as_image_copy());
        encoder.copy_texture_to_texture(from, to, self.colored.size());
        network.gpu.submit(encoder);
        network.gpu.present(frame);
        network.gpu.check()
    }
}

fn refused(reason: &str) -> Error {
    Error::Device(format!("the heat map's canvas cannot be used: {reason}"))
}
