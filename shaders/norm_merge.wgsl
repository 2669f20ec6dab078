// Batch normalization in training, second pass: from the chunks' sums (`norm_sums.wgsl`) computes each channel's
// scale and shift, and the running statistics, whose variance is unbiased, as in PyTorch.
//
// `chunk_sums.wgsl` is put before this file and gives the dispatch.

struct Norm {
    rows: u32,      // positions of all pictures
    channels: u32,  // quads
    chunks: u32,
    first: u32,     // the norm's first quad in `affine`: scales, then shifts
    running: u32,   // and in `running`: means, then variances
}

const EPSILON: f32 = 1e-5;
const MOMENTUM: f32 = 0.1;

@group(0) @binding(0) var<uniform> norm: Norm;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read> partial: array<vec4f>;
@group(0) @binding(3) var<storage, read> affine: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> factors: array<vec4f>; // [channel] of scale, shift, mean, 1 / deviation
@group(0) @binding(5) var<storage, read_write> running: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> broken: array<atomic<u32>>; // 1 if a number is not finite

fn finite(x: vec4f) -> bool {
    return all((bitcast<vec4u>(x) & vec4u(0x7f800000u)) != vec4u(0x7f800000u));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let channel = group.x;
    let sums = merged(channel, thread);
    if thread == 0u {
        let count = f32(norm.rows);
        let offset = sums[0] / count;
        let mean = input[channel] + offset;
        let variance = max(sums[1] / count - offset * offset, vec4f());
        let inverse = 1.0 / sqrt(variance + EPSILON);
        let scale = affine[norm.first + channel] * inverse;
        factors[4u * channel] = scale;
        factors[4u * channel + 1u] = affine[norm.first + norm.channels + channel] - mean * scale;
        factors[4u * channel + 2u] = mean;
        factors[4u * channel + 3u] = inverse;
        let unbiased = variance * (count / max(count - 1.0, 1.0));
        let here = norm.running + channel;
        let there = here + norm.channels;
        running[here] = (1.0 - MOMENTUM) * running[here] + MOMENTUM * mean;
        running[there] = (1.0 - MOMENTUM) * running[there] + MOMENTUM * unbiased;
        // A sum of squares that is not finite gives a variance that max() could turn into 0.
        if !finite(sums[0]) || !finite(sums[1]) {
            atomicStore(&broken[0], 1u);
        }
    }
}
