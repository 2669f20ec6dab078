// The gradient of batch normalization, last pass: the gradient of its input,
// dx = scale (d - mean(d) - xhat mean(d xhat)), with d as in `norm_back_sums.wgsl`.
//
// Layout as in `conv.wgsl`. A thread computes one quad. Dispatch: (positions * channels / 64), over x and z.

struct Norm {
    rows: u32,       // positions of all pictures
    channels: u32,   // quads
    first: u32,      // the norm's first quad in `gradient`: of scales, then of shifts
    dy_pixel: u32,
    dy_offset: u32,
    out_pixel: u32,
    out_offset: u32,
    relu: u32,
}

@group(0) @binding(0) var<uniform> norm: Norm;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read> factors: array<vec4f>; // [channel] of scale, shift, mean, 1 / deviation
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
@group(0) @binding(4) var<storage, read> result: array<vec4f>;
@group(0) @binding(5) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let quad = id.z * groups.x * 64u + id.x;
    let row = quad / norm.channels;
    let channel = quad - row * norm.channels;
    if row >= norm.rows {
        return;
    }
    var d = dy[row * norm.dy_pixel + norm.dy_offset + channel];
    if norm.relu != 0u {
        d = select(vec4f(), d, result[row * norm.out_pixel + norm.out_offset + channel] > vec4f());
    }
    let xhat = (input[quad] - factors[4u * channel + 2u]) * factors[4u * channel + 3u];
    let count = f32(norm.rows);
    let products = gradient[norm.first + channel] / count;
    let mean = gradient[norm.first + norm.channels + channel] / count;
    output[quad] = factors[4u * channel] * (d - mean - xhat * products);
}
