// The distance to the nearest item of a memory of good patches: 1 - max over the items of cos(feature, item).
//
// The vector is the feature, and the items have length 1.
//
// `shared_rows.wgsl`, which gives the dispatch, and `matching.wgsl`, which gives the layout, are put before this
// file.

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = row_of(group, groups, thread);
    let found = length_and_largest(row, thread);
    let distance = 1.0 - found.y * found.x;
    if thread % SHARERS == 0u && row < matching.rows {
        // Not `max`, which could turn NaN into 0, the best distance of all.
        output[row] = select(distance, 0.0, distance < 0.0);
    }
}
