// The score of each picture: the maximum of its anomaly map (Section III-D). A map with a number that is not
// finite has the score infinity, whatever the device makes of comparisons with such numbers.
//
// Maps are [picture][y][x], scores are kept as the bits of their f32. A workgroup takes a picture. Dispatch:
// (pictures).

struct Map {
    pixels: u32, // of one picture
}

@group(0) @binding(0) var<uniform> map: Map;
@group(0) @binding(1) var<storage, read> input: array<u32>;
@group(0) @binding(2) var<storage, read_write> output: array<u32>;

const THREADS = 64u;
const INFINITY = 0x7f800000u; // as bits; whatever is not finite has at least these

var<workgroup> largest: array<i32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    var found = ordered(input[group.x * map.pixels]);
    for (var i = thread; i < map.pixels; i += THREADS) {
        found = max(found, ordered(input[group.x * map.pixels + i]));
    }
    largest[thread] = found;
    workgroupBarrier();
    if thread == 0u {
        for (var i = 1u; i < THREADS; i++) {
            found = max(found, largest[i]);
        }
        // Back from the order to the number.
        output[group.x] = u32(select(found, found ^ 0x7fffffff, found < 0));
    }
}

// Integers in the order of the numbers that the bits are of.
fn ordered(bits: u32) -> i32 {
    if (bits & INFINITY) == INFINITY {
        return i32(INFINITY);
    }
    let signed = i32(bits);
    return select(signed, signed ^ 0x7fffffff, signed < 0);
}
