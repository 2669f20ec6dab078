// Adds up the sums of all chunks of positions (`position_sums.wgsl`). This file is put before each of
// `norm_merge.wgsl` and `norm_back_merge.wgsl`, which declare the chunks' sums, two per [chunk][channel], as
// `partial`, and the numbers of chunks and channels in `norm`. A workgroup handles one quad of channels. Dispatch:
// (quads of channels).

var<workgroup> sums: array<array<vec4f, 2>, 64>;

// The result, valid in the first thread.
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
