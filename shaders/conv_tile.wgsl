// Convolution tiled in workgroup memory: the part that its two tile sizes share. This file is put between
// `conv.wgsl` and one of `conv_tile32.wgsl` and `conv_tile64.wgsl`, which define two numbers:
//
//   BLOCKS   blocks of four rows in a tile, and as many quads of outputs
//   QUADS    quads of k in a slice
//
// Slices of A and W pass through workgroup memory, where each is read by eight threads.

// Neighboring threads read neighboring vectors, which lie in different banks of the memory.
var<workgroup> a_slice: array<array<array<real4, BLOCKS>, 4>, QUADS>; // [quad of k][row of the block][block of 4 rows]
var<workgroup> w_slice: array<array<array<real4, BLOCKS>, 4>, QUADS>; // [quad of k][value of k][quad of outputs]

// The quad of k `q` of a block of rows, and of a quad of outputs.
fn a_of(q: u32, block: u32) -> real4x4 {
    return real4x4(a_slice[q][0][block], a_slice[q][1][block], a_slice[q][2][block], a_slice[q][3][block]);
}

fn w_of(q: u32, column: u32) -> real4x4 {
    return real4x4(w_slice[q][0][column], w_slice[q][1][column], w_slice[q][2][column], w_slice[q][3][column]);
}

fn keep_a(q: u32, block: u32, a: real4x4) {
    a_slice[q][0][block] = a[0];
    a_slice[q][1][block] = a[1];
    a_slice[q][2][block] = a[2];
    a_slice[q][3][block] = a[3];
}

fn keep_w(q: u32, column: u32, w: real4x4) {
    w_slice[q][0][column] = w[0];
    w_slice[q][1][column] = w[1];
    w_slice[q][2][column] = w[2];
    w_slice[q][3][column] = w[3];
}
