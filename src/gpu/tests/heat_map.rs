//! The heat map that the GPU draws.

use super::*;

/// The texture has the colors of the heat map.
#[test]
fn the_heat_map_is_the_cpus() {
    let gpu = gpu();
    let size = Size::new(64, 96);
    let plan = Plan::new(&info(Backbone::Compact, size), &Random).unwrap();
    let mut network = GpuNetwork::new(Arc::clone(&gpu), plan, Precision::F32).unwrap();
    let pixels: Vec<f32> = (0..2 * 3 * size.area()).map(|i| noise(4, i)).collect();
    network.submit(&pixels, 2).unwrap();
    let maps = pollster::block_on(network.read_maps()).unwrap();
    let threshold = f64::from(maps[1].data[0]) * 0.7;
    let (width, height) = size.pixels();
    let extent = wgpu::Extent3d { width, height, depth_or_array_layers: 1 };
    let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: extent,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::STORAGE_BINDING | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    let to = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: u64::from(4 * width * height),
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let view = texture.create_view(&Default::default());
    assert!(network.heat(2, threshold, false, &view).is_err());
    let right = crate::detection::heat_map(&maps[1], size, threshold);
    let mut read = |see_through: bool| {
        network.heat(1, threshold, see_through, &view).unwrap();
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(4 * width), rows_per_image: None };
        let target = wgpu::TexelCopyBufferInfo { buffer: &to, layout };
        encoder.copy_texture_to_buffer(texture.as_image_copy(), target, extent);
        gpu.submit(encoder);
        pollster::block_on(gpu.read(&to)).unwrap()
    };
    let mut colors = std::collections::HashSet::new();
    for (pixel, right) in read(false).iter().zip(right.pixels()) {
        let [red, green, blue, alpha] = pixel.to_le_bytes();
        assert_eq!(alpha, 255);
        colors.insert(right.0);
        let off = [red, green, blue].iter().zip(right.0).map(|(a, b)| a.abs_diff(b)).max();
        assert!(off <= Some(1), "{pixel:08x} is not {right:?}");
    }
    assert!(colors.len() > 20, "{} colors", colors.len());
    // Laid over a grey picture, it equals the overlay at full strength.
    let mut opacities = std::collections::HashSet::new();
    for ((pixel, right), &value) in read(true).iter().zip(right.pixels()).zip(&maps[1].data) {
        let [color @ .., alpha] = pixel.to_le_bytes();
        let opacity = (2.0 * crate::detection::scale_position(value, threshold) - 0.5).clamp(0.0, 1.0);
        opacities.insert(alpha);
        assert!((f64::from(alpha) - 255.0 * opacity).abs() <= 1.0, "{alpha} is not {opacity}");
        for (found, right) in color.iter().zip(right.0) {
            assert!(
                (f64::from(*found) - opacity * f64::from(right)).abs() <= 2.0,
                "{pixel:08x} is not {right}"
            );
        }
    }
    assert!(opacities.len() > 5, "{} opacities", opacities.len());
}
