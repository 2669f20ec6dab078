// Features and weights are f16, on adapters with `shader-f16`: half the memory to move. Convolutions multiply in f16
// and add four products in f16; all longer sums are f32, and so are the gate, the cosines and the map. This file is
// put before those of the layers, instead of `f32.wgsl`.

enable f16;

alias real4 = vec4<f16>;
alias real4x4 = mat4x4<f16>;

const LARGEST = 65504.0;

// Set to 1 if a result was too large for f16. It must be reported, since a ReLU turns NaN into 0.
@group(0) @binding(6) var<storage, read_write> overflow: atomic<u32>;

// sum + W a for four values of k, the columns of `w`.
fn combine(w: real4x4, a: real4, sum: vec4f) -> vec4f {
    return sum + vec4f(fma(w[3], real4(a.w), fma(w[2], real4(a.z), fma(w[1], real4(a.y), w[0] * a.x))));
}

// A result in the form in which it is stored.
fn stored(y: vec4f) -> real4 {
    if !all(abs(y) <= vec4f(LARGEST)) {
        atomicStore(&overflow, 1u);
    }
    return real4(clamp(y, vec4f(-LARGEST), vec4f(LARGEST)));
}

