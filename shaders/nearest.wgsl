// The distance to the nearest item of a memory of good patches: 1 - max over the items of cos(feature, item).
//
// `matching` holds the feature's products with all items, which were scaled to the length 1 beforehand; divided by the
// feature's length they are the cosines.
//
// Layout as in `conv.wgsl`; the result is [picture][y][x]. `shared_rows.wgsl` is put before this file and says the
// dispatch.

struct Nearest {
    rows: u32,              // positions of all pictures
    channels: u32,          // quads of the feature
    feature_pixel: u32,
    feature_offset: u32,
    items: u32,
    matching_pixel: u32,
    matching_offset: u32,
}

@group(0) @binding(0) var<uniform> nearest: Nearest;
@group(0) @binding(1) var<storage, read> feature: array<real4>;
@group(0) @binding(2) var<storage, read> matching: array<real4>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = row_of(group, groups, thread);
    let share = thread % SHARERS;
    let at = min(row, nearest.rows - 1u);
    var square = 0.0;
    for (var c = share; c < nearest.channels; c += SHARERS) {
        let f = vec4f(feature[at * nearest.feature_pixel + nearest.feature_offset + c]);
        square += dot(f, f);
    }
    let first = at * nearest.matching_pixel + nearest.matching_offset;
    var largest = -3.4e38;
    for (var i = share; i < nearest.items; i += SHARERS) {
        largest = max(largest, f32(matching[first + i / 4u][i % 4u]));
    }
    partial[thread] = vec3f(square, largest, 0.0);
    workgroupBarrier();
    let mine = thread - share;
    square = 0.0;
    for (var i = 0u; i < SHARERS; i++) {
        square += partial[mine + i].x;
        largest = max(largest, partial[mine + i].y);
    }
    if share == 0u && row < nearest.rows {
        output[row] = max(0.0, 1.0 - largest * inverseSqrt(max(square, 1e-16)));
    }
}
