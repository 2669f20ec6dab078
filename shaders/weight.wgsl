// The gradient of a convolution's weight, as a matrix product over the positions:
//
//   dW[tap][i, o] = sum_m X[m under the tap, i] dY[m, o]
//
// the part that all its variants share. m counts positions of dY (picture, y, x), i input and o output channels.
// For a transposed convolution m counts positions of X, and each tap is a corner in dY. The products with a
// gate's memories and the pairs of the amplification loss have the same form, with one tap.
//
// Layout: X and dY as in `conv.wgsl`, whole features. The positions are divided into parts, which `adam_weight.wgsl`
// adds up: the result is [part], and within a part has the weight's layout, see `conv.wgsl`.
//
// This file is put before one of `weight_*.wgsl`. Dispatch: (tiles of inputs * tiles of outputs, taps, parts).

struct Gradient {
    rows: u32,        // positions that are summed: pictures * height * width
    height: u32,
    width: u32,
    in_height: u32,   // of X; taps outside are zero
    in_width: u32,
    inputs: u32,      // quads of X
    outputs: u32,     // quads of dY
    taps_across: u32, // width of the kernel
    stride: u32,
    padding: i32,
    corners: u32,     // 4 for a transposed convolution, whose taps are the corners, else 1
    part: u32,        // positions of one part
    tap_step: u32,    // quads of the weight from one tap to the next,
    row_step: u32,    // from one input channel to the next,
    part_step: u32,   // and of the whole weight
}

@group(0) @binding(0) var<uniform> g: Gradient;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read> dy: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;

const OUTSIDE = 0xffffffffu;

// The pixel of X at a position under a tap.
fn pixel_of_x(row: u32, tap: u32) -> u32 {
    if g.corners == 4u {
        return select(OUTSIDE, row, row < g.rows);
    }
    let positions = g.height * g.width;
    let picture = row / positions;
    let position = row - picture * positions;
    let py = position / g.width;
    let px = position - py * g.width;
    // A negative coordinate wraps to a large one.
    let y = u32(i32(py * g.stride + tap / g.taps_across) - g.padding);
    let xx = u32(i32(px * g.stride + tap % g.taps_across) - g.padding);
    let inside = row < g.rows && y < g.in_height && xx < g.in_width;
    return select(OUTSIDE, (picture * g.in_height + y) * g.in_width + xx, inside);
}

// The pixel of dY.
fn pixel_of_dy(row: u32, tap: u32) -> u32 {
    if g.corners == 4u {
        let line = row / g.width;
        let column = row - line * g.width;
        return (2u * line + tap / 2u) * 2u * g.width + 2u * column + tap % 2u;
    }
    return row;
}

// A column of the result for each of four inputs: sum + a d^T.
fn outer(a: vec4f, d: vec4f, sum: mat4x4f) -> mat4x4f {
    return mat4x4f(
        fma(vec4f(a.x), d, sum[0]),
        fma(vec4f(a.y), d, sum[1]),
        fma(vec4f(a.z), d, sum[2]),
        fma(vec4f(a.w), d, sum[3]),
    );
}

fn keep(part: u32, tap: u32, i: u32, o: u32, sum: mat4x4f) {
    if i >= g.inputs || o >= g.outputs {
        return;
    }
    let at = part * g.part_step + tap * g.tap_step + 4u * i * g.row_step + o;
    output[at] = sum[0];
    output[at + g.row_step] = sum[1];
    output[at + 2u * g.row_step] = sum[2];
    output[at + 3u * g.row_step] = sum[3];
}
