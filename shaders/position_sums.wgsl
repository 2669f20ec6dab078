// Two sums over a chunk of positions for each channel. This file is put before each of `norm_sums.wgsl`,
// `norm_back_sums.wgsl` and `column_sums.wgsl`, which share it. A workgroup handles 16 quads of channels and four
// positions at a time. Dispatch: (chunks, quads of channels / 16), over x and z.

const CHANNELS = 16u; // quads
const LINES = 64u / CHANNELS;

// The sums of each thread.
var<workgroup> partial: array<array<vec4f, 2>, 64>;

// The sums over the four threads that share a quad of channels; valid only in the threads of the first line.
fn together(thread: u32, mine: array<vec4f, 2>) -> array<vec4f, 2> {
    partial[thread] = mine;
    workgroupBarrier();
    var sums = mine;
    for (var line = thread / CHANNELS + 1u; line < LINES; line++) {
        let other = partial[line * CHANNELS + thread % CHANNELS];
        sums[0] += other[0];
        sums[1] += other[1];
    }
    return sums;
}
