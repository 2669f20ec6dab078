// The gradient of a weight, tiled in workgroup memory: 32 inputs x 32 outputs of one tap, for layers with few
// channels. A thread computes 4 x 4.

const INPUTS = 8u; // quads
const OUTPUTS = 8u;
const SLICE = 32u;
var<workgroup> xs: array<array<vec4f, INPUTS>, SLICE>;
var<workgroup> ds: array<array<vec4f, OUTPUTS>, SLICE>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let across = (g.outputs + OUTPUTS - 1u) / OUTPUTS;
    let i0 = group.x / across * INPUTS;
    let o0 = group.x % across * OUTPUTS;
    let i = thread / 8u;
    let o = thread % 8u;
    var sum = mat4x4f();
    let end = min((group.z + 1u) * g.part, g.rows);
    for (var row = group.z * g.part; row < end; row += SLICE) {
        for (var k = i; k < SLICE; k += 8u) {
            let here = row + k;
            let p = pixel_of_x(here, group.y);
            let inside = p != OUTSIDE && here < end && i0 + o < g.inputs;
            xs[k][o] = select(vec4f(), x[select(0u, p * g.inputs + i0 + o, inside)], inside);
            let within = here < end && o0 + o < g.outputs;
            ds[k][o] = select(vec4f(), dy[select(0u, pixel_of_dy(here, group.y) * g.outputs + o0 + o, within)], within);
        }
        workgroupBarrier();
        for (var k = 0u; k < SLICE; k++) {
            sum = outer(xs[k][i], ds[k][o], sum);
        }
        workgroupBarrier();
    }
    keep(group.z, group.y, i0 + i, o0 + o, sum);
}
