// A step of Adam for biases, and for the scales and shifts of all norms: numbers stored one after the other.
//
// The gradient comes in parts, which are summed here. A thread handles one quad. Dispatch: (quads / 64), over x and
// z.

struct Adam {
    rate: f32,
    epsilon: f32,
    beta1: f32,
    beta2: f32,
    quads: u32,
    parts: u32,
}

@group(0) @binding(0) var<uniform> adam: Adam;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;            // [part][quad]
@group(0) @binding(2) var<storage, read_write> weight: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> moments: array<vec4f>;       // the first, then the second

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let i = id.z * groups.x * 64u + id.x;
    if i >= adam.quads {
        return;
    }
    var d = vec4f();
    for (var part = 0u; part < adam.parts; part++) {
        d += gradient[part * adam.quads + i];
    }
    let after = stepped(d, moments[i], moments[adam.quads + i], weight[i], adam.beta1, adam.beta2, adam.rate, adam.epsilon);
    moments[i] = after.m;
    moments[adam.quads + i] = after.v;
    weight[i] = after.weight;
}
