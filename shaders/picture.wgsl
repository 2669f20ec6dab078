// The picture as the stem wants it: normalised pixels [picture][3][height][width] become [picture][y][x] quads (red,
// green, blue, 0) of a picture that is 3 pixels larger on each side, where it is zero.
//
// A thread moves one pixel. Dispatch: (padded width / 64, padded height, pictures).

const BORDER = 3u;

struct Shape {
    width: u32,
    height: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(1) var<storage, read> pixels: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<real4>;

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
    let plane = shape.width * shape.height;
    let at = select(0u, id.z * 3u * plane + y * shape.width + x, inside);
    let pixel = vec4f(pixels[at], pixels[at + plane], pixels[at + 2u * plane], 0.0);
    output[(id.z * padded.y + id.y) * padded.x + id.x] = real4(select(vec4f(), pixel, inside));
}
