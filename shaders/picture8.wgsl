// The picture in the stem's layout (`picture_place.wgsl`), from bytes: [picture][y][x] of red, green and blue, 8 bits
// each.
//
// A byte has only 256 possible values, whose normalized values are in a table, [channel][value]: exactly the numbers
// that the CPU uses.

@group(0) @binding(1) var<storage, read> bytes: array<u32>; // four to a word, the lowest first
@group(0) @binding(3) var<storage, read> table: array<f32>;

fn value(channel: u32, at: u32) -> f32 {
    let byte = extractBits(bytes[at / 4u], at % 4u * 8u, 8u);
    return table[channel * 256u + byte];
}

fn pixel(place: vec3u) -> vec3f {
    let at = 3u * ((place.z * shape.height + place.y) * shape.width + place.x);
    return vec3f(value(0u, at), value(1u, at + 1u), value(2u, at + 2u));
}
