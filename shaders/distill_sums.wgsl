// The parts of the stage-2 losses at each position: |t|^2, |s|^2 and t s of the advanced teacher's and the student's
// vectors.
//
// Layout as in `conv.wgsl`; the result is [picture][y][x] of the three and a 0. `shared_rows.wgsl` is put before
// this file and gives the dispatch.

struct Sums {
    rows: u32,        // positions of all pictures
    channels: u32,    // quads
}

@group(0) @binding(0) var<uniform> sums: Sums;
@group(0) @binding(1) var<storage, read> teacher: array<vec4f>;
@group(0) @binding(2) var<storage, read> student: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = row_of(group, groups, thread);
    let share = thread % SHARERS;
    let first = min(row, sums.rows - 1u) * sums.channels;
    var mine = vec3f();
    for (var c = share; c < sums.channels; c += SHARERS) {
        let t = teacher[first + c];
        let s = student[first + c];
        mine += vec3f(dot(t, t), dot(s, s), dot(t, s));
    }
    mine = together(thread, mine);
    if share == 0u && row < sums.rows {
        output[row] = vec4f(mine, 0.0);
    }
}
