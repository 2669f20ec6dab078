// The heat map of one picture: each value of its anomaly map as a color, the start of the scale at 0, its middle
// at the threshold, its end at twice the threshold and above. The texture can be shown on a canvas directly, or
// laid over the picture: then it is transparent below half the threshold, and has full strength above one and a
// half times the threshold.
//
// The map is [picture][y][x]; the table has the colors as red + 256 green + 65536 blue. A thread colors one
// pixel. Dispatch: (width / 8, height / 8).

struct Scale {
    width: u32,
    height: u32,
    picture: u32,
    colors: u32,  // in the table
    threshold: f32,
    see_through: u32,
}

@group(0) @binding(0) var<uniform> scale: Scale;
@group(0) @binding(1) var<storage, read> map: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<u32>;
@group(0) @binding(3) var output: texture_storage_2d<rgba8unorm, write>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= scale.width || id.y >= scale.height {
        return;
    }
    let value = map[(scale.picture * scale.height + id.y) * scale.width + id.x];
    let position = clamp(value / (2.0 * scale.threshold), 0.0, 1.0);
    let color = table[min(u32(position * f32(scale.colors)), scale.colors - 1u)];
    let rgb = vec3f(vec3u(color, color >> 8u, color >> 16u) & vec3u(255u)) / 255.0;
    var opacity = 1.0;
    if scale.see_through != 0u {
        opacity = clamp(2.0 * position - 0.5, 0.0, 1.0);
    }
    // Canvases require colors premultiplied by the opacity.
    textureStore(output, id.xy, vec4f(opacity * rgb, opacity));
}
