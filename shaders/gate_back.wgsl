// The focal loss of a level's gate and its gradient (Eq. 2 to 4 and 6; `gate.wgsl` has the forward direction).
//
// With m_i = q k_i / |q| for the memory items k_i, which have length 1 / temperature, p = softmax(m) and w the sum
// of p over the anomaly memory, the loss of a position is
//   -0.8 (1 - w)^2 y ln w - 0.2 w^2 (1 - y) ln(1 - w),   y its label,
// dm_i = dw p_i (side_i - w), side 1 for anomalous items, and dq = (sum_i dm_i k_i - (sum_i dm_i m_i) q / |q|) / |q|.
// This stores dm / |q|, whose product with the items is the first term, and the second term, to be added to
// it.
//
// Layout as in `conv.wgsl`. `shared_rows.wgsl` is put before this file and gives the dispatch.

struct Gate {
    rows: u32,      // positions of all pictures
    channels: u32,  // quads of the query
    items: u32,     // of both memories
    item_quads: u32,
}

@group(0) @binding(0) var<uniform> gate: Gate;
@group(0) @binding(1) var<storage, read> query: array<vec4f>;
@group(0) @binding(2) var<storage, read> matching: array<vec4f>;
@group(0) @binding(3) var<storage, read> labels: array<f32>;
@group(0) @binding(4) var<storage, read_write> matching_back: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> query_back: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> losses: array<f32>;           // [workgroup]

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
        let q = query[at * gate.channels + c];
        square += dot(q, q);
    }
    square = together(thread, vec3f(square, 0.0, 0.0)).x;
    let inverse = inverseSqrt(max(square, 1e-16));
    let first = at * gate.item_quads;
    // A cosine is at most 1 and the temperature 0.2, so exp() cannot overflow.
    var sums = vec2f();
    for (var i = share; i < gate.items; i += SHARERS) {
        let e = exp(matching[first + i / 4u][i % 4u] * inverse);
        sums += select(vec2f(e, 0.0), vec2f(0.0, e), i >= gate.items / 2u);
    }
    sums = together(thread, vec3f(sums, 0.0)).xy;
    let all = sums.x + sums.y;
    let n = sums.x / all; // 1 - w
    let w = sums.y / all;
    let y = labels[at];
    let logs = log(vec2f(n, w));
    let dw = (y * 0.8 * (2.0 * n * logs.y - n * n / w) + (1.0 - y) * 0.2 * (w * w / n - 2.0 * w * logs.x))
        / f32(gate.rows);
    var projected = 0.0;
    for (var quad = share; quad < gate.item_quads; quad += SHARERS) {
        var back = vec4f();
        for (var j = 0u; j < 4u; j++) {
            let i = 4u * quad + j;
            if i < gate.items {
                let m = matching[first + quad][j] * inverse;
                let side = select(0.0, 1.0, i >= gate.items / 2u);
                let dm = dw * exp(m) / all * (side - w);
                projected += dm * m;
                back[j] = dm * inverse;
            }
        }
        if row < gate.rows {
            matching_back[first + quad] = back;
        }
    }
    projected = together(thread, vec3f(projected, 0.0, 0.0)).x;
    // Below the smallest length, a vector's length counts as constant.
    let along = select(0.0, projected * inverse * inverse, square > 1e-16);
    if row < gate.rows {
        for (var c = share; c < gate.channels; c += SHARERS) {
            query_back[at * gate.channels + c] = -along * query[at * gate.channels + c];
        }
    }
    let loss = -0.8 * n * n * y * logs.y - 0.2 * w * w * (1.0 - y) * logs.x;
    workgroupBarrier();
    partial[thread] = vec3f(select(0.0, loss, share == 0u && row < gate.rows), 0.0, 0.0);
    workgroupBarrier();
    if thread == 0u {
        var sum = 0.0;
        for (var i = 0u; i < 64u; i += SHARERS) {
            sum += partial[i].x;
        }
        losses[group.z * groups.x + group.x] = sum;
    }
}
