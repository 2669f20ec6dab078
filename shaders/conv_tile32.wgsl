// Convolution tiled in workgroup memory, 32 positions x 32 outputs: for small layers, which would leave most of a
// GPU idle with larger tiles.
//
// Slices of A and W that are 32 values of k deep pass through workgroup memory, where each is read by eight
// threads. A thread computes 4 x 4 outputs. Dispatch: (rows / 32, outputs / 32).

var<workgroup> a_slice: array<array<real4x4, 8>, 8>; // [quad of k][block of 4 rows]
var<workgroup> w_slice: array<array<real4x4, 8>, 8>; // [quad of k][quad of outputs]

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let first_row = row_tile(group, groups) * 32u;
    let first_column = group.y * 8u;
    let slow = thread / 8u;
    let fast = thread % 8u;
    // This thread brings the quad `fast` of A's block `slow`, and the quad `slow` of W's column `fast`; it
    // computes block `slow` of column `fast`.
    let around = windows(first_row + 4u * slow);

    var sum = mat4x4f();
    var k = first_weight(first_row);
    for (var ky = 0u; ky < conv.kernel_height; ky++) {
        for (var kx = 0u; kx < conv.kernel_width; kx++) {
            for (var channel = 0u; channel < conv.channels; channel += 8u) {
                a_slice[fast][slow] = taps(around, ky, kx, channel + fast);
                w_slice[slow][fast] = weights(k + 4u * (channel + slow), first_column + fast);
                workgroupBarrier();
                for (var q = 0u; q < 8u; q++) {
                    sum = product(w_slice[q][fast], a_slice[q][slow], sum);
                }
                workgroupBarrier();
            }
            k += 4u * conv.channels;
        }
    }
    finish(first_row + 4u * slow, first_column + fast, sum);
}
