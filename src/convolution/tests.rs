//! Compares every operation and gradient with Burn's own, on small versions of the networks' shapes.

use super::*;
use burn::tensor::{Device, Distribution, TensorData, module};

/// A convolution: batch, inputs, outputs, height, width, kernel, stride, padding.
type Case = [usize; 8];

/// Stem, 3x3 and 1x1 of both strides, and odd sizes that no tile divides.
const CASES: [Case; 18] = [
    [2, 3, 64, 32, 32, 7, 2, 3],
    [2, 64, 64, 16, 16, 3, 1, 1],
    [1, 64, 128, 16, 16, 3, 2, 1],
    [3, 128, 64, 8, 8, 3, 1, 1],
    [5, 96, 272, 8, 8, 3, 2, 1],
    [2, 64, 128, 16, 16, 1, 2, 0],
    [2, 64, 256, 8, 8, 1, 1, 0],
    [1, 256, 64, 24, 24, 1, 1, 0],
    [3, 5, 7, 13, 11, 3, 1, 1],
    [3, 5, 7, 13, 11, 3, 2, 1],
    [2, 3, 4, 9, 30, 5, 3, 2],
    [1, 2, 3, 1, 1, 3, 1, 1],
    [20, 8, 300, 4, 4, 3, 1, 1],
    [1, 16, 16, 70, 70, 3, 1, 1],
    [1, 64, 64, 64, 64, 3, 1, 1],
    [4, 40, 72, 32, 32, 3, 1, 1],
    [17, 128, 64, 16, 16, 3, 1, 1],
    [3, 19, 21, 36, 48, 3, 1, 1],
];

fn device() -> Device {
    Device::flex().autodiff()
}

fn random<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), &device()).require_grad()
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec::<f32>().unwrap()
}

/// Largest difference, relative to the largest number.
fn distance(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    assert!(ours.iter().chain(theirs).all(|v| v.is_finite()));
    let scale = theirs.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let gap = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    gap.fold(0.0, f32::max) / scale
}

/// The output and the gradients of the inputs of `run`, weighted by random numbers.
fn outcome(inputs: &[Tensor<4>], run: impl Fn(&[Tensor<4>]) -> Tensor<4>) -> Vec<Vec<f32>> {
    let y = run(inputs);
    let count = y.shape().num_elements();
    let weights: Vec<f32> = (0..count).map(|i| (i as f32 * 0.731).sin() + 0.3).collect();
    let weights = Tensor::from_data(TensorData::new(weights, y.shape()), &device());
    let grads = (y.clone() * weights).sum().backward();
    let mut all = vec![values(y)];
    all.extend(inputs.iter().map(|x| values(x.grad(&grads).unwrap())));
    all
}

fn agree(inputs: &[Tensor<4>], name: &str, ours: Run, theirs: Run) {
    let (ours, theirs) = (outcome(inputs, ours), outcome(inputs, theirs));
    for (part, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        let gap = distance(a, b);
        assert!(gap < 1e-5, "{name}, part {part}: {gap}");
    }
}

type Run<'a> = &'a dyn Fn(&[Tensor<4>]) -> Tensor<4>;

#[test]
fn convolution_and_gradients_are_burns() {
    for [n, c, o, h, w, k, stride, padding] in CASES {
        let inputs = [random([n, c, h, w]), random([o, c, k, k]), random([1, o, 1, 1])];
        let flat = |b: &Tensor<4>| b.clone().reshape([o]);
        let name = format!("{n}x{c}x{h}x{w} -> {o}, {k}x{k}, stride {stride}");
        let theirs = |t: &[Tensor<4>], bias| {
            let options = burn::tensor::ops::ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
            module::conv2d(t[0].clone(), t[1].clone(), bias, options)
        };
        agree(
            &inputs,
            &name,
            &|t| conv2d(t[0].clone(), t[1].clone(), Some(flat(&t[2])), stride, padding),
            &|t| theirs(t, Some(flat(&t[2]))),
        );
        agree(&inputs[..2], &name, &|t| conv2d(t[0].clone(), t[1].clone(), None, stride, padding), &|t| {
            theirs(t, None)
        });
    }
}

#[test]
fn transposed_convolution_and_gradients_are_burns() {
    for [n, i, o, h, w] in [[2, 512, 256, 8, 8], [3, 128, 64, 16, 16], [1, 5, 7, 6, 9]] {
        let inputs = [random([n, i, h, w]), random([i, o, 2, 2])];
        agree(
            &inputs,
            &format!("{n}x{i}x{h}x{w} -> {o}"),
            &|t| conv_transpose2x2(t[0].clone(), t[1].clone()),
            &|t| {
                let options = burn::tensor::ops::ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
                module::conv_transpose2d(t[0].clone(), t[1].clone(), None, options)
            },
        );
    }
}

