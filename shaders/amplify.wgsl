// The attribute-scaling residual generator (Eq. 5): F_A = F_T + w Delta, with Delta as in
// `residual.wgsl`, which is put before this file.
//
// Layout as in `conv.wgsl`; w is [picture][y][x]. A thread computes one quad. Dispatch:
// (positions * channels / 64, pictures), over x and z.

struct Amplify {
    positions: u32,  // of one picture
    channels: u32,   // quads
    feature_pixel: u32,
    feature_offset: u32,
    generated_pixel: u32,
    generated_offset: u32,
    out_pixel: u32,
    out_offset: u32,
    gated: u32,      // whether there is a gate; else w = 1
    residual: u32,   // as in `residual.wgsl`
}

@group(0) @binding(0) var<uniform> amplify: Amplify;
@group(0) @binding(1) var<storage, read> feature: array<real4>;
@group(0) @binding(2) var<storage, read> generated: array<real4>;
@group(0) @binding(3) var<storage, read> gate: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<real4>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let quad = id.z * groups.x * 64u + id.x;
    let position = quad / amplify.channels;
    let channel = quad - position * amplify.channels;
    if position >= amplify.positions {
        return;
    }
    let pixel = id.y * amplify.positions + position;
    let f = vec4f(feature[pixel * amplify.feature_pixel + amplify.feature_offset + channel]);
    let y = vec4f(generated[pixel * amplify.generated_pixel + amplify.generated_offset + channel]);
    var w = 1.0;
    if amplify.gated != 0u {
        w = gate[pixel];
    }
    output[pixel * amplify.out_pixel + amplify.out_offset + channel] = stored(f + w * residual(amplify.residual, f, y));
}
