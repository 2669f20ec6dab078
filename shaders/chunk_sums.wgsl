// The sums of all chunks of positions (`position_sums.wgsl`): what these kernels have in common. This file is put
// before each of `norm_merge.wgsl` and `norm_back_merge.wgsl`, which say what the chunks gave, as [chunk][channel] of
// two sums, in `partial`, and how many chunks and channels there are, in `norm`. A workgroup takes a quad of channels.
// Dispatch: (quads of channels).

var<workgroup> sums: array<array<vec4f, 2>, 64>;

// What the first thread is given.
fn merged(channel: u32, thread: u32) -> array<vec4f, 2> {
    var mine: array<vec4f, 2>;
    for (var chunk = thread; chunk < norm.chunks; chunk += 64u) {
        let place = 2u * (chunk * norm.channels + channel);
        mine[0] += partial[place];
        mine[1] += partial[place + 1u];
    }
    sums[thread] = mine;
    for (var half = 32u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            sums[thread][0] += sums[thread + half][0];
            sums[thread][1] += sums[thread + half][1];
        }
    }
    return sums[0];
}
