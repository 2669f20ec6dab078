// Sums over rows (the channels of a position); eight threads share a row. This file is put before each of
// `cosine.wgsl`, `matching.wgsl` (with `gate.wgsl` or `nearest.wgsl`), `gate_back.wgsl`, `rows.wgsl`,
// `distill_sums.wgsl`, `advance.wgsl` and `advance_back.wgsl`. A workgroup handles eight rows. Dispatch: (rows / 8),
// over x and z.

const SHARERS = 8u;

// The sums of each thread.
var<workgroup> partial: array<vec3f, 64>;

fn row_of(group: vec3u, groups: vec3u, thread: u32) -> u32 {
    return (group.z * groups.x + group.x) * (64u / SHARERS) + thread / SHARERS;
}

// The sums over the threads that share a row.
fn together(thread: u32, mine: vec3f) -> vec3f {
    workgroupBarrier();
    partial[thread] = mine;
    workgroupBarrier();
    let first = thread - thread % SHARERS;
    var sum = vec3f();
    for (var i = 0u; i < SHARERS; i++) {
        sum += partial[first + i];
    }
    return sum;
}
