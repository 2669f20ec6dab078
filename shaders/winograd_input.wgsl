// Winograd's convolution F(2x2, 3x3), first of three passes: V = B^T d B for every 4x4 patch d of the input. The
// patches are 2 pixels apart and give 2x2 outputs each, with 16 products instead of 36 (Lavin and Gray, 2016).
//
// Then `conv_*.wgsl` multiplies: M[i] = V[i] U[i], a matrix product over the channels for each of the 16 elements i,
// where U = G g G^T was computed from the filter g when the model was loaded. `winograd_output.wgsl` is the last
// pass.
//
// Layout: the input as in `conv.wgsl`; V is [element][patch][channel], where patches count (picture, y, x). The
// patches of an element are filled up to `patches`, a whole number of tiles; the content beyond the last patch is
// arbitrary. A thread transforms one quad of a patch. Dispatch: (patches across * channels / 64, patches down,
// pictures).

struct Winograd {
    height: u32,
    width: u32,
    across: u32,     // patches in a row
    channels: u32,   // quads
    patches: u32,    // from one element to the next
    in_pixel: u32,
    in_offset: u32,
}

@group(0) @binding(0) var<uniform> winograd: Winograd;
@group(0) @binding(1) var<storage, read> input: array<real4>;
@group(0) @binding(2) var<storage, read_write> output: array<real4>;

// One quad of a pixel; zero outside the picture.
fn pixel(picture: u32, y: u32, x: u32, channel: u32) -> real4 {
    let inside = y < winograd.height && x < winograd.width;
    let at = (picture * winograd.height + y) * winograd.width + x;
    return select(real4(), input[select(0u, at, inside) * winograd.in_pixel + winograd.in_offset + channel], inside);
}

// B^T d for one column of four pixels.
fn column(picture: u32, y: u32, x: u32, channel: u32) -> real4x4 {
    let a = pixel(picture, y, x, channel);
    let b = pixel(picture, y + 1u, x, channel);
    let c = pixel(picture, y + 2u, x, channel);
    let d = pixel(picture, y + 3u, x, channel);
    return real4x4(a - c, b + c, c - b, b - d);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let x = id.x / winograd.channels;
    let channel = id.x - x * winograd.channels;
    if x >= winograd.across {
        return;
    }
    // One pixel up and left; from 0 this wraps beyond any size.
    let top = 2u * id.y - 1u;
    let left = 2u * x - 1u;
    let a = column(id.z, top, left, channel);
    let b = column(id.z, top, left + 1u, channel);
    let c = column(id.z, top, left + 2u, channel);
    let d = column(id.z, top, left + 3u, channel);
    let place = (id.z * groups.y + id.y) * winograd.across + x;
    let first = place * winograd.channels + channel;
    let element = winograd.patches * winograd.channels;
    keep(first, element, a[0], b[0], c[0], d[0]);
    keep(first + 4u * element, element, a[1], b[1], c[1], d[1]);
    keep(first + 8u * element, element, a[2], b[2], c[2], d[2]);
    keep(first + 12u * element, element, a[3], b[3], c[3], d[3]);
}

// A row of B^T d, times B.
fn keep(at: u32, element: u32, a: real4, b: real4, c: real4, d: real4) {
    output[at] = a - c;
    output[at + element] = b + c;
    output[at + 2u * element] = c - b;
    output[at + 3u * element] = b - d;
}
