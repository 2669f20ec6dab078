//! The plan's layers as nodes, from the normalized picture to the three levels.

use super::graph::{Graph, Name, Setting};
use crate::amplification::Residual;
use crate::inference::{Convolution, Kernel, Operation, Plan, View};

/// The smallest vector length that is divided by, as in the plan.
const SHORTEST: f32 = 1e-8;

/// For each of the plan's buffers, which tensor holds which of its channels.
struct Held {
    buffers: Vec<Vec<(View, Name)>>,
}

/// Adds all layers of `plan` on `picture` `[N, 3, H, W]`; gives the maps of the levels, `[N, 1, H_k, W_k]`.
pub fn levels(graph: &mut Graph, plan: &Plan, picture: Name) -> [Name; 3] {
    let mut held = Held { buffers: vec![Vec::new(); plan.buffers.len()] };
    held.buffers[plan.input.buffer].push((plan.input, picture));
    for step in &plan.steps {
        let result = layer(graph, plan, &mut held, &step.name, &step.operation);
        let view = step.operation.writes();
        held.buffers[view.buffer].push((view, result));
    }
    plan.maps.map(|view| held.read(graph, view))
}

impl Held {
    /// The tensor of a view: one that was written as such, or parts of several, concatenated.
    fn read(&mut self, graph: &mut Graph, view: View) -> Name {
        let parts = &self.buffers[view.buffer];
        if let Some((_, name)) = parts.iter().find(|(part, _)| *part == view) {
            return name.clone();
        }
        let end = view.first + view.channels;
        let mut within: Vec<_> = parts
            .iter()
            .filter(|(part, _)| part.first < end && view.first < part.first + part.channels)
            .cloned()
            .collect();
        within.sort_by_key(|(part, _)| part.first);
        let names: Vec<Name> = within
            .into_iter()
            .map(|(part, name)| {
                let from = view.first.max(part.first) - part.first;
                let to = end.min(part.first + part.channels) - part.first;
                if to - from == part.channels { name } else { slice(graph, &name, from, to) }
            })
            .collect();
        let joined = match names.as_slice() {
            [one] => one.clone(),
            many => {
                let inputs: Vec<&Name> = many.iter().collect();
                graph.node("Concat", &format!("{}.joined", many[0]), &inputs, &[Setting::One("axis", 1)])
            }
        };
        self.buffers[view.buffer].push((view, joined.clone()));
        joined
    }
}

/// Channels `from..to`.
fn slice(graph: &mut Graph, input: &Name, from: usize, to: usize) -> Name {
    let [from, to, axis] = [("from", from), ("to", to), ("axis", 1)]
        .map(|(name, value)| graph.integers(&format!("{input}.{name}"), &[value as i64]));
    graph.node("Slice", &format!("{input}.part"), &[input, &from, &to, &axis], &[])
}

fn layer(graph: &mut Graph, plan: &Plan, held: &mut Held, name: &str, operation: &Operation) -> Name {
    match operation {
        Operation::Convolution(convolution) => convolve(graph, held, name, convolution),
        Operation::MaxPool { input, .. } => {
            let input = held.read(graph, *input);
            let settings = [
                Setting::Many("kernel_shape", &[3, 3]),
                Setting::Many("strides", &[2, 2]),
                Setting::Many("pads", &[1, 1, 1, 1]),
            ];
            graph.node("MaxPool", name, &[&input], &settings)
        }
        Operation::Position { input, encoding, .. } => {
            let [channels, height, width] = plan.shape(*input);
            let encoding = graph.floats(&format!("{name}.encoding"), &[1, channels, height, width], encoding);
            let input = held.read(graph, *input);
            graph.node("Add", name, &[&input, &encoding], &[])
        }
        Operation::Gate { query, matching, .. } => gate(graph, held, name, *query, *matching),
        Operation::Amplify { feature, generated, gate, residual, .. } => {
            let feature = held.read(graph, *feature);
            let generated = held.read(graph, *generated);
            let delta = match residual {
                Residual::Tanh => scaled(graph, "Tanh", name, &generated, &feature),
                Residual::Sigmoid => scaled(graph, "Sigmoid", name, &generated, &feature),
                Residual::Learnable => generated,
            };
            let delta = match gate {
                None => delta,
                Some(gate) => {
                    let gate = held.read(graph, *gate);
                    graph.node("Mul", &format!("{name}.gated"), &[&delta, &gate], &[])
                }
            };
            graph.node("Add", name, &[&feature, &delta], &[])
        }
        Operation::Nearest { feature, matching, .. } => {
            let length = {
                let feature = held.read(graph, *feature);
                length(graph, name, &feature)
            };
            let matching = held.read(graph, *matching);
            let settings = [Setting::Many("axes", &[1]), Setting::One("keepdims", 1)];
            let largest = graph.node("ReduceMax", &format!("{name}.largest"), &[&matching], &settings);
            let cosine = graph.node("Div", &format!("{name}.cosine"), &[&largest, &length], &[]);
            let one = graph.floats(&format!("{name}.one"), &[1], &[1.0]);
            let distance = graph.node("Sub", &format!("{name}.distance"), &[&one, &cosine], &[]);
            graph.node("Relu", name, &[&distance], &[])
        }
        Operation::Discrepancy { teacher, student, .. } => {
            let teacher = held.read(graph, *teacher);
            let student = held.read(graph, *student);
            discrepancy(graph, name, &teacher, &student)
        }
    }
}

