// The stage-2 losses of each picture at one level: KD = 1 - cos of the whole maps (Eq. 9), and HKD, the mean of
// 1 - cos at the K_h positions where it is largest (Eq. 11). Of equal positions the first is taken.
//
// A workgroup handles one picture. Dispatch: (pictures).

struct Hardest {
    positions: u32, // of one picture
    count: u32,     // K_h, at most all positions; 0 turns HKD off
}

@group(0) @binding(0) var<uniform> hardest: Hardest;
@group(0) @binding(1) var<storage, read> sums: array<vec4f>;          // [picture][position], `distill_sums.wgsl`
@group(0) @binding(2) var<storage, read_write> chosen: array<u32>; // [picture][position]: 1 if among the hardest
@group(0) @binding(3) var<storage, read_write> losses: array<vec4f>;  // [picture] of |T|^2, |S|^2, T S, 0; KD, HKD, 0, 0

const THREADS = 256u;
const NOBODY = 0xffffffffu;

var<workgroup> best: array<vec2u, THREADS>;
var<workgroup> totals: array<vec3f, THREADS>;
var<workgroup> limit: vec2u;

fn distance(sum: vec3f) -> f32 {
    let lengths = sqrt(max(sum.xy, vec2f(1e-16)));
    return 1.0 - sum.z / (lengths.x * lengths.y);
}

// Integers that sort like the numbers.
fn key(number: f32) -> u32 {
    let bits = bitcast<u32>(number);
    return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
    let first = group.x * hardest.positions;
    var mine = vec3f();
    for (var i = thread; i < hardest.positions; i += THREADS) {
        chosen[first + i] = 0u;
        mine += sums[first + i].xyz;
    }
    totals[thread] = mine;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            totals[thread] += totals[thread + half];
        }
    }
    storageBarrier();
    workgroupBarrier();
    var hard = 0.0;
    // Key and position of the one taken last; the next comes after it.
    var last = vec2u(NOBODY, NOBODY);
    for (var n = 0u; n < hardest.count; n++) {
        var found = vec2u(0u, NOBODY);
        for (var i = thread; i < hardest.positions; i += THREADS) {
            let k = key(distance(sums[first + i].xyz));
            let open = n == 0u || k < last.x || (k == last.x && i > last.y);
            if open && (k > found.x || found.y == NOBODY) {
                found = vec2u(k, i);
            }
        }
        best[thread] = found;
        for (var half = THREADS / 2u; half > 0u; half /= 2u) {
            workgroupBarrier();
            if thread < half {
                let other = best[thread + half];
                let here = best[thread];
                let better = here.y == NOBODY || other.x > here.x || (other.x == here.x && other.y < here.y);
                if other.y != NOBODY && better {
                    best[thread] = other;
                }
            }
        }
        if thread == 0u {
            limit = best[0];
        }
        last = workgroupUniformLoad(&limit);
        if thread == 0u {
            chosen[first + last.y] = 1u;
            hard += distance(sums[first + last.y].xyz);
        }
    }
    if thread == 0u {
        let mean = hard / f32(max(hardest.count, 1u));
        losses[2u * group.x] = vec4f(totals[0], 0.0);
        losses[2u * group.x + 1u] = vec4f(distance(totals[0]), mean, 0.0, 0.0);
    }
}
