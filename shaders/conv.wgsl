// Convolution as an implicit matrix product: the part that all its variants share.
//
//   Y[m, n] = relu?( sum_k A[m, k] W[k, n] + bias[n] + addend[m, n] )
//
// m counts positions (picture, y, x), n output channels, k = (ky, kx, input channel). A is never stored: its
// elements are the inputs under the filter's taps, zero outside the picture. Batch normalization is folded into
// W and bias; the addend is the shortcut of a residual block.
//
// Layers: 3x3 and 1x1 of any stride; the 7x7 stem, whose input was padded (`picture.wgsl`), as 7 rows of 7 adjacent
// pixels; the 2x2 transposed convolution of stride 2, as a 1x1 one with four times the outputs, one set for each
// corner of the square that a position becomes; the MLPs of gate and generator, and the gate's matching with its
// memories, as 1x1; and the sixteen products of Winograd's convolution (`winograd_input.wgsl`), as one 1x1 whose
// rows are those of all products, with a separate W for each product.
//
// Layout: features are [picture][y][x][channel], four channels to a vector (a "quad") of f32 or f16 (`f32.wgsl`,
// `f16.wgsl`). A feature may be a slice of a wider one: pixel p then begins at quad `p * pixel + offset`. W is
// [ky][kx][input channel][output quad], the input channels filled up with zeros to whole quads; of a transposed
// convolution [input channel][corner][output quad]. Bias and addend start again for every corner.
//
// This file is put before one of `conv_*.wgsl`, which have the entry point and give the dispatch. Each
// workgroup computes a tile of positions and outputs.

struct Conv {
    rows: u32,          // positions: pictures * height * width, of the grid of output positions
    columns: u32,       // quads of outputs, all corners
    height: u32,
    width: u32,
    in_height: u32,     // taps outside are zero
    in_width: u32,
    in_line: u32,       // quads from a pixel to the one below,
    in_pixel: u32,      // to its right neighbor,
    in_picture: u32,    // and to the same pixel of the next picture
    in_offset: u32,
    channels: u32,      // quads of input channels
    kernel_height: u32,
    kernel_width: u32,
    stride: u32,
    padding: i32,
    corners: u32,       // 4 for a transposed convolution, else 1
    out_pixel: u32,
    out_offset: u32,
    add: u32,           // one of the constants below
    add_pixel: u32,
    add_offset: u32,
    relu: u32,
    biased: u32,        // whether the bias is added
    matrix_rows: u32,   // rows after which the next W begins; more than all rows if there is only one
    part: u32,          // quads of input channels that one workgroup sums; all, unless they are shared
}

const SUM = 1u;  // the addend is added
const MASK = 2u; // results whose addend is not positive become zero: the gradient of its ReLU

@group(0) @binding(0) var<uniform> conv: Conv;
@group(0) @binding(1) var<storage, read> input: array<real4>;
@group(0) @binding(2) var<storage, read> bias: array<real4>;
@group(0) @binding(3) var<storage, read> addend: array<real4>;
@group(0) @binding(4) var<storage, read_write> output: array<real4>;
@group(0) @binding(5) var<storage, read> weight: array<real4>;

// Where the workgroup's partial sums begin in the output, in pixels.
var<private> output_begin: u32;

// The position of the filter for one row of A: its upper left tap, and the picture's first quad.
struct Window {
    y: i32,
    x: i32,
    picture: u32,
}

fn window(row: u32) -> Window {
    let positions = conv.height * conv.width;
    let picture = row / positions;
    let position = row - picture * positions;
    let y = position / conv.width;
    let x = position - y * conv.width;
    // A row past the last lies outside every picture.
    let above = select(conv.padding, 0x100000, row >= conv.rows);
    return Window(
        i32(y * conv.stride) - above,
        i32(x * conv.stride) - conv.padding,
        picture * conv.in_picture + conv.in_offset,
    );
}

// A quad of A: the input under the tap (ky, kx).
fn tap(w: Window, ky: u32, kx: u32, channel: u32) -> real4 {
    let y = u32(w.y + i32(ky));
    let x = u32(w.x + i32(kx));
    // A negative coordinate wraps to a large one.
    let inside = y < conv.in_height && x < conv.in_width && channel < conv.channels;
    let at = w.picture + y * conv.in_line + x * conv.in_pixel + channel;
    return select(real4(), input[select(0u, at, inside)], inside);
}

// Four rows of A for four values of k; the matrix's columns are A's rows.
fn taps(w: array<Window, 4>, ky: u32, kx: u32, channel: u32) -> real4x4 {
    return real4x4(
        tap(w[0], ky, kx, channel),
        tap(w[1], ky, kx, channel),
        tap(w[2], ky, kx, channel),
        tap(w[3], ky, kx, channel),
    );
}

fn windows(row: u32) -> array<Window, 4> {
    return array(window(row), window(row + 1u), window(row + 2u), window(row + 3u));
}

// A quad of outputs of W for four values of k, starting at `row`.
fn weights(row: u32, column: u32) -> real4x4 {
    let at = row * conv.columns + column;
    let line = conv.columns;
    return real4x4(weight[at], weight[at + line], weight[at + 2u * line], weight[at + 3u * line]);
}

// sum + W A for four rows (the columns of `a`), four outputs and four values of k (the columns of `w`).
fn product(w: real4x4, a: real4x4, sum: mat4x4f) -> mat4x4f {
    return mat4x4f(
        combine(w, a[0], sum[0]),
        combine(w, a[1], sum[1]),
        combine(w, a[2], sum[2]),
        combine(w, a[3], sum[3]),
    );
}

// Adds bias and addend, applies ReLU, and stores four rows.
fn finish(row: u32, column: u32, sum: mat4x4f) {
    store(row, column, sum[0]);
    store(row + 1u, column, sum[1]);
    store(row + 2u, column, sum[2]);
    store(row + 3u, column, sum[3]);
}

fn store(row: u32, column: u32, sum: vec4f) {
    if row >= conv.rows || column >= conv.columns {
        return;
    }
    var pixel = row;
    var channel = column;
    if conv.corners == 4u {
        let quads = conv.columns / 4u;
        let corner = column / quads;
        channel = column - corner * quads;
        let line = row / conv.width;
        let x = row - line * conv.width;
        pixel = (2u * line + corner / 2u) * 2u * conv.width + 2u * x + corner % 2u;
    }
    var y = sum;
    if conv.biased != 0u {
        y += vec4f(bias[channel]);
    }
    if conv.add != 0u {
        let other = vec4f(addend[pixel * conv.add_pixel + conv.add_offset + channel]);
        if conv.add == SUM {
            y += other;
        } else {
            y = select(vec4f(), y, other > vec4f());
        }
    }
    var kept = stored(y);
    if conv.relu != 0u {
        kept = max(kept, real4());
    }
    output[(output_begin + pixel) * conv.out_pixel + conv.out_offset + channel] = kept;
}

// The first row of W for a tile of rows. No tile contains rows of two products.
fn first_weight(row: u32) -> u32 {
    return row / conv.matrix_rows * 4u * conv.channels;
}

// The workgroup's tile of rows. There may be more tiles than one axis of a dispatch allows.
fn row_tile(group: vec3u, groups: vec3u) -> u32 {
    return group.z * groups.x + group.x;
}
