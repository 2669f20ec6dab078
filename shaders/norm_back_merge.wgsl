// The gradient of batch normalization, second pass: the gradients of its scale, sum d xhat, and of its shift, sum d,
// from the chunks' sums (`norm_back_sums.wgsl`).
//
// `chunk_sums.wgsl` is put before this file and gives the dispatch.

struct Norm {
    channels: u32,  // quads
    chunks: u32,
    first: u32,     // the norm's first quad in `gradient`: scales, then shifts
}

@group(0) @binding(0) var<uniform> norm: Norm;
@group(0) @binding(1) var<storage, read> partial: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gradient: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let channel = group.x;
    let sums = merged(channel, thread);
    if thread == 0u {
        gradient[norm.first + channel] = sums[1];
        gradient[norm.first + norm.channels + channel] = sums[0];
    }
}
