// The gradient of a weight without workgroup memory, for software adapters (see `conv_direct.wgsl`). A workgroup
// handles 64 inputs x 16 outputs of one tap, a thread 8 of those inputs.

const INPUTS = 16u; // quads
const OUTPUTS = 4u;

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let across = (g.outputs + OUTPUTS - 1u) / OUTPUTS;
    let i = group.x / across * INPUTS + 2u * thread;
    let o = group.x % across * OUTPUTS;
    if i >= g.inputs {
        return;
    }
    // Outputs beyond the last repeat the last, and are not stored.
    let last = g.outputs - 1u;
    let second = min(i + 1u, g.inputs - 1u);
    var a0 = mat4x4f(); var a1 = mat4x4f(); var a2 = mat4x4f(); var a3 = mat4x4f();
    var b0 = mat4x4f(); var b1 = mat4x4f(); var b2 = mat4x4f(); var b3 = mat4x4f();
    let end = min((group.z + 1u) * g.part, g.rows);
    for (var row = group.z * g.part; row < end; row++) {
        let p = pixel_of_x(row, group.y);
        if p == OUTSIDE {
            continue;
        }
        let xa = x[p * g.inputs + i];
        let xb = x[p * g.inputs + second];
        let first = pixel_of_dy(row, group.y) * g.outputs;
        let d0 = dy[first + min(o, last)];
        let d1 = dy[first + min(o + 1u, last)];
        let d2 = dy[first + min(o + 2u, last)];
        let d3 = dy[first + min(o + 3u, last)];
        a0 = outer(xa, d0, a0); a1 = outer(xa, d1, a1); a2 = outer(xa, d2, a2); a3 = outer(xa, d3, a3);
        b0 = outer(xb, d0, b0); b1 = outer(xb, d1, b1); b2 = outer(xb, d2, b2); b3 = outer(xb, d3, b3);
    }
    keep(group.z, group.y, i, o, a0);
    keep(group.z, group.y, i, o + 1u, a1);
    keep(group.z, group.y, i, o + 2u, a2);
    keep(group.z, group.y, i, o + 3u, a3);
    keep(group.z, group.y, i + 1u, o, b0);
    keep(group.z, group.y, i + 1u, o + 1u, b1);
    keep(group.z, group.y, i + 1u, o + 2u, b2);
    keep(group.z, group.y, i + 1u, o + 3u, b3);
}
