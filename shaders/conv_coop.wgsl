// Convolution with matrix units (WGSL's cooperative matrices, which wgpu has natively): the part that its two tile
// sizes share. This file is put between `conv.wgsl` and one of `conv_coop64.wgsl` and `conv_coop128.wgsl`, which
// define four numbers:
//
//   ROWS       positions in a tile
//   COLUMNS    quads of outputs in a tile
//   THREADS    of a workgroup
//   DOWN       rows of the part of a tile that one subgroup of 32 threads computes; that part is 8 quads wide
//
// A subgroup multiplies matrices of 16 x 16: f16 with f16, summed in f32. Slices of A and W, 32 values of k deep, pass
// through workgroup memory; while one is multiplied, the next is being loaded into registers. (A second slice in
// workgroup memory would save a barrier, but fewer workgroups would fit on a GPU: this costs time with the small tiles,
// and saves 5 % with the large ones.) There A is [row][quad of k], W is [k][quad of outputs]. The sums pass through
// workgroup memory too, one matrix of every subgroup at a time.
//
// If there are few tiles even of the small size, several workgroups share the input channels of one tile, and each
// stores its partial sum, as [part][row][quad of outputs], for `conv_sum.wgsl`. Dispatch: (rows / ROWS, parts *
// columns / COLUMNS).

const SLICE = 8u; // quads of k
const WIDE = 8u;  // quads of outputs of a subgroup's part
// Lines are 16 bytes longer than their content, so that the lines of a matrix lie in different banks.
const A_LINE = SLICE + 2u;
const W_LINE = COLUMNS + 2u;
const Y_LINE = 4u + 1u;
const A_SIZE = ROWS * A_LINE;
const W_SIZE = 4u * SLICE * W_LINE;
const Y_SIZE = 16u * Y_LINE;

var<workgroup> a_slice: array<real4, A_SIZE>;
var<workgroup> w_slice: array<real4, W_SIZE>;
var<workgroup> sums: array<vec4f, THREADS / 32u * Y_SIZE>; // of every subgroup

// What a workgroup computes.
struct Task {
    corner: vec2u,      // its first row, and quad of outputs,
    first: u32,         // and the input channels that it sums
    last: u32,
    slices: u32,
}

// The current position in the sum.
struct Step {
    ky: u32,
    kx: u32,
    channel: u32,
    weights: u32,       // the first row of W under this tap
}

// The part of a slice that a thread loads: one quad of A in each of four rows, and one quad of outputs for four
// values of k.
struct Load {
    a0: real4, a1: real4, a2: real4, a3: real4,
    w0: real4, w1: real4, w2: real4, w3: real4,
}

fn task(group: vec3u, groups: vec3u) -> Task {
    let tiles = (conv.columns + COLUMNS - 1u) / COLUMNS;
    let part = group.y / tiles;
    let first = part * conv.part;
    let last = min(first + conv.part, conv.channels);
    output_begin = part * conv.rows;
    return Task(
        vec2u(row_tile(group, groups) * ROWS, (group.y - part * tiles) * COLUMNS),
        first,
        last,
        conv.kernel_height * conv.kernel_width * ((last - first + SLICE - 1u) / SLICE),
    );
}

// The windows of the four rows that a thread loads.
fn far_windows(first: u32) -> array<Window, 4> {
    let apart = THREADS / SLICE;
    return array(window(first), window(first + apart), window(first + 2u * apart), window(first + 3u * apart));
}

fn after(step: Step, task: Task) -> Step {
    var next = step;
    next.channel += SLICE;
    if next.channel >= task.last {
        next.channel = task.first;
        next.weights += 4u * conv.channels;
        next.kx += 1u;
        if next.kx == conv.kernel_width {
            next.kx = 0u;
            next.ky += 1u;
        }
    }
    return next;
}

// Neighboring threads load neighboring quads of A's channels and of W's outputs. A is zero beyond its channels, so
// the values of W there do not matter.
fn bring(around: array<Window, 4>, step: Step, column: u32, thread: u32) -> Load {
    let channel = step.channel + thread % SLICE;
    let at = (step.weights + 4u * step.channel + thread / COLUMNS) * conv.columns + column + thread % COLUMNS;
    let line = THREADS / COLUMNS * conv.columns;
    return Load(
        tap(around[0], step.ky, step.kx, channel),
        tap(around[1], step.ky, step.kx, channel),
        tap(around[2], step.ky, step.kx, channel),
        tap(around[3], step.ky, step.kx, channel),
        weight[at], weight[at + line], weight[at + 2u * line], weight[at + 3u * line],
    );
}

fn keep(load: Load, thread: u32) {
    let a = thread / SLICE * A_LINE + thread % SLICE;
    let a_apart = THREADS / SLICE * A_LINE;
    a_slice[a] = load.a0;
    a_slice[a + a_apart] = load.a1;
    a_slice[a + 2u * a_apart] = load.a2;
    a_slice[a + 3u * a_apart] = load.a3;
    let w = thread / COLUMNS * W_LINE + thread % COLUMNS;
    let w_apart = THREADS / COLUMNS * W_LINE;
    w_slice[w] = load.w0;
    w_slice[w + w_apart] = load.w1;
    w_slice[w + 2u * w_apart] = load.w2;
    w_slice[w + 3u * w_apart] = load.w3;
}

// Where a subgroup's part of the tile begins.
fn part_row(subgroup: u32) -> u32 {
    return subgroup / (COLUMNS / WIDE) * DOWN;
}

fn part_column(subgroup: u32) -> u32 {
    return subgroup % (COLUMNS / WIDE) * WIDE;
}

// While the quads in `sums` are stored, which begin at `first` (row, and quad of outputs) of every subgroup's
// part: the row and quad of outputs of the quad that a thread stores.
fn left(task: Task, first: vec2u, quad: u32) -> vec2u {
    let subgroup = quad / 64u;
    let part = task.corner + vec2u(part_row(subgroup), part_column(subgroup));
    return part + first + vec2u(quad / 4u % 16u, quad % 4u);
}

fn leave(task: Task, first: vec2u, quad: u32) {
    let at = left(task, first, quad);
    store(at.x, at.y, sums[quad / 4u * Y_LINE + quad % 4u]);
}
