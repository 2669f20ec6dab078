// The gradient of batch normalization, first of three passes: per channel the sums of a chunk of positions of d and
// of d xhat, where d is the gradient of the norm's result, zero where the ReLU after it gave zero, and xhat the
// normalized input. Where a shortcut was added, d is its gradient as well and is kept.
//
// Layout as in `conv.wgsl`. A workgroup has 16 quads of channels and four positions at a time. Dispatch:
// (chunks, quads of channels / 16), over x and z.

struct Norm {
    rows: u32,       // positions of all pictures
    channels: u32,   // quads
    chunk: u32,      // positions of one workgroup
    dy_pixel: u32,
    dy_offset: u32,
    out_pixel: u32,
    out_offset: u32,
    relu: u32,       // whether there is a ReLU, whose result is `result`
    keep: u32,       // whether d is wanted
}

@group(0) @binding(0) var<uniform> norm: Norm;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read> factors: array<vec4f>;
@group(0) @binding(3) var<storage, read> dy: array<vec4f>;
@group(0) @binding(4) var<storage, read> result: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4f>; // [chunk][channel] of both sums
@group(0) @binding(6) var<storage, read_write> kept: array<vec4f>;

var<workgroup> partial: array<array<vec4f, 2>, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let chunk = group.z * groups.x + group.x;
    let channel = group.y * 16u + thread % 16u;
    let inside = channel < norm.channels;
    let at = select(0u, channel, inside);
    let mean = factors[4u * at + 2u];
    let inverse = factors[4u * at + 3u];
    var sum = vec4f();
    var products = vec4f();
    let end = min((chunk + 1u) * norm.chunk, norm.rows);
    for (var row = chunk * norm.chunk + thread / 16u; row < end; row += 4u) {
        var d = dy[row * norm.dy_pixel + norm.dy_offset + at];
        if norm.relu != 0u {
            d = select(vec4f(), d, result[row * norm.out_pixel + norm.out_offset + at] > vec4f());
        }
        if norm.keep != 0u && inside {
            kept[row * norm.channels + at] = d;
        }
        sum += d;
        products = fma(d, (input[row * norm.channels + at] - mean) * inverse, products);
    }
    partial[thread][0] = sum;
    partial[thread][1] = products;
    workgroupBarrier();
    if thread < 16u && inside && chunk * norm.chunk < norm.rows {
        let place = 2u * (chunk * norm.channels + channel);
        output[place] = sum + partial[thread + 16u][0] + partial[thread + 32u][0] + partial[thread + 48u][0];
        output[place + 1u] =
            products + partial[thread + 16u][1] + partial[thread + 32u][1] + partial[thread + 48u][1];
    }
}
