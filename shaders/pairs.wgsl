// The amplification loss of a level (Eq. 7): the sum of relu(S1 - S0 + alpha) over all pairs of a normal and an
// anomalous row, in parts. Each S1 - S0 is replaced by its gradient: `share` if S1 - S0 + alpha is positive, else 0.
//
// Layout: [normal row][anomalous row], the latter filled up to whole quads. A thread handles one quad. Dispatch:
// (normal rows * quads / 64), over x and z.

struct Pairs {
    quads: u32,      // in all
    row_quads: u32,
    anomalous: u32,  // rows
    alpha: f32,
    share: f32,      // weight of the loss / pairs
}

@group(0) @binding(0) var<uniform> pairs: Pairs;
@group(0) @binding(1) var<storage, read_write> products: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;      // [workgroup]

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let workgroup = group.z * groups.x + group.x;
    let at = workgroup * 64u + thread;
    var loss = vec4f();
    if at < pairs.quads {
        let first = at % pairs.row_quads * 4u;
        let there = vec4u(first, first + 1u, first + 2u, first + 3u) < vec4u(pairs.anomalous);
        let excess = products[at] + pairs.alpha;
        // Not `excess > 0`: a NaN must reach the loss.
        loss = select(vec4f(), select(excess, vec4f(), excess <= vec4f()), there);
        products[at] = select(vec4f(), vec4f(pairs.share), there & (excess > vec4f()));
    }
    partial[thread] = loss.x + loss.y + loss.z + loss.w;
    for (var half = 32u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            partial[thread] += partial[thread + half];
        }
    }
    if thread == 0u {
        losses[workgroup] = partial[0];
    }
}