fn convolve(graph: &mut Graph, held: &mut Held, name: &str, convolution: &Convolution) -> Name {
    let (out, inputs) = (convolution.output.channels, convolution.input.channels);
    let (operator, shape, stride, pad) = match convolution.kernel {
        Kernel::Plain { size, stride } => ("Conv", [out, inputs, size, size], stride, size / 2),
        Kernel::Transposed => ("ConvTranspose", [inputs, out, 2, 2], 2, 0),
    };
    let weight = graph.floats(&format!("{name}.weight"), &shape, &convolution.weight);
    let bias = graph.floats(&format!("{name}.bias"), &[out], &convolution.bias);
    let input = held.read(graph, convolution.input);
    let [side, stride, pad] = [shape[2], stride, pad].map(|number| number as i64);
    let settings = [
        Setting::Many("kernel_shape", &[side, side]),
        Setting::Many("strides", &[stride, stride]),
        Setting::Many("pads", &[pad; 4]),
    ];
    let mut result = graph.node(operator, name, &[&input, &weight, &bias], &settings);
    if let Some(add) = convolution.add {
        let add = held.read(graph, add);
        result = graph.node("Add", &format!("{name}.sum"), &[&result, &add], &[]);
    }
    if convolution.relu {
        result = graph.node("Relu", &format!("{name}.relu"), &[&result], &[]);
    }
    result
}

/// The share of the second half in `softmax(matching / |query|)` (method.md 2.3).
fn gate(graph: &mut Graph, held: &mut Held, name: &str, query: View, matching: View) -> Name {
    let length = {
        let query = held.read(graph, query);
        length(graph, name, &query)
    };
    let items = matching.channels;
    let matching = held.read(graph, matching);
    let cosines = graph.node("Div", &format!("{name}.cosines"), &[&matching, &length], &[]);
    let shares = graph.node("Softmax", &format!("{name}.softmax"), &[&cosines], &[Setting::One("axis", 1)]);
    let anomalous = slice(graph, &shares, items / 2, items);
    sum(graph, name, &anomalous)
}

/// `max(|x|, 1e-8)` over the channels.
fn length(graph: &mut Graph, name: &str, input: &Name) -> Name {
    let settings = [Setting::Many("axes", &[1]), Setting::One("keepdims", 1)];
    let length = graph.node("ReduceL2", &format!("{name}.length"), &[input], &settings);
    let shortest = graph.floats(&format!("{name}.shortest"), &[1], &[SHORTEST]);
    graph.node("Max", &format!("{name}.bounded"), &[&length, &shortest], &[])
}

/// The sum over the channels.
fn sum(graph: &mut Graph, name: &str, input: &Name) -> Name {
    let axis = graph.integers(&format!("{name}.channels"), &[1]);
    graph.node("ReduceSum", name, &[input, &axis], &[Setting::One("keepdims", 1)])
}

/// `operator(generated) feature`.
fn scaled(graph: &mut Graph, operator: &str, name: &str, generated: &Name, feature: &Name) -> Name {
    let factor = graph.node(operator, &format!("{name}.factor"), &[generated], &[]);
    graph.node("Mul", &format!("{name}.residual"), &[&factor, feature], &[])
}

/// `1 - cos(teacher, student)` over the channels (method.md 5).
fn discrepancy(graph: &mut Graph, name: &str, teacher: &Name, student: &Name) -> Name {
    let product = graph.node("Mul", &format!("{name}.product"), &[teacher, student], &[]);
    let dot = sum(graph, &format!("{name}.dot"), &product);
    let teacher = length(graph, &format!("{name}.teacher"), teacher);
    let student = length(graph, &format!("{name}.student"), student);
    let lengths = graph.node("Mul", &format!("{name}.lengths"), &[&teacher, &student], &[]);
    let cosine = graph.node("Div", &format!("{name}.cosine"), &[&dot, &lengths], &[]);
    let one = graph.floats(&format!("{name}.one"), &[1], &[1.0]);
    graph.node("Sub", name, &[&one, &cosine], &[])
}
