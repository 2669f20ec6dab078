// The gradient of a bias: the sums of the result's gradient over all positions, in parts, which `adam_flat.wgsl`
// adds up.
//
// Layout as in `conv.wgsl`; the result is [part][channel]. `position_sums.wgsl` is put before this file and gives
// the dispatch.

struct Columns {
    rows: u32,
    channels: u32,  // quads
    part: u32,      // positions of one part
}

@group(0) @binding(0) var<uniform> columns: Columns;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let channel = group.y * CHANNELS + thread % CHANNELS;
    let inside = channel < columns.channels;
    let at = select(0u, channel, inside);
    // A second sum is not needed.
    var mine: array<vec4f, 2>;
    let end = min((group.x + 1u) * columns.part, columns.rows);
    for (var row = group.x * columns.part + thread / CHANNELS; row < end; row += LINES) {
        mine[0] += input[row * columns.channels + at];
    }
    let sums = together(thread, mine);
    if thread < CHANNELS && inside {
        output[group.x * columns.channels + channel] = sums[0];
    }
}
