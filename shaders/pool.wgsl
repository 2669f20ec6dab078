// The maximum over 3x3 neighborhoods of stride 2, padding 1, that follows the stem. Pixels outside do not count.
//
// Layout as in `conv.wgsl`. A thread computes one quad. Dispatch: (width * channels / 64, height, pictures) of the
// output.

struct Pool {
    width: u32,      // of the output
    channels: u32,   // quads
    in_height: u32,
    in_width: u32,
    in_pixel: u32,
    in_offset: u32,
    out_pixel: u32,
    out_offset: u32,
}

@group(0) @binding(0) var<uniform> pool: Pool;
@group(0) @binding(1) var<storage, read> input: array<real4>;
@group(0) @binding(2) var<storage, read_write> output: array<real4>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let x = id.x / pool.channels;
    let channel = id.x - x * pool.channels;
    if x >= pool.width {
        return;
    }
    // A neighbor outside is replaced by the nearest one inside, which belongs to the neighborhood anyway.
    let y0 = max(2u * id.y, 1u) - 1u;
    let y2 = min(2u * id.y + 1u, pool.in_height - 1u);
    let x0 = max(2u * x, 1u) - 1u;
    let x2 = min(2u * x + 1u, pool.in_width - 1u);
    let above = row(id.z, y0, x0, 2u * x, x2, channel);
    let here = row(id.z, 2u * id.y, x0, 2u * x, x2, channel);
    let below = row(id.z, y2, x0, 2u * x, x2, channel);
    let pixel = (id.z * groups.y + id.y) * pool.width + x;
    output[pixel * pool.out_pixel + pool.out_offset + channel] = max(above, max(here, below));
}

fn row(picture: u32, y: u32, x0: u32, x1: u32, x2: u32, channel: u32) -> real4 {
    let line = (picture * pool.in_height + y) * pool.in_width;
    let first = pool.in_offset + channel;
    return max(
        input[(line + x0) * pool.in_pixel + first],
        max(input[(line + x1) * pool.in_pixel + first], input[(line + x2) * pool.in_pixel + first]),
    );
}
