//! The passes after the plan: up-sampling and sum of the levels, the Gaussian, the maximum (method.md 5).

use super::memory::Memory;
use super::pass::{Pass, THREADS};
use super::shaders::Shader;
use super::uniforms::{Blur, Maximum, Upsample, words};
use crate::inference::sigma;
use crate::inference::{Plan, Slots};
use crate::picture::Size;

/// The Gaussian's taps from the center outwards, cut off at four standard deviations; both sides together sum to
/// one.
pub(super) fn taps(size: Size) -> Vec<f32> {
    let sigma = sigma(size);
    let radius = (4.0 * sigma + 0.5) as usize;
    let raw: Vec<f64> = (0..=radius).map(|x| (-0.5 * (x as f64 / sigma).powi(2)).exp()).collect();
    let sum = raw[0] + 2.0 * raw[1..].iter().sum::<f64>();
    raw.into_iter().map(|w| (w / sum) as f32).collect()
}

/// From the discrepancies of the three levels to anomaly map and score.
pub(super) fn passes(plan: &Plan, slots: &Slots, pictures: u32) -> Vec<Pass<Memory>> {
    let [width, height] = [plan.size.width, plan.size.height].map(|side| side as u32);
    let level = |k: usize| Memory::Slot(slots.of[plan.maps[k].buffer]);
    let each_pixel = [width.div_ceil(THREADS), height, pictures];
    let [[height1, width1], [height2, width2], [height3, width3]] = plan.maps.map(|map| {
        let [_, height, width] = plan.shape(map);
        [height as u32, width as u32]
    });
    let sizes = Upsample { width, height, height1, width1, height2, width2, height3, width3 };
    let radius = taps(plan.size).len() as u32 - 1;
    let blur = |name: &str, along_x: u32, [from, to]: [Memory; 2]| Pass {
        name: name.into(),
        kernel: Shader::Blur,
        uniform: words(Blur { width, height, radius, along_x }),
        bindings: vec![Memory::Taps, from, to],
        groups: each_pixel,
    };
    vec![
        Pass {
            name: "sum of levels".into(),
            kernel: Shader::Upsample,
            uniform: words(sizes),
            bindings: vec![level(0), level(1), level(2), Memory::Map],
            groups: each_pixel,
        },
        blur("Gaussian along y", 0, [Memory::Map, Memory::Half]),
        blur("Gaussian along x", 1, [Memory::Half, Memory::Map]),
        Pass {
            name: "maximum".into(),
            kernel: Shader::Maximum,
            uniform: words(Maximum { pixels: width * height }),
            bindings: vec![Memory::Map, Memory::Scores],
            groups: [pictures, 1, 1],
        },
    ]
}
