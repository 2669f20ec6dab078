// The gradient of KD + HKD of one level with respect to the student's features S, given the teacher's T:
// dS = alpha T + beta S. At each position, with capitals for the whole maps of a picture and for B pictures,
//
//   alpha = -1 / (B |T| |S|)         - h / (|t| |s|)
//   beta  = T S / (B |T| |S|^3)      + h t s / (|t| |s|^3),    h = 1 / (K_h B) at the hardest positions, else 0
//
// Layout as in `conv.wgsl`. A thread computes one quad. Dispatch: (positions * channels / 64), over x and z.

struct Back {
    rows: u32,       // positions of all pictures
    channels: u32,   // quads
    positions: u32,  // of one picture
    pictures: u32,   // B
    count: u32,      // K_h, at most all positions; 0 turns HKD off
}

@group(0) @binding(0) var<uniform> back: Back;
@group(0) @binding(1) var<storage, read> teacher: array<vec4f>;
@group(0) @binding(2) var<storage, read> student: array<vec4f>;
@group(0) @binding(3) var<storage, read> sums: array<vec4f>;    // [picture][position]
@group(0) @binding(4) var<storage, read> chosen: array<u32>;    // [picture][position]
@group(0) @binding(5) var<storage, read> losses: array<vec4f>;  // [picture][2], `distill_hardest.wgsl`
@group(0) @binding(6) var<storage, read_write> output: array<vec4f>;

// The factors of t and s in the gradient of -cos(t, s). Below the smallest length, a vector's length counts as
// constant.
fn factors(sum: vec3f) -> vec2f {
    let lengths = sqrt(max(sum.xy, vec2f(1e-16)));
    let product = 1.0 / (lengths.x * lengths.y);
    let own = select(0.0, sum.z * product / sum.y, sum.y > 1e-16);
    return vec2f(-product, own);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
    let quad = id.z * groups.x * 64u + id.x;
    let row = quad / back.channels;
    if row >= back.rows {
        return;
    }
    var f = factors(losses[2u * (row / back.positions)].xyz);
    if chosen[row] != 0u {
        f += factors(sums[row].xyz) / f32(back.count);
    }
    output[quad] = (f.x * teacher[quad] + f.y * student[quad]) / f32(back.pictures);
}
