// The sum of the three levels' discrepancies, each enlarged to the picture's size bilinearly with corners aligned
// (Section III-D).
//
// Levels and result are [picture][y][x]. A thread computes one pixel. Dispatch: (width / 64, height, pictures).

struct Sizes {
    width: u32,
    height: u32,
    height1: u32, width1: u32,
    height2: u32, width2: u32,
    height3: u32, width3: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> level1: array<f32>;
@group(0) @binding(2) var<storage, read> level2: array<f32>;
@group(0) @binding(3) var<storage, read> level3: array<f32>;
@group(0) @binding(4) var<storage, read_write> output: array<f32>;

// The two inputs that an output lies between, and the weight of the second.
struct Between {
    low: u32,
    high: u32,
    share: f32,
}

fn between(i: u32, outputs: u32, length: u32) -> Between {
    let steps = outputs - 1u;
    let position = i * (length - 1u);
    let low = position / steps;
    return Between(low, min(low + 1u, length - 1u), f32(position - low * steps) / f32(steps));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if id.x >= sizes.width {
        return;
    }
    var y = between(id.y, sizes.height, sizes.height1);
    var x = between(id.x, sizes.width, sizes.width1);
    var top = (id.z * sizes.height1 + y.low) * sizes.width1;
    var bottom = (id.z * sizes.height1 + y.high) * sizes.width1;
    var sum = mix(
        mix(level1[top + x.low], level1[top + x.high], x.share),
        mix(level1[bottom + x.low], level1[bottom + x.high], x.share),
        y.share,
    );
    y = between(id.y, sizes.height, sizes.height2);
    x = between(id.x, sizes.width, sizes.width2);
    top = (id.z * sizes.height2 + y.low) * sizes.width2;
    bottom = (id.z * sizes.height2 + y.high) * sizes.width2;
    sum += mix(
        mix(level2[top + x.low], level2[top + x.high], x.share),
        mix(level2[bottom + x.low], level2[bottom + x.high], x.share),
        y.share,
    );
    y = between(id.y, sizes.height, sizes.height3);
    x = between(id.x, sizes.width, sizes.width3);
    top = (id.z * sizes.height3 + y.low) * sizes.width3;
    bottom = (id.z * sizes.height3 + y.high) * sizes.width3;
    sum += mix(
        mix(level3[top + x.low], level3[top + x.high], x.share),
        mix(level3[bottom + x.low], level3[bottom + x.high], x.share),
        y.share,
    );
    output[(id.z * sizes.height + id.y) * sizes.width + id.x] = sum;
}
