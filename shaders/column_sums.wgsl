// The gradient of a bias: the sums of the result's gradient over all positions, in parts, which `adam_flat.wgsl`
// sums up.
//
// Layout as in `conv.wgsl`; the result is [part][channel]. A workgroup has 16 quads of channels and four positions at
// a time. Dispatch: (parts, quads of channels / 16).

struct Columns {
    rows: u32,
    channels: u32,  // quads
    part: u32,      // positions of one part
}

@group(0) @binding(0) var<uniform> columns: Columns;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>;

var<workgroup> partial: array<vec4f, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let channel = group.y * 16u + thread % 16u;
    let inside = channel < columns.channels;
    let at = select(0u, channel, inside);
    var sum = vec4f();
    let end = min((group.x + 1u) * columns.part, columns.rows);
    for (var row = group.x * columns.part + thread / 16u; row < end; row += 4u) {
        sum += input[row * columns.channels + at];
    }
    partial[thread] = sum;
    workgroupBarrier();
    if thread < 16u && inside {
        output[group.x * columns.channels + channel] =
            sum + partial[thread + 16u] + partial[thread + 32u] + partial[thread + 48u];
    }
}
