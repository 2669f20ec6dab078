//! Times the CPU's training kernels beside Burn's own, all or those named; use a quiet machine: `cargo bench
//! --bench convolution -- layers trunk`.

use aand::convolution::{batch_norm, conv_transpose2x2, conv2d, max_pool3x3};
use aand::picture::Mask;
use aand::teacher::{Backbone, Teacher};
use aand::training::{AmplifyBatch, AmplifyStage, DistillStage, Settings};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, Distribution, Tensor, activation, module};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::time::Instant;

/// Least milliseconds of a few runs: by the clock, or with `AAND_MEASURE=cpu` the processor time
/// of all threads together, which says more on a machine that others use too.
fn milliseconds(runs: usize, mut run: impl FnMut()) -> f64 {
    let cpu = std::env::var("AAND_MEASURE").is_ok_and(|v| v == "cpu");
    let begin = Instant::now();
    let now = || {
        if cpu { processor_time() } else { begin.elapsed().as_secs_f64() * 1e3 }
    };
    (0..runs)
        .map(|_| {
            let start = now();
            run();
            now() - start
        })
        .fold(f64::INFINITY, f64::min)
}

/// Milliseconds that the threads of this process have spent on a processor (Linux).
fn processor_time() -> f64 {
    std::fs::read_dir("/proc/self/task")
        .expect("Linux")
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|line| line.split_whitespace().next()?.parse::<f64>().ok())
        .sum::<f64>()
        / 1e6
}

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

fn main() {
    let all: [(&str, fn()); 5] = [
        ("layers", layers),
        ("around_the_convolution", around_the_convolution),
        ("trunk", trunk),
        ("training_step", training_step),
        ("amplification_step", amplification_step),
    ];
    // `cargo bench` itself adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, run) in all {
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            run();
        }
    }
}

type Run<'a> = &'a dyn Fn(Tensor<4>, Tensor<4>) -> Tensor<4>;

fn row(name: &str, gflop: f64, x: [usize; 4], w: [usize; 4], ours: Run, burns: Run) {
    let plain = Device::flex();
    let (px, pw) = (random(x, &plain), random(w, &plain));
    let forward = |run: Run, n| {
        milliseconds(n, || {
            run(px.clone(), pw.clone());
        })
    };
    let training = |run: Run, n| {
        let device = Device::flex().autodiff();
        let x = Tensor::from_data(px.to_data(), &device).require_grad();
        let w = Tensor::from_data(pw.to_data(), &device).require_grad();
        let y = run(x.clone(), w.clone());
        let dy = random(y.dims(), &device);
        milliseconds(n, || {
            let y = run(x.clone(), w.clone());
            let grads = (y * dy.clone()).sum().backward();
            assert!(x.grad(&grads).is_some() && w.grad(&grads).is_some());
        })
    };
    let (f, t) = (forward(ours, 12), training(ours, 8));
    let (bf, bt) = (forward(burns, 5), training(burns, 2));
    println!(
        "{name:<28} forward {f:7.2} ms ({:4.0} GFLOP/s; Burn {bf:7.2}), forward and backward \
         {t:7.2} ms ({:4.0} GFLOP/s; Burn {bt:8.2})",
        gflop / f * 1e3,
        3.0 * gflop / t * 1e3
    );
}

fn layers() {
    let n = 16;
    for [c, o, s, k, stride] in [
        [64, 128, 64, 3, 2],
        [128, 256, 32, 3, 2],
        [768, 512, 16, 3, 2],
        [512, 512, 8, 3, 1],
        [256, 256, 16, 3, 1],
        [128, 128, 32, 3, 1],
        [64, 64, 64, 3, 1],
        [768, 512, 16, 1, 2],
        [256, 512, 16, 1, 1],
    ] {
        let padding = k / 2;
        let out = s / stride;
        row(
            &format!("{c} -> {o}, {k}x{k}/{stride} at {s}"),
            2e-9 * (n * o * c * k * k * out * out) as f64,
            [n, c, s, s],
            [o, c, k, k],
            &|x, w| conv2d(x, w, None, stride, padding),
            &|x, w| {
                let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
                module::conv2d(x, w, None, options)
            },
        );
    }
    for [i, o, s] in [[512, 256, 8], [256, 128, 16], [128, 64, 32]] {
        row(
            &format!("{i} -> {o}, transposed at {s}"),
            2e-9 * (n * i * o * 4 * s * s) as f64,
            [n, i, s, s],
            [i, o, 2, 2],
            &|x, w| conv_transpose2x2(x, w),
            &|x, w| {
                let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
                module::conv_transpose2d(x, w, None, options)
            },
        );
    }
}

