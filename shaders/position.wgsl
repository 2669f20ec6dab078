// F_T + PE, the query's position encoding (Section III-B): the input of the gate's MLP phi_1.
//
// Layout as in `conv.wgsl`; PE is [y][x][channel]. A thread computes one quad. Dispatch:
// (positions * channels / 64, pictures), over x and z.

struct Elements {
    positions: u32,  // of one picture
    channels: u32,   // quads
    in_pixel: u32,
    in_offset: u32,
    out_pixel: u32,
    out_offset: u32,
}

@group(0) @binding(0) var<uniform> elements: Elements;
@group(0) @binding(1) var<storage, read> feature: array<real4>;
@group(0) @binding(2) var<storage, read> encoding: array<real4>;
@group(0) @binding(3) var<storage, read_write> output: array<real4>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let quad = id.z * groups.x * 64u + id.x;
    let position = quad / elements.channels;
    let channel = quad - position * elements.channels;
    if position >= elements.positions {
        return;
    }
    let pixel = id.y * elements.positions + position;
    let f = feature[pixel * elements.in_pixel + elements.in_offset + channel];
    output[pixel * elements.out_pixel + elements.out_offset + channel] = f + encoding[quad];
}
