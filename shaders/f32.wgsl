// Features and weights are f32. This file is put before those of the layers.

alias real4 = vec4<f32>;
alias real4x4 = mat4x4<f32>;

// sum + W a for four values of k, the columns of `w`.
fn combine(w: real4x4, a: real4, sum: vec4f) -> vec4f {
    return fma(w[3], vec4f(a.w), fma(w[2], vec4f(a.z), fma(w[1], vec4f(a.y), fma(w[0], vec4f(a.x), sum))));
}

// A result in the form in which it is stored.
fn stored(y: vec4f) -> real4 {
    return y;
}

