// Convolution tiled in workgroup memory, 64 positions x 64 outputs: for layers that fill the GPU with such tiles.
//
// Slices of A and W that are 16 values of k deep pass through workgroup memory, where each is read by eight
// threads. A thread computes 8 x 8 outputs, as four blocks of 4 x 4 that lie 32 apart.
// Dispatch: (rows / 64, outputs / 64).

// Neighbouring threads read neighbouring vectors, which lie in different banks of the memory.
var<workgroup> a_slice: array<array<array<real4, 16>, 4>, 4>; // [quad of k][row of the block][block of 4 rows]
var<workgroup> w_slice: array<array<array<real4, 16>, 4>, 4>; // [quad of k][value of k][quad of outputs]

// The quad of k `q` of a block of rows, and of a quad of outputs.
fn a_of(q: u32, block: u32) -> real4x4 {
    return real4x4(a_slice[q][0][block], a_slice[q][1][block], a_slice[q][2][block], a_slice[q][3][block]);
}

fn w_of(q: u32, column: u32) -> real4x4 {
    return real4x4(w_slice[q][0][column], w_slice[q][1][column], w_slice[q][2][column], w_slice[q][3][column]);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let first_row = row_tile(group, groups) * 64u;
    let first_column = group.y * 16u;
    // What this thread brings: neighbours bring neighbouring quads of A's channels, and of W's outputs.
    let a_quad = thread % 4u;
    let a_block = thread / 4u;
    let around = windows(first_row + 4u * a_block);
    let w_quad = thread / 16u;
    let w_column = thread % 16u;
    // What it computes.
    let block = thread / 8u;
    let column = thread % 8u;

    var s00 = mat4x4f(); var s01 = mat4x4f(); var s10 = mat4x4f(); var s11 = mat4x4f();
    var k = first_weight(first_row);
    for (var ky = 0u; ky < conv.kernel_height; ky++) {
        for (var kx = 0u; kx < conv.kernel_width; kx++) {
            for (var channel = 0u; channel < conv.channels; channel += 4u) {
                let a = taps(around, ky, kx, channel + a_quad);
                a_slice[a_quad][0][a_block] = a[0];
                a_slice[a_quad][1][a_block] = a[1];
                a_slice[a_quad][2][a_block] = a[2];
                a_slice[a_quad][3][a_block] = a[3];
                let w = weights(k + 4u * (channel + w_quad), first_column + w_column);
                w_slice[w_quad][0][w_column] = w[0];
                w_slice[w_quad][1][w_column] = w[1];
                w_slice[w_quad][2][w_column] = w[2];
                w_slice[w_quad][3][w_column] = w[3];
                workgroupBarrier();
                for (var q = 0u; q < 4u; q++) {
                    let a0 = a_of(q, block);
                    let a1 = a_of(q, block + 8u);
                    let w0 = w_of(q, column);
                    let w1 = w_of(q, column + 8u);
                    s00 = product(w0, a0, s00);
                    s01 = product(w1, a0, s01);
                    s10 = product(w0, a1, s10);
                    s11 = product(w1, a1, s11);
                }
                workgroupBarrier();
            }
            k += 4u * conv.channels;
        }
    }
    let row = first_row + 4u * block;
    finish(row, first_column + column, s00);
    finish(row, first_column + column + 8u, s01);
    finish(row + 32u, first_column + column, s10);
    finish(row + 32u, first_column + column + 8u, s11);
}
