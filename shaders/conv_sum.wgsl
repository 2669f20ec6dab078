// The end of a convolution whose input channels several workgroups shared (`conv_tile32.wgsl`): adds their partial
// sums, then applies bias, addend and ReLU.
//
// A thread computes one quad. Dispatch: (rows * quads of outputs / 64).

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
) {
    let count = conv.rows * conv.columns;
    let at = row_tile(group, groups) * 64u + thread;
    if at >= count {
        return;
    }
    let parts = (conv.channels + conv.part - 1u) / conv.part;
    var sum = vec4f();
    for (var part = 0u; part < parts; part++) {
        sum += vec4f(input[part * count + at]);
    }
    store(at / conv.columns, at % conv.columns, sum);
}
