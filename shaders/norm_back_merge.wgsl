// The gradient of batch normalization, second pass: the gradients of its scale, sum d xhat, and of its shift, sum d,
// from the chunks' sums (`norm_back_sums.wgsl`).
//
// A workgroup takes a quad of channels. Dispatch: (quads of channels).

struct Norm {
    channels: u32,  // quads
    chunks: u32,
    first: u32,     // the norm's first quad in `gradient`: scales, then shifts
}

@group(0) @binding(0) var<uniform> norm: Norm;
@group(0) @binding(1) var<storage, read> partial: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> gradient: array<vec4f>;

var<workgroup> sums: array<array<vec4f, 2>, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let channel = group.x;
    var sum = vec4f();
    var products = vec4f();
    for (var chunk = thread; chunk < norm.chunks; chunk += 64u) {
        let place = 2u * (chunk * norm.channels + channel);
        sum += partial[place];
        products += partial[place + 1u];
    }
    sums[thread][0] = sum;
    sums[thread][1] = products;
    for (var half = 32u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            sums[thread][0] += sums[thread + half][0];
            sums[thread][1] += sums[thread + half][1];
        }
    }
    if thread == 0u {
        gradient[norm.first + channel] = sums[0][1];
        gradient[norm.first + norm.channels + channel] = sums[0][0];
    }
}
