// The gradient of `advance.wgsl` with respect to the generator's output, from the gradient of the unit vectors of
// A', which comes in parts (`weight.wgsl`): with u = A' / |A'|, dA' = (g - u (u g)) / |A'|, and then the gradient of
// Delta.
//
// Layout: rows of channels. `shared_rows.wgsl` (which gives the dispatch) and `residual.wgsl` are put before this
// file.

struct Advance {
    rows: u32,
    channels: u32,   // quads
    parts: u32,
    part_step: u32,  // quads from one part of the gradient to the next
    residual: u32,   // as in `residual.wgsl`
}

@group(0) @binding(0) var<uniform> advance: Advance;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read> unit: array<vec4f>;
@group(0) @binding(3) var<storage, read> lengths: array<f32>;
@group(0) @binding(4) var<storage, read> anomalous: array<vec4f>;
@group(0) @binding(5) var<storage, read> generated: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> output: array<vec4f>;

fn summed(at: u32) -> vec4f {
    var sum = vec4f();
    for (var part = 0u; part < advance.parts; part++) {
        sum += gradient[part * advance.part_step + at];
    }
    return sum;
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
    var along = 0.0;
    for (var c = share; c < advance.channels; c += SHARERS) {
        along += dot(summed(first + c), unit[first + c]);
    }
    along = together(thread, vec3f(along, 0.0, 0.0)).x;
    if row >= advance.rows {
        return;
    }
    let inverse = 1.0 / lengths[row];
    for (var c = share; c < advance.channels; c += SHARERS) {
        let at = first + c;
        var d = (summed(at) - along * unit[at]) * inverse;
        let y = generated[at];
        if advance.residual == TANH {
            let t = safe_tanh(y);
            d *= anomalous[at] * (1.0 - t * t);
        } else if advance.residual == SIGMOID {
            let s = 1.0 / (1.0 + exp(-y));
            d *= anomalous[at] * s * (1.0 - s);
        }
        output[at] = d;
    }
}
