// The anomalous rows of the amplification loss (Eq. 5, 7): A' = A + Delta, with Delta as in `amplify.wgsl` and gate 1;
// its unit vectors, its lengths, and the difference of the unit vectors of A' and A, with which the product of the
// normal rows' unit vectors is S1 - S0.
//
// Layout: rows of channels; the difference is [channel][row], the rows filled up with zeros to whole quads. Eight
// threads share a row, and a workgroup has eight rows. Dispatch: (rows, filled up, / 8).

struct Advance {
    rows: u32,
    channels: u32,  // quads
    row_quads: u32,
    residual: u32,  // as in `amplify.wgsl`
}

const TANH = 0u;
const SIGMOID = 1u;

@group(0) @binding(0) var<uniform> advance: Advance;
@group(0) @binding(1) var<storage, read> anomalous: array<vec4f>;
@group(0) @binding(2) var<storage, read> generated: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> unit: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> lengths: array<f32>;
@group(0) @binding(5) var<storage, read_write> difference: array<f32>;

const SHARERS = 8u;

var<workgroup> partial: array<vec2f, 64>;

fn advanced(at: u32) -> vec4f {
    let a = anomalous[at];
    let y = generated[at];
    if advance.residual == TANH {
        return a + tanh(clamp(y, vec4f(-20.0), vec4f(20.0))) * a;
    }
    if advance.residual == SIGMOID {
        return a + a / (1.0 + exp(-y));
    }
    return a + y;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let row = group.x * 8u + thread / SHARERS;
    let share = thread % SHARERS;
    let first = min(row, advance.rows - 1u) * advance.channels;
    var sums = vec2f();
    for (var c = share; c < advance.channels; c += SHARERS) {
        let a = anomalous[first + c];
        let b = advanced(first + c);
        sums += vec2f(dot(a, a), dot(b, b));
    }
    partial[thread] = sums;
    workgroupBarrier();
    sums = vec2f();
    for (var i = 0u; i < SHARERS; i++) {
        sums += partial[thread - share + i];
    }
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
