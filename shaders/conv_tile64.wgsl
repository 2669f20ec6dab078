// Convolution tiled in workgroup memory, 64 positions x 64 outputs: for layers that fill the GPU with such tiles.
//
// Slices (`conv_tile.wgsl`) are 16 values of k deep. A thread computes 8 x 8 outputs, as four blocks of 4 x 4 that
// lie 32 apart.
// Dispatch: (rows / 64, outputs / 64).

const BLOCKS = 16u;
const QUADS = 4u;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let first_row = row_tile(group, groups) * 4u * BLOCKS;
    let first_column = group.y * BLOCKS;
    // What this thread loads: neighbors load neighboring quads of A's channels and of W's outputs.
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
            for (var channel = 0u; channel < conv.channels; channel += QUADS) {
                keep_a(a_quad, a_block, taps(around, ky, kx, channel + a_quad));
                keep_w(w_quad, w_column, weights(k + 4u * (channel + w_quad), first_column + w_column));
                workgroupBarrier();
                for (var q = 0u; q < QUADS; q++) {
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
