// A step of Adam (Kingma and Ba, 2015), the part that its variants share: the moments m and v of a gradient d, and
// weight -= rate m / (sqrt(v) + epsilon). The bias corrections are part of `rate` = lr sqrt(1 - beta2^t) / (1 -
// beta1^t) and `epsilon` = 1e-8 sqrt(1 - beta2^t).
//
// This file is put before one of `adam_*.wgsl`.

// Set to 1 if a weight is not a finite number, which comparisons and max() may not show.
@group(0) @binding(4) var<storage, read_write> broken: array<atomic<u32>>;

struct Stepped {
    m: vec4f,
    v: vec4f,
    weight: vec4f,
}

fn stepped(d: vec4f, m: vec4f, v: vec4f, weight: vec4f, beta1: f32, beta2: f32, rate: f32, epsilon: f32) -> Stepped {
    let first = beta1 * m + (1.0 - beta1) * d;
    let second = beta2 * v + (1.0 - beta2) * d * d;
    let after = weight - rate * first / (sqrt(second) + epsilon);
    if any((bitcast<vec4u>(after) & vec4u(0x7f800000u)) == vec4u(0x7f800000u)) {
        atomicStore(&broken[0], 1u);
    }
    return Stepped(first, second, after);
}
