//! The graph before the first layer and after the last: pixels at the start; map, score and verdict at the
//! end.

use super::graph::{Graph, Name, Setting};
use super::proto::DataType;
use super::{Pixels, data_type};
use crate::detection::{add_upsampled, gaussian, sigma};
use crate::inference::Plan;
use crate::model::Info;
use crate::picture::{MEAN, STD, Size};

/// From pixels `[N, H, W, 3]` to the normalized picture `[N, 3, H, W]`, in the order of `picture::normalize`.
pub fn pixels(graph: &mut Graph, plan: &Plan, pixels: Pixels) -> Name {
    let [_, height, width] = plan.shape(plan.input);
    let mut picture = graph.input("pixels", data_type(pixels), &[height, width, 3]);
    if pixels == Pixels::U8 {
        let float = i64::from(i32::from(DataType::Float));
        picture = graph.node("Cast", "pixels.float", &[&picture], &[Setting::One("to", float)]);
    }
    picture = graph.node("Transpose", "pixels.planes", &[&picture], &[Setting::Many("perm", &[0, 3, 1, 2])]);
    let full = graph.floats("pixels.full", &[1], &[255.0]);
    picture = graph.node("Div", "pixels.share", &[&picture, &full], &[]);
    let mean = graph.floats("pixels.mean", &[1, 3, 1, 1], &MEAN);
    picture = graph.node("Sub", "pixels.centered", &[&picture, &mean], &[]);
    let deviation = graph.floats("pixels.deviation", &[1, 3, 1, 1], &STD);
    graph.node("Div", "pixels.normalized", &[&picture, &deviation], &[])
}

/// From the levels `[N, 1, H_k, W_k]` to the outputs.
///
/// Up-sampling and Gaussian are linear and separable: level `k` adds `A_k D_k B_k^T` to the map, where `A_k`
/// `[H, H_k]` and `B_k` `[W, W_k]` do both at once along each side. So the graph needs neither a resize
/// operator, on whose corners runtimes differ, nor a padding operator.
pub fn results(graph: &mut Graph, plan: &Plan, info: &Info, levels: [Name; 3]) {
    let [_, height, width] = plan.shape(plan.input);
    let sigma = sigma(Size::new(width, height));
    let mut map: Option<Name> = None;
    for (number, (level, view)) in levels.iter().zip(plan.maps).enumerate() {
        let [_, h, w] = plan.shape(view);
        let name = format!("level{}", number + 1);
        let rows = graph.floats(&format!("{name}.rows"), &[height, h], &along(height, h, sigma));
        let columns = transposed(&along(width, w, sigma), w);
        let columns = graph.floats(&format!("{name}.columns"), &[w, width], &columns);
        let tall = graph.node("MatMul", &format!("{name}.tall"), &[&rows, level], &[]);
        let whole = graph.node("MatMul", &format!("{name}.map"), &[&tall, &columns], &[]);
        map = Some(match map {
            None => whole,
            Some(sum) => graph.node("Add", &format!("{name}.sum"), &[&sum, &whole], &[]),
        });
    }
    let Some(map) = map else { return };
    let channel = graph.integers("map.channel", &[1]);
    let map = graph.node("Squeeze", "map", &[&map, &channel], &[]);
    graph.output(&map, DataType::Float, &[height, width]);
    let score = score(graph, &map);
    verdict(graph, &score, info.threshold.value);
}

/// The maximum of each map.
fn score(graph: &mut Graph, map: &Name) -> Name {
    let settings = [Setting::Many("axes", &[1, 2]), Setting::One("keepdims", 0)];
    let score = graph.node("ReduceMax", "score", &[map], &settings);
    graph.output(&score, DataType::Float, &[]);
    score
}

/// `s / (s + t)`, and whether `s > t`.
fn verdict(graph: &mut Graph, score: &Name, threshold: f64) {
    let zero = graph.floats("score.zero", &[1], &[0.0]);
    let positive = graph.node("Max", "score.positive", &[score, &zero], &[]);
    let level = graph.floats("score.threshold", &[1], &[threshold as f32]);
    let sum = graph.node("Add", "score.sum", &[&positive, &level], &[]);
    let normalized = graph.node("Div", "normalized", &[&positive, &sum], &[]);
    graph.output(&normalized, DataType::Float, &[]);
    let highest = graph.floats("score.highest_good", &[1], &[at_most(threshold)]);
    let anomalous = graph.node("Greater", "anomalous", &[score, &highest], &[]);
    graph.output(&anomalous, DataType::Bool, &[]);
}

/// The largest f32 that is not above `value`: no f32 lies between, so both thresholds give one verdict.
fn at_most(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) > value { near.next_down() } else { near }
}

/// The matrix `[output, input]` that up-samples and smooths along one side.
fn along(output: usize, input: usize, sigma: f64) -> Vec<f32> {
    let mut matrix = vec![0.0; output * input];
    for column in 0..input {
        let mut impulse = vec![0.0f32; input];
        impulse[column] = 1.0;
        let mut sampled = vec![0.0; output];
        add_upsampled(&mut sampled, [output, 1], &impulse, [input, 1]);
        for (row, value) in gaussian(&sampled, [output, 1], sigma).into_iter().enumerate() {
            matrix[row * input + column] = value as f32;
        }
    }
    matrix
}

/// `[rows, columns]` to `[columns, rows]`.
fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| matrix.iter().skip(column).step_by(columns).copied()).collect()
}
