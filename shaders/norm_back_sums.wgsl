// The gradient of batch normalization, first of three passes: for each channel the sums of d and of d xhat over a
// chunk of positions, where d is the gradient of the norm's result, zero where the ReLU after it gave zero, and
// xhat the normalized input. If a shortcut was added, d is also its gradient and is stored.
//
// Layout as in `conv.wgsl`. `position_sums.wgsl` is put before this file and gives the dispatch.

struct Norm {
    rows: u32,       // positions of all pictures
    channels: u32,   // quads
    chunk: u32,      // positions of one workgroup
    dy_pixel: u32,
    dy_offset: u32,
    out_pixel: u32,
    out_offset: u32,
    relu: u32,       // whether there is a ReLU, whose result is `result`
    keep: u32,       // whether d is stored
}

@group(0) @binding(0) var<uniform> norm: Norm;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read> factors: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
@group(0) @binding(4) var<storage, read> result: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4f>; // [chunk][channel] of both sums
@group(0) @binding(6) var<storage, read_write> kept: array<vec4f>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let chunk = group.z * groups.x + group.x;
    let channel = group.y * CHANNELS + thread % CHANNELS;
    let inside = channel < norm.channels;
    let at = select(0u, channel, inside);
    let mean = factors[4u * at + 2u];
    let inverse = factors[4u * at + 3u];
    var mine: array<vec4f, 2>;
    let end = min((chunk + 1u) * norm.chunk, norm.rows);
    for (var row = chunk * norm.chunk + thread / CHANNELS; row < end; row += LINES) {
        var d = dy[row * norm.dy_pixel + norm.dy_offset + at];
        if norm.relu != 0u {
            d = select(vec4f(), d, result[row * norm.out_pixel + norm.out_offset + at] > vec4f());
        }
        if norm.keep != 0u && inside {
            kept[row * norm.channels + at] = d;
        }
        mine[0] += d;
        mine[1] = fma(d, (input[row * norm.channels + at] - mean) * inverse, mine[1]);
    }
    let sums = together(thread, mine);
    if thread < CHANNELS && inside && chunk * norm.chunk < norm.rows {
        let place = 2u * (chunk * norm.channels + channel);
        output[place] = sums[0];
        output[place + 1u] = sums[1];
    }
}
