// Winograd's convolution F(2x2, 3x3), last of three passes: Y = relu?(A^T M A + bias + addend), the 2x2 outputs of
// every patch. `winograd_input.wgsl` explains the rest.
//
// Layout: M is [element][patch][channel]; bias, addend and output as in `conv.wgsl`. A thread computes one quad of
// the four outputs of a patch. Dispatch: (patches across * channels / 64, patches down, pictures).

struct Winograd {
    height: u32,
    width: u32,
    across: u32,     // patches in a row
    channels: u32,   // quads
    patches: u32,    // from one element to the next
    out_pixel: u32,
    out_offset: u32,
    add: u32,        // whether there is an addend
    add_pixel: u32,
    add_offset: u32,
    relu: u32,
}

@group(0) @binding(0) var<uniform> winograd: Winograd;
@group(0) @binding(1) var<storage, read> products: array<real4>;
@group(0) @binding(2) var<storage, read> bias: array<real4>;
@group(0) @binding(3) var<storage, read> addend: array<real4>;
@group(0) @binding(4) var<storage, read_write> output: array<real4>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let x = id.x / winograd.channels;
    let channel = id.x - x * winograd.channels;
    if x >= winograd.across {
        return;
    }
    let place = (id.z * groups.y + id.y) * winograd.across + x;
    let element = winograd.patches * winograd.channels;
    let first = place * winograd.channels + channel;
    // The rows of M, each already times A.
    let a = row(first, element);
    let b = row(first + 4u * element, element);
    let c = row(first + 8u * element, element);
    let d = row(first + 12u * element, element);
    let shift = vec4f(bias[channel]);
    let pixel = (id.z * winograd.height + 2u * id.y) * winograd.width + 2u * x;
    let right = 2u * x + 1u < winograd.width;
    keep(pixel, channel, a[0] + b[0] + c[0] + shift);
    if right {
        keep(pixel + 1u, channel, a[1] + b[1] + c[1] + shift);
    }
    if 2u * id.y + 1u < winograd.height {
        keep(pixel + winograd.width, channel, b[0] - c[0] - d[0] + shift);
        if right {
            keep(pixel + winograd.width + 1u, channel, b[1] - c[1] - d[1] + shift);
        }
    }
}

fn row(at: u32, element: u32) -> mat2x4f {
    let m0 = vec4f(products[at]);
    let m1 = vec4f(products[at + element]);
    let m2 = vec4f(products[at + 2u * element]);
    let m3 = vec4f(products[at + 3u * element]);
    return mat2x4f(m0 + m1 + m2, m1 - m2 - m3);
}

fn keep(pixel: u32, channel: u32, sum: vec4f) {
    var y = sum;
    if winograd.add != 0u {
        y += vec4f(addend[pixel * winograd.add_pixel + winograd.add_offset + channel]);
    }
    var kept = stored(y);
    if winograd.relu != 0u {
        kept = max(kept, real4());
    }
    output[pixel * winograd.out_pixel + winograd.out_offset + channel] = kept;
}
