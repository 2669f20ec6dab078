// The anomalous rows of the amplification loss (Eq. 5, 7): A' = A + Delta, with Delta as in `residual.wgsl` and gate 1;
// the unit vectors and lengths of A'; and the difference of the unit vectors of A' and A, whose product with the normal
// rows' unit vectors is S1 - S0.
//
// Layout: rows of channels; the difference is [channel][row], with the rows filled up with zeros to whole quads.
// `shared_rows.wgsl` (which gives the dispatch, for the filled-up rows) and `residual.wgsl` are put before this
// file.

struct Advance {
    rows: u32,
    channels: u32,  // quads
    row_quads: u32,
    residual: u32,  // as in `residual.wgsl`
}

@group(0) @binding(0) var<uniform> advance: Advance;
@group(0) @binding(1) var<storage, read> anomalous: array<vec4f>;
@group(0) @binding(2) var<storage, read> generated: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> unit: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> lengths: array<f32>;
@group(0) @binding(5) var<storage, read_write> difference: array<f32>;

fn advanced(at: u32) -> vec4f {
    return anomalous[at] + residual(advance.residual, anomalous[at], generated[at]);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = row_of(group, groups, thread);
    let share = thread % SHARERS;
    let first = min(row, advance.rows - 1u) * advance.channels;
    var sums = vec2f();
    for (var c = share; c < advance.channels; c += SHARERS) {
        let a = anomalous[first + c];
        let b = advanced(first + c);
        sums += vec2f(dot(a, a), dot(b, b));
    }
    sums = together(thread, vec3f(sums, 0.0)).xy;
    if row >= 4u * advance.row_quads {
        return;
    }
    let inverse = inverseSqrt(max(sums, vec2f(1e-16)));
    let inside = row < advance.rows;
    for (var c = share; c < advance.channels; c += SHARERS) {
        var d = vec4f();
        if inside {
            let b = inverse.y * advanced(first + c);
            d = b - inverse.x * anomalous[first + c];
            unit[first + c] = b;
        }
        for (var i = 0u; i < 4u; i++) {
            difference[(4u * c + i) * 4u * advance.row_quads + row] = d[i];
        }
    }
    if inside && share == 0u {
        lengths[row] = sqrt(max(sums.y, 1e-16));
    }
}
