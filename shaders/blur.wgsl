// One direction of the Gaussian filter that smooths the summed map: first along y, then along x. Beyond the border
// the map is mirrored repeatedly, with edge pixels repeated.
//
// Maps are [picture][y][x]; the taps run from the center outwards, and both sides together sum to one. A thread
// computes one pixel. Dispatch: (width / 64, height, pictures).

struct Blur {
    width: u32,
    height: u32,
    radius: u32,
    along_x: u32, // 1 for along x, 0 for along y
}

@group(0) @binding(0) var<uniform> blur: Blur;
@group(0) @binding(1) var<storage, read> taps: array<f32>;
@group(0) @binding(2) var<storage, read> input: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

fn mirrored(position: u32, length: u32) -> u32 {
    let within = position % (2u * length);
    return min(within, 2u * length - 1u - within);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= blur.width {
        return;
    }
    let line = (id.z * blur.height + id.y) * blur.width;
    let here = select(id.y, id.x, blur.along_x == 1u);
    let first = select(id.z * blur.height * blur.width + id.x, line, blur.along_x == 1u);
    let step = select(blur.width, 1u, blur.along_x == 1u);
    let length = select(blur.height, blur.width, blur.along_x == 1u);
    // Shifted by whole periods so that positions to the left are not negative.
    let shifted = here + 2u * length * (blur.radius / (2u * length) + 1u);
    var sum = taps[0] * input[first + here * step];
    for (var i = 1u; i <= blur.radius; i++) {
        let before = input[first + mirrored(shifted - i, length) * step];
        let sides = before + input[first + mirrored(shifted + i, length) * step];
        sum = fma(taps[i], sides, sum);
    }
    output[line + id.x] = sum;
}
