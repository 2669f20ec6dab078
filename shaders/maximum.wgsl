// The score of each picture: the maximum of its anomaly map (Section III-D). A map with a number that is not
// finite has the score infinity, however the device compares such numbers.
//
// Maps are [picture][y][x]; scores are stored as the bits of their f32. A workgroup handles one picture.
// Dispatch: (pictures).

struct Map {
    pixels: u32, // of one picture, a multiple of four
}

@group(0) @binding(0) var<uniform> map: Map;
@group(0) @binding(1) var<storage, read> input: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;

const THREADS = 256u;
const INFINITY = 0x7f800000u; // as bits; every number that is not finite has at least these

var<workgroup> largest: array<i32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let quads = map.pixels / 4u;
    var found = ordered(input[group.x * quads]);
    for (var i = thread; i < quads; i += THREADS) {
        found = max(found, ordered(input[group.x * quads + i]));
    }
    let pair = max(found.xy, found.zw);
    largest[thread] = max(pair.x, pair.y);
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            largest[thread] = max(largest[thread], largest[thread + half]);
        }
    }
    if thread == 0u {
        // Convert back from the sortable integer to the number.
        let most = largest[0];
        output[group.x] = u32(select(most, most ^ 0x7fffffff, most < 0));
    }
}

// Integers that sort like the numbers with these bits.
fn ordered(bits: vec4u) -> vec4i {
    let signed = bitcast<vec4i>(bits);
    let turned = select(signed, signed ^ vec4i(0x7fffffff), signed < vec4i(0));
    let finite = (bits & vec4u(INFINITY)) != vec4u(INFINITY);
    return select(vec4i(i32(INFINITY)), turned, finite);
}
