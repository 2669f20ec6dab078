// The matching-guided residual gate w (Eq. 2 to 4): the share of softmax(cos(query, memory) / temperature) that
// falls on the anomaly memory.
//
// The vector is the query, the items have length 1 / temperature, and the first half of them are the normal memory.
//
// `shared_rows.wgsl`, which gives the dispatch, and `matching.wgsl`, which gives the layout, are put before this file.

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = row_of(group, groups, thread);
    let share = thread % SHARERS;
    let found = length_and_largest(row, thread);
    // Sums over all items, and over the anomalous ones.
    var sums = vec2f();
    for (var i = share; i < matching.items; i += SHARERS) {
        let e = exp((product(row, i) - found.y) * found.x);
        sums += vec2f(e, select(0.0, e, i >= matching.items / 2u));
    }
    sums = together(thread, vec3f(sums, 0.0)).xy;
    if share == 0u && row < matching.rows {
        output[row] = sums.y / sums.x;
    }
}
