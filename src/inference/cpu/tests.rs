//! Every layer alone, against the plainest implementation.

use super::*;
use crate::inference::plan_tests::{Random, info, nearest};
use crate::inference::{Buffer, reference};
use crate::model::{Info, Score};
use crate::teacher::Backbone;
use std::sync::RwLock;
use std::sync::atomic::Ordering;

/// Numbers in `-1..1` that look random.
fn noise(seed: usize, i: usize) -> f32 {
    let x = ((i + 1) as f64 * 12.9898 + seed as f64 * 78.233).sin() * 43_758.545_3;
    (2.0 * (x - x.floor()) - 1.0) as f32
}

/// Where number `i` of a view `[C, H, W]` of picture `picture` lies in its slot.
fn index(place: &Place, plain: bool, picture: usize, i: usize) -> usize {
    let positions = place.shape[1] * place.shape[2];
    let (c, p) = (i / positions, i % positions);
    let inner = if plain { i } else { (c / 16 * positions + p) * 16 + c % 16 };
    picture * place.picture + place.first + inner
}

fn every_layer(info: &Info, batch: usize) {
    let plan = Plan::new(info, &Random).unwrap();
    let plain = |view: View| view.buffer == plan.input.buffer || plan.buffers[view.buffer].channels == 1;
    let engine = Engine::new(plan.clone());
    let mut workspace = Workspace::default();
    engine.prepare(&mut workspace, batch);
    let slots = plan.slots();
    let place = |view: View| Place {
        slot: slots.of[view.buffer],
        first: view.first * plan.buffers[view.buffer].positions(),
        picture: {
            let buffer = plan.buffers[view.buffer];
            numbers(buffer.channels, buffer.positions(), plain(view))
        },
        shape: plan.shape(view),
    };
    let buffer = |view: View| {
        let [channels, height, width] = plan.shape(view);
        Buffer { channels, height, width }
    };
    for (n, (step, layer)) in plan.steps.iter().zip(&engine.layers).enumerate() {
        let (views, to) = (step.operation.reads(), step.operation.writes());
        // Garbage where the layer must not read, or must write.
        let mut all: Vec<Lines> =
            engine.capacities.iter().map(|&capacity| Lines::zeros(capacity * batch)).collect();
        all.iter_mut().for_each(|slot| slot.numbers_mut().fill(f32::NAN));
        let mut reads = vec![Vec::new(); batch];
        for (picture, reads) in reads.iter_mut().enumerate() {
            for (v, &view) in views.iter().enumerate() {
                let place = place(view);
                let numbers = all[place.slot].numbers_mut();
                if !plain(view) && view.channels % 16 != 0 {
                    // Channels beyond the last may hold any number.
                    numbers.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = 3.0);
                }
                let values: Vec<f32> =
                    (0..buffer(view).numbers()).map(|i| noise(n + 31 * v + 7 * picture, i)).collect();
                for (i, &value) in values.iter().enumerate() {
                    numbers[index(&place, plain(view), picture, i)] = value;
                }
                reads.push(values.into_iter().map(f64::from).collect::<Vec<f64>>());
            }
        }
        layer.work.run(&mut all, &mut workspace.scratch, batch);
        for (picture, reads) in reads.iter().enumerate() {
            let right = reference::evaluate(&step.operation, reads, buffer(views[0]), buffer(to));
            let place = place(to);
            let numbers = all[place.slot].numbers();
            let scale = right.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            for (i, right) in right.iter().enumerate() {
                let found = f64::from(numbers[index(&place, plain(to), picture, i)]);
                let error = (found - right).abs();
                assert!(
                    error <= 1e-5 * scale,
                    "{} {:?}: {i}: {found} is not {right}",
                    step.name,
                    plan.shape(to)
                );
            }
        }
    }
}

/// Held by the tests that want one and the same kernels all the time.
static KERNELS: RwLock<()> = RwLock::new(());

#[test]
fn narrower_vectors_are_right() {
    let _alone = KERNELS.write().unwrap();
    for narrowed in [1, 2] {
        vector::NARROWED.store(narrowed, Ordering::Relaxed);
        every_layer(&info(Backbone::Compact, 64), 1);
        every_layer(&info(Backbone::Compact, 96), 1);
    }
    vector::NARROWED.store(0, Ordering::Relaxed);
}

#[test]
fn every_layer_of_a_basic_network_is_right() {
    let _same = KERNELS.read().unwrap();
    every_layer(&info(Backbone::Compact, 64), 2);
    every_layer(&info(Backbone::Compact, 96), 1);
}

#[test]
fn every_layer_of_a_bottleneck_network_is_right() {
    let _same = KERNELS.read().unwrap();
    every_layer(&info(Backbone::Resnet50, 32), 1);
}

#[test]
fn every_switch_is_right() {
    let _same = KERNELS.read().unwrap();
    let base = info(Backbone::Compact, 32);
    for residual in [Residual::Sigmoid, Residual::Learnable] {
        every_layer(
            &Info { raa: crate::amplification::RaaOptions { residual, ..base.raa }, ..base.clone() },
            1,
        );
    }
    every_layer(
        &Info { raa: crate::amplification::RaaOptions { gate: false, ..base.raa }, ..base.clone() },
        1,
    );
    every_layer(
        &Info { raa: crate::amplification::RaaOptions { memory_items: 1, ..base.raa }, ..base.clone() },
        1,
    );
    every_layer(&nearest(base.clone(), [20, 16, 2]), 3);
    every_layer(&Info { score: Score::Gate, ..base }, 3);
}

/// Neither the number of threads nor the other pictures of a batch change a result.
#[test]
fn threads_and_batches_change_nothing() {
    let _same = KERNELS.read().unwrap();
    for size in [64, 128] {
        let plan = Plan::new(&info(Backbone::Compact, size), &Random).unwrap();
        let pixels: Vec<f32> = (0..3 * 3 * size * size).map(|i| noise(5, i)).collect();
        let run = |threads: usize, pixels: &[f32]| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Engine::new(plan.clone()).run(pixels))
        };
        let together = run(1, &pixels);
        for threads in [2, 3, 7] {
            assert_eq!(run(threads, &pixels), together);
        }
        let alone: Vec<_> = pixels.chunks(3 * size * size).map(|picture| run(2, picture)).collect();
        for k in 0..3 {
            let joined: Vec<f32> = alone.iter().flat_map(|maps| maps[k].clone()).collect();
            assert_eq!(joined, together[k]);
        }
    }
}
