// Convolution with matrix units (`conv_coop.wgsl`), 128 positions x 128 outputs: for layers that fill the GPU with
// such tiles.
//
// Each of eight subgroups computes 64 x 32 outputs, as 4 x 2 matrices.

const ROWS = 128u;
const COLUMNS = 32u;
const THREADS = 256u;
const DOWN = 64u;

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(num_workgroups) groups: vec3u,
    @builtin(local_invocation_index) thread: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    let task = task(group, groups);
    let around = far_windows(task.corner.x + thread / SLICE);
    let a = part_row(subgroup) * A_LINE;
    let w = part_column(subgroup);

    var s00 = coop_mat16x16<f32, C>(); var s01 = coop_mat16x16<f32, C>();
    var s10 = coop_mat16x16<f32, C>(); var s11 = coop_mat16x16<f32, C>();
    var s20 = coop_mat16x16<f32, C>(); var s21 = coop_mat16x16<f32, C>();
    var s30 = coop_mat16x16<f32, C>(); var s31 = coop_mat16x16<f32, C>();
    var step = Step(0u, 0u, task.first, first_weight(task.corner.x));
    var ahead = bring(around, step, task.corner.y, thread);
    for (var slice = 0u; slice < task.slices; slice++) {
        workgroupBarrier();
        keep(ahead, thread);
        workgroupBarrier();
        // After the last slice, the values loaded here are not used.
        step = after(step, task);
        ahead = bring(around, step, task.corner.y, thread);
        // k = 0 to 15.
        let w00 = coopLoadT<coop_mat16x16<f16, B>>(&w_slice[w], W_LINE);
        let w01 = coopLoadT<coop_mat16x16<f16, B>>(&w_slice[w + 4u], W_LINE);
        let a00 = coopLoadT<coop_mat16x16<f16, A>>(&a_slice[a], A_LINE);
        s00 = coopMultiplyAdd(a00, w00, s00);
        s01 = coopMultiplyAdd(a00, w01, s01);
        let a01 = coopLoadT<coop_mat16x16<f16, A>>(&a_slice[a + 16u * A_LINE], A_LINE);
        s10 = coopMultiplyAdd(a01, w00, s10);
        s11 = coopMultiplyAdd(a01, w01, s11);
        let a02 = coopLoadT<coop_mat16x16<f16, A>>(&a_slice[a + 32u * A_LINE], A_LINE);
        s20 = coopMultiplyAdd(a02, w00, s20);
        s21 = coopMultiplyAdd(a02, w01, s21);
        let a03 = coopLoadT<coop_mat16x16<f16, A>>(&a_slice[a + 48u * A_LINE], A_LINE);
        s30 = coopMultiplyAdd(a03, w00, s30);
        s31 = coopMultiplyAdd(a03, w01, s31);
        // k = 16 to 31.
        let w10 = coopLoadT<coop_mat16x16<f16, B>>(&w_slice[w + 16u * W_LINE], W_LINE);
        let w11 = coopLoadT<coop_mat16x16<f16, B>>(&w_slice[w + 16u * W_LINE + 4u], W_LINE);
        let a10 = coopLoadT<coop_mat16x16<f16, A>>(&a_slice[a + 4u], A_LINE);
        s00 = coopMultiplyAdd(a10, w10, s00);
        s01 = coopMultiplyAdd(a10, w11, s01);
        let a11 = coopLoadT<coop_mat16x16<f16, A>>(&a_slice[a + 16u * A_LINE + 4u], A_LINE);
        s10 = coopMultiplyAdd(a11, w10, s10);
        s11 = coopMultiplyAdd(a11, w11, s11);
        let a12 = coopLoadT<coop_mat16x16<f16, A>>(&a_slice[a + 32u * A_LINE + 4u], A_LINE);
        s20 = coopMultiplyAdd(a12, w10, s20);
        s21 = coopMultiplyAdd(a12, w11, s21);
        let a13 = coopLoadT<coop_mat16x16<f16, A>>(&a_slice[a + 48u * A_LINE + 4u], A_LINE);
        s30 = coopMultiplyAdd(a13, w10, s30);
        s31 = coopMultiplyAdd(a13, w11, s31);
    }

    let y = subgroup * Y_SIZE;
    coopStoreT(s00, &sums[y], Y_LINE);
    workgroupBarrier();
    leave(task, vec2u(0u, 0u), thread);
    leave(task, vec2u(0u, 0u), thread + THREADS);
    workgroupBarrier();
    coopStoreT(s01, &sums[y], Y_LINE);
    workgroupBarrier();
    leave(task, vec2u(0u, 4u), thread);
    leave(task, vec2u(0u, 4u), thread + THREADS);
    workgroupBarrier();
    coopStoreT(s10, &sums[y], Y_LINE);
    workgroupBarrier();
    leave(task, vec2u(16u, 0u), thread);
    leave(task, vec2u(16u, 0u), thread + THREADS);
    workgroupBarrier();
    coopStoreT(s11, &sums[y], Y_LINE);
    workgroupBarrier();
    leave(task, vec2u(16u, 4u), thread);
    leave(task, vec2u(16u, 4u), thread + THREADS);
    workgroupBarrier();
    coopStoreT(s20, &sums[y], Y_LINE);
    workgroupBarrier();
    leave(task, vec2u(32u, 0u), thread);
    leave(task, vec2u(32u, 0u), thread + THREADS);
    workgroupBarrier();
    coopStoreT(s21, &sums[y], Y_LINE);
    workgroupBarrier();
    leave(task, vec2u(32u, 4u), thread);
    leave(task, vec2u(32u, 4u), thread + THREADS);
    workgroupBarrier();
    coopStoreT(s30, &sums[y], Y_LINE);
    workgroupBarrier();
    leave(task, vec2u(48u, 0u), thread);
    leave(task, vec2u(48u, 0u), thread + THREADS);
    workgroupBarrier();
    coopStoreT(s31, &sums[y], Y_LINE);
    workgroupBarrier();
    leave(task, vec2u(48u, 4u), thread);
    leave(task, vec2u(48u, 4u), thread + THREADS);
}
