// Convolution without workgroup memory, for software adapters: there it is ordinary memory, and waiting at
// barriers costs more than reading twice.
//
// A thread computes 8 positions x 16 outputs, a workgroup 64 x 16. Dispatch: (rows / 64, outputs / 16).

@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = row_tile(group, groups) * 64u + thread * 8u;
    let column = group.y * 4u;
    let upper = windows(row);
    let lower = windows(row + 4u);
    var u0 = mat4x4f(); var u1 = mat4x4f(); var u2 = mat4x4f(); var u3 = mat4x4f();
    var l0 = mat4x4f(); var l1 = mat4x4f(); var l2 = mat4x4f(); var l3 = mat4x4f();
    var k = first_weight(row);
    for (var ky = 0u; ky < conv.kernel_height; ky++) {
        for (var kx = 0u; kx < conv.kernel_width; kx++) {
            for (var channel = 0u; channel < conv.channels; channel++) {
                let a = taps(upper, ky, kx, channel);
                let b = taps(lower, ky, kx, channel);
                let w0 = weights(k, column);
                u0 = product(w0, a, u0);
                l0 = product(w0, b, l0);
                let w1 = weights(k, column + 1u);
                u1 = product(w1, a, u1);
                l1 = product(w1, b, l1);
                let w2 = weights(k, column + 2u);
                u2 = product(w2, a, u2);
                l2 = product(w2, b, l2);
                let w3 = weights(k, column + 3u);
                u3 = product(w3, a, u3);
                l3 = product(w3, b, l3);
                k += 4u;
            }
        }
    }
    finish(row, column, u0);
    finish(row, column + 1u, u1);
    finish(row, column + 2u, u2);
    finish(row, column + 3u, u3);
    finish(row + 4u, column, l0);
    finish(row + 4u, column + 1u, l1);
    finish(row + 4u, column + 2u, l2);
    finish(row + 4u, column + 3u, l3);
}
