// The residual Delta of the attribute-scaling generator (Eq. 5): with y = phi_2(F_T), tanh(y) F_T, or sigmoid(y) F_T,
// or y. This file is put before each of `amplify.wgsl`, `advance.wgsl` and `advance_back.wgsl`.

const TANH = 0u;
const SIGMOID = 1u;

// Beyond 20 it is exactly 1 in f32, and some drivers overflow.
fn safe_tanh(y: vec4f) -> vec4f {
    return tanh(clamp(y, vec4f(-20.0), vec4f(20.0)));
}

fn residual(kind: u32, feature: vec4f, y: vec4f) -> vec4f {
    if kind == TANH {
        return safe_tanh(y) * feature;
    }
    if kind == SIGMOID {
        return feature / (1.0 + exp(-y));
    }
    return y;
}
