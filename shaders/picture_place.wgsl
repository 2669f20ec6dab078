// What the kernels share that bring the picture into the form that the stem wants: [picture][y][x] quads (red, green,
// blue, 0) of a picture that is 3 pixels larger on each side, where it is zero. This file is put before each of them;
// they say what a pixel is:
//
//   pixel(place)       normalized red, green and blue of the picture number place.z at x = place.x, y = place.y
//
// A thread moves one pixel. Dispatch: (padded width / 64, padded height, pictures).

const BORDER = 3u;

struct Shape {
    width: u32,
    height: u32,
}

@group(0) @binding(0) var<uniform> shape: Shape;
@group(0) @binding(2) var<storage, read_write> output: array<real4>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let padded = vec2u(shape.width, shape.height) + 2u * BORDER;
    if id.x >= padded.x {
        return;
    }
    let x = id.x - BORDER;
    let y = id.y - BORDER;
    // In the border on the upper or left side these are beyond any size.
    let inside = y < shape.height && x < shape.width;
    let normalized = vec4f(pixel(select(vec3u(), vec3u(x, y, id.z), inside)), 0.0);
    output[(id.z * padded.y + id.y) * padded.x + id.x] = real4(select(vec4f(), normalized, inside));
}
