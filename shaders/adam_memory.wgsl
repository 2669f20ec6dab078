// A step of Adam for the memory items K of a gate (Eq. 2, 3). It also stores the items scaled to length 1 / temperature
// in the two layouts that products with them need: as the weight of the matching, [channel][item], and as that of its
// gradient, [item][channel].
//
// The gradient g is that of the scaled items, in parts (`weight.wgsl`). With k = K / |K|:
// dK = (g - k (k g)) / (temperature |K|). A workgroup handles one item. Dispatch: (items of both memories).

struct Adam {
    rate: f32,
    epsilon: f32,
    beta1: f32,
    beta2: f32,
    items: u32,
    channels: u32,   // quads, at most 256
    item_quads: u32,
    parts: u32,
    learns: u32,     // 0: only the scaled items are made
}

const TEMPERATURE: f32 = 0.2;
const EACH = 4u; // quads of a thread, at most

@group(0) @binding(0) var<uniform> adam: Adam;
@group(0) @binding(1) var<storage, read> gradient: array<vec4f>;      // [part][item, filled up to whole quads][channel]
@group(0) @binding(2) var<storage, read_write> memory: array<vec4f>;  // [item][channel]
@group(0) @binding(3) var<storage, read_write> moments: array<vec4f>; // the first, then the second
@group(0) @binding(5) var<storage, read_write> by_channel: array<f32>;
@group(0) @binding(6) var<storage, read_write> by_item: array<vec4f>;

var<workgroup> partial: array<vec2f, 64>;

fn together(thread: u32, mine: vec2f) -> vec2f {
    workgroupBarrier();
    partial[thread] = mine;
    for (var half = 32u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            partial[thread] += partial[thread + half];
        }
    }
    workgroupBarrier();
    return partial[0];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let item = group.x;
    let first = item * adam.channels;
    var g: array<vec4f, EACH>;
    var k: array<vec4f, EACH>;
    var sums = vec2f();
    for (var j = 0u; j < EACH; j++) {
        let c = thread + 64u * j;
        if c < adam.channels {
            k[j] = memory[first + c];
            if adam.learns != 0u {
                for (var part = 0u; part < adam.parts; part++) {
                    g[j] += gradient[(part * 4u * adam.item_quads + item) * adam.channels + c];
                }
            }
            sums += vec2f(dot(k[j], k[j]), dot(k[j], g[j]));
        }
    }
    sums = together(thread, sums);
    if adam.learns != 0u {
        let inverse = inverseSqrt(max(sums.x, 1e-16));
        let along = select(0.0, sums.y * inverse * inverse, sums.x > 1e-16);
        let quads = adam.items * adam.channels;
        var square = 0.0;
        for (var j = 0u; j < EACH; j++) {
            let c = thread + 64u * j;
            if c < adam.channels {
                let d = (g[j] - along * k[j]) * inverse / TEMPERATURE;
                let at = first + c;
                let after =
                    stepped(d, moments[at], moments[quads + at], k[j], adam.beta1, adam.beta2, adam.rate, adam.epsilon);
                moments[at] = after.m;
                moments[quads + at] = after.v;
                memory[at] = after.weight;
                k[j] = after.weight;
                square += dot(k[j], k[j]);
            }
        }
        sums = together(thread, vec2f(square, 0.0));
    }
    let scale = inverseSqrt(max(sums.x, 1e-16)) / TEMPERATURE;
    for (var j = 0u; j < EACH; j++) {
        let c = thread + 64u * j;
        if c < adam.channels {
            let scaled = scale * k[j];
            by_item[first + c] = scaled;
            for (var i = 0u; i < 4u; i++) {
                by_channel[(4u * c + i) * 4u * adam.item_quads + item] = scaled[i];
            }
        }
    }
}
