// The discrepancy of teacher and student: 1 - cos(F_A, F_S) over the channels, position by position (Section III-D).
//
// Layout as in `conv.wgsl`; the result is [picture][y][x]. `shared_rows.wgsl` is put before this file and gives
// the dispatch.

struct Cosine {
    rows: u32,        // positions of all pictures
    channels: u32,    // quads
    teacher_pixel: u32,
    teacher_offset: u32,
    student_pixel: u32,
    student_offset: u32,
}

@group(0) @binding(0) var<uniform> cosine: Cosine;
@group(0) @binding(1) var<storage, read> teacher: array<real4>;
@group(0) @binding(2) var<storage, read> student: array<real4>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = row_of(group, groups, thread);
    let share = thread % SHARERS;
    let at = min(row, cosine.rows - 1u);
    // |t|^2, |s|^2 and t s.
    var sums = vec3f();
    for (var c = share; c < cosine.channels; c += SHARERS) {
        let t = vec4f(teacher[at * cosine.teacher_pixel + cosine.teacher_offset + c]);
        let s = vec4f(student[at * cosine.student_pixel + cosine.student_offset + c]);
        sums += vec3f(dot(t, t), dot(s, s), dot(t, s));
    }
    sums = together(thread, sums);
    if share == 0u && row < cosine.rows {
        let lengths = sqrt(max(sums.xy, vec2f(1e-16)));
        output[row] = 1.0 - sums.z / (lengths.x * lengths.y);
    }
}