fn around_the_convolution() {
    let device = Device::flex().autodiff();
    let shape = [16, 64, 64, 64];
    let x = random(shape, &device).require_grad();
    let other = random(shape, &device).require_grad();
    let gamma = random([64], &device).require_grad();
    let beta = random([64], &device).require_grad();
    let dy = random(shape, &device);
    let report = |name: &str, run: &dyn Fn() -> Tensor<4>| {
        let forward = milliseconds(6, || {
            run();
        });
        let both = milliseconds(6, || {
            let y = run();
            (y * dy.clone()).sum().backward();
        });
        println!("{name:<28} forward {forward:7.2} ms, forward and backward {both:7.2} ms");
    };
    report("product and sum alone", &|| x.clone());
    report("batch norm", &|| batch_norm(x.clone(), gamma.clone(), beta.clone(), 1e-5).0);
    report("batch norm, Burn", &|| {
        module::batch_norm_train(x.clone(), gamma.clone(), beta.clone(), 1e-5).output
    });
    report("relu", &|| activation::relu(x.clone()));
    report("add", &|| x.clone() + other.clone());
    report("relu of a sum", &|| activation::relu(x.clone() + other.clone()));
}

/// The convolutions and folded batch norms of a ResNet-18 up to its third stage.
fn trunk() {
    let device = Device::flex();
    for n in [1, 16] {
        let x = random([n, 3, 256, 256], &device);
        let stem = random([64, 3, 7, 7], &device);
        let weights: Vec<_> = [
            [64, 64],
            [64, 64],
            [64, 64],
            [64, 64],
            [64, 128],
            [128, 128],
            [128, 128],
            [128, 128],
            [128, 256],
            [256, 256],
            [256, 256],
            [256, 256],
        ]
        .map(|[i, o]| (random([o, i, 3, 3], &device), random([o], &device)))
        .into();
        let bias = random([64], &device);
        let run = |ours: bool| {
            let conv = |x: Tensor<4>, w: &Tensor<4>, b: &Tensor<1>, s: usize, p: usize| {
                if ours {
                    conv2d(x, w.clone(), Some(b.clone()), s, p)
                } else {
                    let options = ConvOptions::new([s; 2], [p; 2], [1, 1], 1);
                    module::conv2d(x, w.clone(), Some(b.clone()), options)
                }
            };
            let mut y = activation::relu(conv(x.clone(), &stem, &bias, 2, 3));
            y = if ours {
                max_pool3x3(y)
            } else {
                let pool = burn::tensor::ops::MaxPoolOptions::new([3, 3]);
                module::max_pool2d(y, pool.with_stride([2, 2]).with_padding([1, 1]))
            };
            for (i, pair) in weights.chunks(2).enumerate() {
                let stride = if i == 2 || i == 4 { 2 } else { 1 };
                let (w, b) = &pair[0];
                let inner = activation::relu(conv(y.clone(), w, b, stride, 1));
                let skip = if stride == 2 {
                    let [o, i, _, _] = w.dims();
                    conv(y, &w.clone().slice([0..o, 0..i, 0..1, 0..1]), b, 2, 0)
                } else {
                    y
                };
                y = activation::relu(conv(inner, &pair[1].0, &pair[1].1, 1, 1) + skip);
            }
            y
        };
        let ours = milliseconds(8, || {
            run(true);
        });
        let burns = milliseconds(4, || {
            run(false);
        });
        println!("trunk, batch {n}: {:.1} ms a picture (Burn {:.1})", ours / n as f64, burns / n as f64);
    }
}

/// One step of stage 2 at the default settings, batch 16, with the teacher's features at hand.
fn training_step() {
    let device = Device::flex();
    let settings = Settings::default();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut stage = DistillStage::new(Backbone::Resnet18, &settings, &mut rng, &device);
    let features = [[16, 64, 64, 64], [16, 128, 32, 32], [16, 256, 16, 16]]
        .map(|shape| activation::relu(random(shape, &device)));
    let step = milliseconds(5, || {
        stage.step(features.clone(), &settings, 1e-3).unwrap();
    });
    println!("a step of stage 2: {step:.0} ms");
}

/// One step of stage 1 at the default settings, batch 16, teacher included.
fn amplification_step() {
    let device = Device::flex();
    let settings = Settings::default();
    let side = settings.size.width;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let teacher = Teacher::random(Backbone::Resnet18, 1, &device).unwrap();
    let mut stage = AmplifyStage::new(&teacher, &settings, &mut rng, &device);
    let mask = |all: bool| Mask {
        width: side,
        height: side,
        data: (0..side * side).map(|i| all || i % side > side / 2).collect(),
    };
    let batch = AmplifyBatch {
        pixels: random([16, 3, side, side], &device).into_data().iter().collect(),
        masks: vec![mask(false); 16],
        foregrounds: vec![mask(true); 16],
    };
    let x = random([16, 3, side, side], &device);
    let features = milliseconds(5, || {
        teacher.forward(x.clone());
    });
    let step = milliseconds(5, || {
        let batch = batch.clone();
        stage.step(&teacher, batch, &settings, 1e-3, &mut rng).unwrap();
    });
    println!("a step of stage 1: {step:.0} ms, of which the teacher {features:.0}");
}
