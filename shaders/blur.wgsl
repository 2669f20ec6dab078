// One direction of the Gaussian filter that smooths the summed map: first along y, then along x. Beyond the border
// the map is mirrored, again and again, edge pixels repeated.
//
// Maps are [picture][y][x]; the taps run from the centre outwards, and with both sides sum to one. A thread
// computes one pixel. Dispatch: (S / 64, S, pictures).

struct Blur {
    size: u32,    // S
    radius: u32,
    along_x: u32, // 1, or 0 for along y
}

@group(0) @binding(0) var<uniform> blur: Blur;
@group(0) @binding(1) var<storage, read> taps: array<f32>;
@group(0) @binding(2) var<storage, read> input: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

fn mirrored(position: u32) -> u32 {
    let within = position % (2u * blur.size);
    return min(within, 2u * blur.size - 1u - within);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= blur.size {
        return;
    }
    let line = (id.z * blur.size + id.y) * blur.size;
    let here = select(id.y, id.x, blur.along_x == 1u);
    let first = select(id.z * blur.size * blur.size + id.x, line, blur.along_x == 1u);
    let step = select(blur.size, 1u, blur.along_x == 1u);
    // So many periods that what lies to the left is not negative.
    let shifted = here + 2u * blur.size * (blur.radius / (2u * blur.size) + 1u);
    var sum = taps[0] * input[first + here * step];
    for (var i = 1u; i <= blur.radius; i++) {
        let sides = input[first + mirrored(shifted - i) * step] + input[first + mirrored(shifted + i) * step];
        sum = fma(taps[i], sides, sum);
    }
    output[line + id.x] = sum;
}
