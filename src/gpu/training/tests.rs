//! Steps of both stages on numbers that look random: losses are finite, repeatable, and fall.

use super::*;
use crate::amplification::RaaOptions;
use crate::gpu::Gpu;
use crate::inference::plan_tests::Random;
use crate::picture::Size;
use std::sync::Arc;

fn gpu() -> Arc<Gpu> {
    Arc::new(
        pollster::block_on(Gpu::open()).expect("an adapter; install mesa-vulkan-drivers for a software one"),
    )
}

fn scheme(backbone: Backbone) -> Scheme {
    Scheme { backbone, size: Size::new(96, 64), batch: 2, hardest: 10, beta1: 0.5 }
}

fn noise(i: usize) -> f32 {
    let x = ((i + 1) as f64 * 12.9898).sin() * 43_758.545_3;
    (x - x.floor()) as f32
}

fn distilled(gpu: &Arc<Gpu>, backbone: Backbone) -> (Vec<[f64; 2]>, Vec<Tensor>) {
    let mut engine = Distill::new(Arc::clone(gpu), scheme(backbone), &Random).unwrap();
    for (k, length) in engine.lengths().into_iter().enumerate() {
        engine.write(k, &(0..2 * length).map(noise).collect::<Vec<f32>>());
    }
    let mut losses = Vec::new();
    for step in 0..6 {
        // The fourth batch is smaller.
        engine.step(if step == 3 { 1 } else { 2 }, 0.002, |_, _| Ok(())).unwrap();
        losses.push(pollster::block_on(engine.losses()).unwrap().unwrap());
    }
    (losses, pollster::block_on(engine.tensors()).unwrap())
}

#[test]
fn distilling_goes_downhill_and_the_same_way_twice() {
    let gpu = gpu();
    for backbone in [Backbone::Compact, Backbone::Resnet50] {
        let (losses, tensors) = distilled(&gpu, backbone);
        println!("{backbone}: {losses:?}");
        assert!(losses[5][0] < 0.98 * losses[0][0] && losses[5][1] < losses[0][1], "{losses:?}");
        let (again, same) = distilled(&gpu, backbone);
        assert!(losses == again && tensors == same);
    }
}

fn amplified(gpu: &Arc<Gpu>, backbone: Backbone) -> (Vec<[f64; 2]>, Vec<Tensor>) {
    let scheme = scheme(backbone);
    let options = RaaOptions { memory_items: 9, ..RaaOptions::default() };
    let mut engine =
        Amplify::new(Arc::clone(gpu), scheme, options, [0.3, 0.1], [5000, 1000], &Random).unwrap();
    let pixels: Vec<f32> = (0..2 * 3 * 64 * 64).map(|i| 4.0 * noise(i) - 2.0).collect();
    let batch = |count: usize| {
        scheme.backbone.sizes(scheme.size).map(|size| {
            let anomalous = |i: &usize| i % size.width > size.width / 2;
            let rows = 0..count * size.area();
            let positions =
                |wanted: bool| rows.clone().filter(move |i| anomalous(i) == wanted).map(|i| i as u32);
            LevelBatch {
                labels: rows.clone().map(|i| f32::from(u8::from(anomalous(&i)))).collect(),
                pairs: [positions(false).collect(), positions(true).collect()],
            }
        })
    };
    let mut losses = Vec::new();
    for step in 0..6 {
        let count = if step == 3 { 1 } else { 2 };
        engine.step(&pixels[..count * 3 * 64 * 64], count, &batch(count), 0.002).unwrap();
        losses.push(pollster::block_on(engine.losses()).unwrap().unwrap());
    }
    engine.advance(&pixels, 2).unwrap();
    let advanced = pollster::block_on(engine.read(&engine.advanced()[0])).unwrap();
    assert!(advanced.iter().all(|v| v.is_finite()));
    (losses, pollster::block_on(engine.tensors()).unwrap())
}

#[test]
fn amplifying_goes_downhill_and_the_same_way_twice() {
    let gpu = gpu();
    let (losses, tensors) = amplified(&gpu, Backbone::Compact);
    println!("{losses:?}");
    assert!(losses[5][0] < losses[0][0] && losses[5][1] < losses[0][1], "{losses:?}");
    let (again, same) = amplified(&gpu, Backbone::Compact);
    assert!(losses == again && tensors == same);
}
