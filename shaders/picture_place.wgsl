// The part shared by the kernels that bring the picture into the stem's layout: [picture][y][x] quads (red, green,
// blue, 0), with a border of 3 zero pixels on each side. This file is put before each of these kernels, which define
// a pixel:
//
//   pixel(place)       normalized red, green and blue of picture number place.z at x = place.x, y = place.y
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
    // In the upper and left border these wrap beyond any size.
    let inside = y < shape.height && x < shape.width;
    let normalized = vec4f(pixel(select(vec3u(), vec3u(x, y, id.z), inside)), 0.0);
    output[(id.z * padded.y + id.y) * padded.x + id.x] = real4(select(vec4f(), normalized, inside));
}
