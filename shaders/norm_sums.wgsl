// Batch normalization in training, first of three passes: per channel the sums of a chunk of positions of
// x - x_0 and of its square. x_0, the channel's value at the very first position, stands for the mean: without it
// the variance would be the small difference of two large numbers.
//
// Layout as in `conv.wgsl`. A workgroup has 16 quads of channels and four positions at a time. Dispatch:
// (chunks, quads of channels / 16), over x and z.

struct Norm {
    rows: u32,      // positions of all pictures
    channels: u32,  // quads
    chunk: u32,     // positions of one workgroup
}

@group(0) @binding(0) var<uniform> norm: Norm;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>; // [chunk][channel] of sum, sum of squares

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
    let shift = input[at];
    var sum = vec4f();
    var squares = vec4f();
    let end = min((chunk + 1u) * norm.chunk, norm.rows);
    for (var row = chunk * norm.chunk + thread / 16u; row < end; row += 4u) {
        let x = input[row * norm.channels + at] - shift;
        sum += x;
        squares = fma(x, x, squares);
    }
    partial[thread][0] = sum;
    partial[thread][1] = squares;
    workgroupBarrier();
    if thread < 16u && inside && chunk * norm.chunk < norm.rows {
        let place = 2u * (chunk * norm.channels + channel);
        output[place] = sum + partial[thread + 16u][0] + partial[thread + 32u][0] + partial[thread + 48u][0];
        output[place + 1u] =
            squares + partial[thread + 16u][1] + partial[thread + 32u][1] + partial[thread + 48u][1];
    }
}
