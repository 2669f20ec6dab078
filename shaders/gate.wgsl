// The matching-guided residual gate w (Eq. 2 to 4): the share of softmax(cos(query, memory) / temperature) that
// falls on the anomaly memory.
//
// `matching` holds the query's products with all memory items, which were scaled to the length 1 / temperature
// beforehand; divided by the query's length they are the cosines over the temperature. The first half of the
// items are the normal memory.
//
// Layout as in `conv.wgsl`; w is [picture][y][x]. `shared_rows.wgsl` is put before this file and says the dispatch.

struct Gate {
    rows: u32,              // positions of all pictures
    channels: u32,          // quads of the query
    query_pixel: u32,
    query_offset: u32,
    items: u32,             // of both memories
    matching_pixel: u32,
    matching_offset: u32,
}

@group(0) @binding(0) var<uniform> gate: Gate;
@group(0) @binding(1) var<storage, read> query: array<real4>;
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
    let at = min(row, gate.rows - 1u);
    var square = 0.0;
    for (var c = share; c < gate.channels; c += SHARERS) {
        let q = vec4f(query[at * gate.query_pixel + gate.query_offset + c]);
        square += dot(q, q);
    }
    let first = at * gate.matching_pixel + gate.matching_offset;
    var largest = -3.4e38;
    for (var i = share; i < gate.items; i += SHARERS) {
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
    let scale = inverseSqrt(max(square, 1e-16));
    // All items and the anomalous ones.
    var sums = vec2f();
    for (var i = share; i < gate.items; i += SHARERS) {
        let e = exp((f32(matching[first + i / 4u][i % 4u]) - largest) * scale);
        sums += vec2f(e, select(0.0, e, i >= gate.items / 2u));
    }
    sums = together(thread, vec3f(sums, 0.0)).xy;
    if share == 0u && row < gate.rows {
        output[row] = sums.y / sums.x;
    }
}
