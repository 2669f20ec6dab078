// The sum of some numbers, times a factor: a loss, from the workgroups' partial sums. Dispatch: (1).

struct Sum {
    count: u32,
    place: u32,   // of the sum in `output`
    factor: f32,
}

const THREADS = 256u;

@group(0) @binding(0) var<uniform> numbers: Sum;
@group(0) @binding(1) var<storage, read> input: array<f32>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;

var<workgroup> partial: array<f32, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32) {
    var sum = 0.0;
    for (var i = thread; i < numbers.count; i += THREADS) {
        sum += input[i];
    }
    partial[thread] = sum;
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            partial[thread] += partial[thread + half];
        }
    }
    if thread == 0u {
        output[numbers.place] = numbers.factor * partial[0];
    }
}
