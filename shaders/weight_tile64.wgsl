// The gradient of a weight, tiled in workgroup memory: 64 inputs x 64 outputs of one tap. A thread computes 8 x 8, as
// four blocks of 4 x 4 that lie 32 apart.

const INPUTS = 16u; // quads
const OUTPUTS = 16u;
const SLICE = 16u;
var<workgroup> xs: array<array<vec4f, INPUTS>, SLICE>;
var<workgroup> ds: array<array<vec4f, OUTPUTS>, SLICE>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let across = (g.outputs + OUTPUTS - 1u) / OUTPUTS;
    let i0 = group.x / across * INPUTS;
    let o0 = group.x % across * OUTPUTS;
    let lane = thread % 16u;
    let i = thread / 8u;
    let o = thread % 8u;
    var s00 = mat4x4f(); var s01 = mat4x4f(); var s10 = mat4x4f(); var s11 = mat4x4f();
    let end = min((group.z + 1u) * g.part, g.rows);
    for (var row = group.z * g.part; row < end; row += SLICE) {
        for (var k = thread / 16u; k < SLICE; k += 4u) {
            let here = row + k;
            let p = pixel_of_x(here, group.y);
            let inside = p != OUTSIDE && here < end && i0 + lane < g.inputs;
            xs[k][lane] = select(vec4f(), x[select(0u, p * g.inputs + i0 + lane, inside)], inside);
            let within = here < end && o0 + lane < g.outputs;
            ds[k][lane] =
                select(vec4f(), dy[select(0u, pixel_of_dy(here, group.y) * g.outputs + o0 + lane, within)], within);
        }
        workgroupBarrier();
        for (var k = 0u; k < SLICE; k++) {
            let a0 = xs[k][i];
            let a1 = xs[k][i + 8u];
            let d0 = ds[k][o];
            let d1 = ds[k][o + 8u];
            s00 = outer(a0, d0, s00);
            s01 = outer(a0, d1, s01);
            s10 = outer(a1, d0, s10);
            s11 = outer(a1, d1, s11);
        }
        workgroupBarrier();
    }
    keep(group.z, group.y, i0 + i, o0 + o, s00);
    keep(group.z, group.y, i0 + i, o0 + o + 8u, s01);
    keep(group.z, group.y, i0 + i + 8u, o0 + o, s10);
    keep(group.z, group.y, i0 + i + 8u, o0 + o + 8u, s11);
}
