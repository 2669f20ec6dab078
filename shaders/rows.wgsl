// Rows (vectors of a position) of a feature, one after the other: unchanged, or scaled to length 1; those at the
// positions of a list, or all.
//
// Layout as in `conv.wgsl`. `shared_rows.wgsl` is put before this file and gives the dispatch.

struct Rows {
    rows: u32,
    channels: u32,   // quads
    in_pixel: u32,
    in_offset: u32,
    out_pixel: u32,
    out_offset: u32,
    listed: u32,     // whether there is a list
    unit: u32,       // whether they are scaled
}

@group(0) @binding(0) var<uniform> rows: Rows;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read> list: array<u32>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = row_of(group, groups, thread);
    let share = thread % SHARERS;
    var source = min(row, rows.rows - 1u);
    if rows.listed != 0u {
        source = list[source];
    }
    let first = source * rows.in_pixel + rows.in_offset;
    var scale = 1.0;
    if rows.unit != 0u {
        var square = 0.0;
        for (var c = share; c < rows.channels; c += SHARERS) {
            square += dot(input[first + c], input[first + c]);
        }
        scale = inverseSqrt(max(together(thread, vec3f(square, 0.0, 0.0)).x, 1e-16));
    }
    if row < rows.rows {
        for (var c = share; c < rows.channels; c += SHARERS) {
            output[row * rows.out_pixel + rows.out_offset + c] = scale * input[first + c];
        }
    }
}
