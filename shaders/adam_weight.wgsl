// A step of Adam for the weight of a convolution. It also stores the same weight turned, with which the gradient of
// the input is a convolution.
//
// The gradient comes in parts (`weight.wgsl`), which are summed here. The turned weight, [ky][kx][output channel]
// [input quad], has one of these forms:
//   PLAIN     stride 1: both axes of the filter mirrored.
//   HALVED    3x3 of stride 2: a 2x2 filter that gives the four corners of the square of inputs below an output.
//             Corner (a, b) takes dY[i + p, j + q] by w[a + 1 - 2 p, b + 1 - 2 q], if there is such a tap; the
//             others stay zero.
//   CORNER    1x1 of stride 2: of each such square only the first corner.
//   DOUBLED   transposed 2x2: a 2x2 filter of stride 2.
//   NONE      the input needs no gradient.
// A thread handles 4 inputs x 4 outputs of one tap. Dispatch: (taps * quads of inputs * quads of outputs / 64), over x
// and z.

struct Adam {
    rate: f32,
    epsilon: f32,
    beta1: f32,
    beta2: f32,
    inputs: u32,      // quads
    outputs: u32,     // quads
    taps: u32,
    taps_across: u32,
    tap_step: u32,    // quads of the weight from a tap to the next,
    row_step: u32,    // and from an input channel to the next
    parts: u32,
    form: u32,
    learns: u32,      // 0: only the turned weight is stored
}

const NONE = 0u;
const PLAIN = 1u;
const HALVED = 2u;
const CORNER = 3u;
const DOUBLED = 4u;

@group(0) @binding(0) var<uniform> adam: Adam;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> moments: array<vec4f>;       // the first, then the second
@group(0) @binding(5) var<storage, read_write> turned: array<vec4f>;

// One input channel's quad of outputs.
fn updated(at: u32) -> vec4f {
    if adam.learns == 0u {
        return weight[at];
    }
    let quads = adam.taps * 4u * adam.inputs * adam.outputs;
    var d = vec4f();
    for (var part = 0u; part < adam.parts; part++) {
        d += gradient[part * quads + at];
    }
    let after = stepped(d, moments[at], moments[quads + at], weight[at], adam.beta1, adam.beta2, adam.rate, adam.epsilon);
    moments[at] = after.m;
    moments[quads + at] = after.v;
    weight[at] = after.weight;
    return after.weight;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let block = id.z * groups.x * 64u + id.x;
    let i = block / adam.outputs % adam.inputs;
    let o = block % adam.outputs;
    let tap = block / adam.outputs / adam.inputs;
    if tap >= adam.taps {
        return;
    }
    let at = tap * adam.tap_step + 4u * i * adam.row_step + o;
    let w = transpose(mat4x4f(
        updated(at),
        updated(at + adam.row_step),
        updated(at + 2u * adam.row_step),
        updated(at + 3u * adam.row_step),
    ));
    let rows = 4u * adam.outputs;
    var to = 0u;
    var line = adam.inputs;
    if adam.form == PLAIN {
        to = ((adam.taps - 1u - tap) * rows + 4u * o) * line + i;
    } else if adam.form == HALVED {
        let ky = tap / adam.taps_across;
        let kx = tap % adam.taps_across;
        let corner = 2u * select(1u, 0u, ky == 1u) + select(1u, 0u, kx == 1u);
        let under = 2u * select(0u, 1u, ky == 0u) + select(0u, 1u, kx == 0u);
        line = 4u * adam.inputs;
        to = (under * rows + 4u * o) * line + corner * adam.inputs + i;
    } else if adam.form == CORNER {
        line = 4u * adam.inputs;
        to = 4u * o * line + i;
    } else if adam.form == DOUBLED {
        to = (tap * rows + 4u * o) * line + i;
    } else {
        return;
    }
    turned[to] = w[0];
    turned[to + line] = w[1];
    turned[to + 2u * line] = w[2];
    turned[to + 3u * line] = w[3];
}