#[test]
fn batch_norm_and_gradients_are_burns() {
    for [n, c, h, w] in [[16, 64, 16, 16], [2, 3, 7, 5], [4, 512, 8, 8]] {
        let x = random([n, c, h, w]) * 3.0 + 5.0;
        let inputs = [x.detach().require_grad(), random([1, c, 1, 1]), random([1, c, 1, 1])];
        let flat = |b: &Tensor<4>| b.clone().reshape([c]);
        agree(
            &inputs,
            &format!("{n}x{c}x{h}x{w}"),
            &|t| batch_norm(t[0].clone(), flat(&t[1]), flat(&t[2]), 1e-5).0,
            &|t| module::batch_norm_train(t[0].clone(), flat(&t[1]), flat(&t[2]), 1e-5).output,
        );
        let [x, gamma, beta] = &inputs;
        let ours = batch_norm(x.clone(), flat(gamma), flat(beta), 1e-5);
        let theirs = module::batch_norm_train(x.clone(), flat(gamma), flat(beta), 1e-5);
        assert!(distance(&values(ours.1), &values(theirs.mean)) < 1e-5);
        assert!(distance(&values(ours.2), &values(theirs.variance)) < 1e-5);
    }
}

#[test]
fn max_pool_and_gradient_are_burns() {
    for [n, c, h, w] in [[2, 64, 32, 32], [1, 3, 7, 5], [2, 2, 1, 1], [1, 2, 2, 9], [3, 1, 6, 13]] {
        agree(
            &[random([n, c, h, w])],
            &format!("pool {n}x{c}x{h}x{w}"),
            &|t| max_pool3x3(t[0].clone()),
            &|t| {
                let options =
                    burn::tensor::ops::MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]);
                module::max_pool2d(t[0].clone(), options)
            },
        );
    }
}

/// The same numbers to the bit, whatever the number of threads.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn threads_change_nothing() {
    let inputs = [random([4, 96, 16, 16]), random([80, 96, 3, 3])];
    let gamma = random([80]);
    let run = |t: &[Tensor<4>]| {
        let y = conv2d(t[0].clone(), t[1].clone(), None, 1, 1);
        batch_norm(y, gamma.clone(), gamma.clone(), 1e-5).0
    };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.unwrap().install(|| outcome(&inputs, run))
    };
    assert_eq!(with(1), with(2));
    assert_eq!(with(1), with(3));
}

#[test]
fn nan_passes_through() {
    let mut pixels = vec![1.0f32; 2 * 4 * 6 * 6];
    pixels[40] = f32::NAN;
    let x = Tensor::<4>::from_data(TensorData::new(pixels, [2, 4, 6, 6]), &device());
    let weight = Tensor::<4>::zeros([8, 4, 3, 3], &device());
    let y = values(conv2d(x.clone(), weight, None, 1, 1));
    // Pixel 40 is row 0, column 4 of the second channel: its neighborhood of the first picture.
    let seen = y.iter().filter(|v| v.is_nan()).count();
    assert_eq!(seen, 8 * 6);
    let y = values(conv_transpose2x2(x.clone(), Tensor::zeros([4, 2, 2, 2], &device())));
    assert_eq!(y.iter().filter(|v| v.is_nan()).count(), 2 * 4);
    let pooled = values(max_pool3x3(x.clone()));
    assert_eq!(pooled.iter().filter(|v| v.is_nan()).count(), 1);
    let ones = Tensor::<1>::ones([4], &device());
    let y = values(batch_norm(x, ones.clone(), ones, 1e-5).0);
    assert_eq!(y.iter().filter(|v| v.is_nan()).count(), 2 * 36);
}

/// Views that are not contiguous, without a graph.
#[test]
fn views_are_read_in_their_order() {
    let device = Device::flex();
    let x = Tensor::<4>::random([2, 9, 8, 6], Distribution::Default, &device);
    let w = Tensor::<4>::random([3, 3, 4, 6], Distribution::Default, &device);
    let (x, w) = (x.permute([0, 3, 1, 2]), w.permute([2, 3, 0, 1]));
    let options = burn::tensor::ops::ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
    let theirs = values(module::conv2d(x.clone(), w.clone(), None, options));
    assert!(distance(&values(conv2d(x, w, None, 1, 1)), &theirs) < 1e-5);
}
