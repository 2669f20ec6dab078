// The picture as the stem wants it, from bytes: [picture][y][x] of red, green and blue, 8 bits each, become normalised
// pixels as those of `picture.wgsl`, which says the rest.
//
// A byte has only 256 possible values, and their normalised ones come in a table, [channel][value]: the same numbers
// that the CPU reads there, to the last bit.
//
// A thread moves one pixel. Dispatch: (padded width / 64, padded height, pictures).

const BORDER = 3u;

struct Shape {
    width: u32,
    height: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> bytes: array<u32>; // four to a word, the lowest first
@group(0) @binding(2) var<storage, read> normalized: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<real4>;

fn value(channel: u32, at: u32) -> f32 {
    let byte = extractBits(bytes[at / 4u], at % 4u * 8u, 8u);
    return normalized[channel * 256u + byte];
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let padded = vec2u(shape.width, shape.height) + 2u * BORDER;
    if id.x >= padded.x {
        return;
    }
    let y = id.y - BORDER;
    let x = id.x - BORDER;
    // In the border on the upper or left side these are beyond any size.
    let inside = y < shape.height && x < shape.width;
    let at = select(0u, 3u * ((id.z * shape.height + y) * shape.width + x), inside);
    let pixel = vec4f(value(0u, at), value(1u, at + 1u), value(2u, at + 2u), 0.0);
    output[(id.z * padded.y + id.y) * padded.x + id.x] = real4(select(vec4f(), pixel, inside));
}
