// Convolution tiled in workgroup memory, 32 positions x 32 outputs: for small layers, which would leave most of a
// GPU idle with larger tiles.
//
// Slices of A and W that are 32 values of k deep pass through workgroup memory, where each is read by eight
// threads. A thread computes 4 x 4 outputs.
//
// Where even such tiles are few, several workgroups share the input channels of one, and each stores its part of the
// sum, as [part][row][quad of outputs], for `conv_sum.wgsl`. Dispatch: (rows / 32, parts * outputs / 32).

// Neighbouring threads read neighbouring vectors, which lie in different banks of the memory.
var<workgroup> a_slice: array<array<array<real4, 8>, 4>, 8>; // [quad of k][row of the block][block of 4 rows]
var<workgroup> w_slice: array<array<array<real4, 8>, 4>, 8>; // [quad of k][value of k][quad of outputs]

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
    let first_row = row_tile(group, groups) * 32u;
    let tiles = (conv.columns + 7u) / 8u;
    let part = group.y / tiles;
    let first_column = (group.y - part * tiles) * 8u;
    let first_channel = part * conv.part;
    let last_channel = min(first_channel + conv.part, conv.channels);
    output_begin = part * conv.rows;
    let slow = thread / 8u;
    let fast = thread % 8u;
    // This thread brings the quad `fast` of A's block `slow`, and the quad `slow` of W's column `fast`; it
    // computes block `slow` of column `fast`.
    let around = windows(first_row + 4u * slow);

    var sum = mat4x4f();
    var k = first_weight(first_row);
    for (var ky = 0u; ky < conv.kernel_height; ky++) {
        for (var kx = 0u; kx < conv.kernel_width; kx++) {
            for (var channel = first_channel; channel < last_channel; channel += 8u) {
                let a = taps(around, ky, kx, channel + fast);
                a_slice[fast][0][slow] = a[0];
                a_slice[fast][1][slow] = a[1];
                a_slice[fast][2][slow] = a[2];
                a_slice[fast][3][slow] = a[3];
                let w = weights(k + 4u * (channel + slow), first_column + fast);
                w_slice[slow][0][fast] = w[0];
                w_slice[slow][1][fast] = w[1];
                w_slice[slow][2][fast] = w[2];
                w_slice[slow][3][fast] = w[3];
                workgroupBarrier();
                for (var q = 0u; q < 8u; q++) {
                    sum = product(w_of(q, fast), a_of(q, slow), sum);
                }
                workgroupBarrier();
            }
            k += 4u * conv.channels;
        }
    }
    finish(first_row + 4u * slow, first_column + fast, sum);
}
