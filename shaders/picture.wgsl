// The picture in the stem's layout (`picture_place.wgsl`), from normalized pixels [picture][3][height][width].

@group(0) @binding(1) var<storage, read> pixels: array<f32>;

fn pixel(place: vec3u) -> vec3f {
    let plane = shape.width * shape.height;
    let at = place.z * 3u * plane + place.y * shape.width + place.x;
    return vec3f(pixels[at], pixels[at + plane], pixels[at + 2u * plane]);
}
