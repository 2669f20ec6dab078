// Batch normalization in training, first of three passes: for each channel the sums of x - x_0 and of its square
// over a chunk of positions. x_0, the channel's value at the very first position, stands in for the mean: without
// it the variance would be a small difference of two large numbers.
//
// Layout as in `conv.wgsl`. `position_sums.wgsl` is put before this file and gives the dispatch.

struct Norm {
    rows: u32,      // positions of all pictures
    channels: u32,  // quads
    chunk: u32,     // positions of one workgroup
}

@group(0) @binding(0) var<uniform> norm: Norm;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>; // [chunk][channel] of sum, sum of squares

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
    let shift = input[at];
    var mine: array<vec4f, 2>;
    let end = min((chunk + 1u) * norm.chunk, norm.rows);
    for (var row = chunk * norm.chunk + thread / CHANNELS; row < end; row += LINES) {
        let x = input[row * norm.channels + at] - shift;
        mine[0] += x;
        mine[1] = fma(x, x, mine[1]);
    }
    let sums = together(thread, mine);
    if thread < CHANNELS && inside && chunk * norm.chunk < norm.rows {
        let place = 2u * (chunk * norm.channels + channel);
        output[place] = sums[0];
        output[place + 1u] = sums[1];
    }
}
