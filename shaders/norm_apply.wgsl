// Batch normalization in training, last pass: relu?(x scale + shift + addend). The addend is a residual block's
// shortcut: the block's input itself, or a convolution of it with a norm of its own.
//
// Layout as in `conv.wgsl`; x and addend are whole features. A thread computes one quad. Dispatch:
// (positions * channels / 64), over x and z.

struct Norm {
    rows: u32,       // positions of all pictures
    channels: u32,   // quads
    out_pixel: u32,
    out_offset: u32,
    add: u32,        // one of the constants below
    add_pixel: u32,
    add_offset: u32,
    relu: u32,
}

const NOTHING = 0u;
const NORMALIZED = 2u; // normalized with `add_factors`

@group(0) @binding(0) var<uniform> norm: Norm;
@group(0) @binding(1) var<storage, read> input: array<vec4f>;
@group(0) @binding(2) var<storage, read> factors: array<vec4f>; // [channel] of scale, shift, mean, 1 / deviation
@group(0) @binding(3) var<storage, read> addend: array<vec4f>;
@group(0) @binding(4) var<storage, read> add_factors: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let quad = id.z * groups.x * 64u + id.x;
    let row = quad / norm.channels;
    let channel = quad - row * norm.channels;
    if row >= norm.rows {
        return;
    }
    var y = fma(input[quad], factors[4u * channel], factors[4u * channel + 1u]);
    if norm.add != NOTHING {
        var a = addend[row * norm.add_pixel + norm.add_offset + channel];
        if norm.add == NORMALIZED {
            a = fma(a, add_factors[4u * channel], add_factors[4u * channel + 1u]);
        }
        y += a;
    }
    if norm.relu != 0u {
        y = max(y, vec4f());
    }
    output[row * norm.out_pixel + norm.out_offset + channel] = y;
}
