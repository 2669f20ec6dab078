// Convolution tiled in workgroup memory, 32 positions x 32 outputs: for small layers, which would leave most of a
// GPU idle with larger tiles.
//
// Slices (`conv_tile.wgsl`) are 32 values of k deep. A thread computes 4 x 4 outputs.
//
// If there are few tiles even of this size, several workgroups share the input channels of one tile, and each stores
// its partial sum, as [part][row][quad of outputs], for `conv_sum.wgsl`. Dispatch: (rows / 32, parts * outputs /
// 32).

const BLOCKS = 8u;
const QUADS = 8u;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let first_row = row_tile(group, groups) * 4u * BLOCKS;
    let tiles = (conv.columns + BLOCKS - 1u) / BLOCKS;
    let part = group.y / tiles;
    let first_column = (group.y - part * tiles) * BLOCKS;
    let first_channel = part * conv.part;
    let last_channel = min(first_channel + conv.part, conv.channels);
    output_begin = part * conv.rows;
    let slow = thread / 8u;
    let fast = thread % 8u;
    // This thread loads quad `fast` of A's block `slow`, and quad `slow` of W's column `fast`; it computes
    // block `slow` of column `fast`.
    let around = windows(first_row + 4u * slow);

    var sum = mat4x4f();
    var k = first_weight(first_row);
    for (var ky = 0u; ky < conv.kernel_height; ky++) {
        for (var kx = 0u; kx < conv.kernel_width; kx++) {
            for (var channel = first_channel; channel < last_channel; channel += QUADS) {
                keep_a(fast, slow, taps(around, ky, kx, channel + fast));
                keep_w(slow, fast, weights(k + 4u * (channel + slow), first_column + fast));
                workgroupBarrier();
                for (var q = 0u; q < QUADS; q++) {
                    sum = product(w_of(q, fast), a_of(q, slow), sum);
                }
                workgroupBarrier();
            }
            k += 4u * conv.channels;
        }
    }
    finish(first_row + 4u * slow, first_column + fast, sum);
}
