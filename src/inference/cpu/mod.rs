//! The plan on the CPU.

mod direct;
mod inspect;
mod kernel;
mod lines;
mod pointwise;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
#[cfg(test)]
mod tests;
mod threads;
mod vector;
mod winograd;

use super::plan::{Convolution, Kernel, Operation, Plan, View};
use crate::amplification::Residual;
use crate::picture::Size;
use direct::Direct;
use inspect::WatchedLevel;
use lines::{Lines, Map, blocked, numbers};
use std::sync::{Mutex, PoisonError};
use threads::threads;
pub use vector::instructions;
use winograd::Winograd;

/// A detector on the CPU: weights in the order of the kernels, and memory for the feature maps.
///
/// The numbers do not depend on how many threads there are, nor on how many pictures go together.
#[derive(Debug)]
pub struct Engine {
    size: Size,
    input: Place,
    maps: [Place; 3],
    layers: Vec<Layer>,
    /// What [`Engine::inspect`] copies out.
    levels: [WatchedLevel; 3],
    /// By slot: numbers per picture.
    capacities: Vec<usize>,
    /// Those that no call is using.
    workspaces: Mutex<Vec<Workspace>>,
}

/// The memory of one call.
#[derive(Debug, Default)]
struct Workspace {
    slots: Vec<Lines>,
    scratch: Lines,
    batch: usize,
}

/// Where a view lies.
#[derive(Clone, Copy, Debug)]
struct Place {
    slot: usize,
    /// First number of a picture's view.
    first: usize,
    /// Numbers from one picture's buffer to the next.
    picture: usize,
    shape: [usize; 3],
}

#[derive(Debug)]
struct Layer {
    name: String,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Direct { layer: Direct, x: Place, y: Place, add: Option<Place> },
    Winograd { layer: Winograd, x: Place, y: Place, add: Option<Place> },
    MaxPool { x: Place, y: Place },
    Position { x: Place, encoding: Lines, y: Place },
    Gate { query: Place, matching: Place, w: Place },
    Amplify { feature: Place, generated: Place, w: Option<Place>, residual: Residual, y: Place },
    Discrepancy { teacher: Place, student: Place, y: Place },
    Nearest { feature: Place, matching: Place, y: Place },
}

impl Engine {
    /// Brings the weights of a plan into the order of the kernels, layer by layer, so that they are not held
    /// twice.
    pub fn new(plan: Plan) -> Self {
        let slots = plan.slots();
        // The picture and maps of one channel are plain.
        let plain: Vec<bool> = (0..plan.buffers.len())
            .map(|b| b == plan.input.buffer || plan.buffers[b].channels == 1)
            .collect();
        let capacity = |b: usize| numbers(plan.buffers[b].channels, plan.buffers[b].positions(), plain[b]);
        let mut capacities = vec![0; slots.numbers.len()];
        (0..plan.buffers.len())
            .for_each(|b| capacities[slots.of[b]] = capacities[slots.of[b]].max(capacity(b)));
        let buffers = plan.buffers.clone();
        let place = |view: View| {
            let buffer = buffers[view.buffer];
            Place {
                slot: slots.of[view.buffer],
                first: view.first * buffer.positions(),
                picture: capacity(view.buffer),
                shape: [view.channels, buffer.height, buffer.width],
            }
        };
        let layer = |step: super::Step| {
            let work = match step.operation {
                Operation::Convolution(c) => convolution(c, &place, &plain),
                Operation::MaxPool { input, output } => Work::MaxPool { x: place(input), y: place(output) },
                Operation::Position { input, output, encoding } => {
                    let encoding = blocked(&encoding, input.channels);
                    Work::Position { x: place(input), encoding, y: place(output) }
                }
                Operation::Gate { query, matching, output } => {
                    Work::Gate { query: place(query), matching: place(matching), w: place(output) }
                }
                Operation::Amplify { feature, generated, gate, residual, output } => Work::Amplify {
                    feature: place(feature),
                    generated: place(generated),
                    w: gate.map(&place),
                    residual,
                    y: place(output),
                },
                Operation::Nearest { feature, matching, output } => {
                    Work::Nearest { feature: place(feature), matching: place(matching), y: place(output) }
                }
                Operation::Discrepancy { teacher, student, output } => {
                    Work::Discrepancy { teacher: place(teacher), student: place(student), y: place(output) }
                }
            };
            Layer { name: step.name, work }
        };
        Self {
            size: plan.size,
            input: place(plan.input),
            maps: plan.maps.map(&place),
            levels: inspect::levels(&plan, &place, &plain),
            layers: plan.steps.into_iter().map(layer).collect(),
            capacities,
            workspaces: Mutex::default(),
        }
    }

    /// The discrepancies of the three levels, `[batch, H_k, W_k]` each, of normalized pixels
    /// `[batch, 3, S, S]`.
    ///
    /// # Panics
    /// The number of pixels is not a multiple of a picture's.
    pub fn run(&self, pixels: &[f32]) -> [Vec<f32>; 3] {
        self.run_watched(pixels, |_, run| run())
    }

    /// As [`run`](Self::run), but each layer is handed, with its name, to `watch`, which must call it.
    ///
    /// # Panics
    /// The number of pixels is not a multiple of a picture's.
    pub fn run_watched(
        &self,
        pixels: &[f32],
        mut watch: impl FnMut(&str, &mut dyn FnMut()),
    ) -> [Vec<f32>; 3] {
        let picture = 3 * self.size.area();
        assert!(pixels.len().is_multiple_of(picture), "whole pictures");
        // As many at once as there are threads: more would only take memory, and leave the cache.
        let mut maps = [const { Vec::new() }; 3];
        // Never locked while computing: a call may come from a thread that waits for another call's tasks.
        let workspaces = || self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        let mut workspace = workspaces().pop().unwrap_or_default();
        for some in pixels.chunks(threads() * picture) {
            let found = self.together(&mut workspace, some, &mut watch);
            maps.iter_mut().zip(found).for_each(|(map, found)| map.extend(found));
        }
        workspaces().push(workspace);
        maps
    }

    fn together(
        &self,
        workspace: &mut Workspace,
        pixels: &[f32],
        watch: &mut impl FnMut(&str, &mut dyn FnMut()),
    ) -> [Vec<f32>; 3] {
        let picture = 3 * self.size.area();
        let batch = pixels.len() / picture;
        self.prepare(workspace, batch);
        let Workspace { slots, scratch, .. } = workspace;
        for (i, pixels) in pixels.chunks_exact(picture).enumerate() {
            let start = self.input.first + i * self.input.picture;
            slots[self.input.slot].numbers_mut()[start..start + picture].copy_from_slice(pixels);
        }
        for layer in &self.layers {
            watch(&layer.name, &mut || layer.work.run(slots, scratch, batch));
        }
        self.maps.map(|map| {
            let length = map.shape[1] * map.shape[2];
            let numbers = slots[map.slot].numbers();
            (0..batch)
                .flat_map(|i| numbers[map.first + i * map.picture..][..length].iter().copied())
                .collect()
        })
    }

    /// Makes room for a batch.
    fn prepare(&self, workspace: &mut Workspace, batch: usize) {
        if batch == workspace.batch {
            return;
        }
        let Workspace { slots, scratch, .. } = workspace;
        slots.resize_with(self.capacities.len(), Lines::default);
        for (slot, &capacity) in slots.iter_mut().zip(&self.capacities) {
            slot.reserve(batch * capacity);
        }
        let most = self.layers.iter().map(|layer| layer.work.scratch(slots)).max();
        scratch.reserve(batch * most.unwrap_or(0));
        workspace.batch = batch;
    }

    /// Numbers in all weights, as they are kept.
    pub fn weights(&self) -> usize {
        let numbers = |layer: &Layer| match &layer.work {
            Work::Direct { layer, .. } => layer.weights(),
            Work::Winograd { layer, .. } => layer.weights(),
            Work::Position { encoding, .. } => encoding.len(),
            _ => 0,
        };
        self.layers.iter().map(numbers).sum()
    }
}

/// Chooses the algorithm and orders the weights.
fn convolution(c: Convolution, place: &impl Fn(View) -> Place, plain: &[bool]) -> Work {
    let (x, y, add) = (place(c.input), place(c.output), c.add.map(place));
    let [inputs, height, width] = x.shape;
    if c.kernel == (Kernel::Plain { size: 3, stride: 1 }) && Winograd::suits([height, width]) {
        return Work::Winograd { layer: Winograd::new(&c, inputs), x, y, add };
    }
    Work::Direct { layer: Direct::new(&c, inputs, plain[c.input.buffer]), x, y, add }
}

impl Work {
    fn run(&self, slots: &mut [Lines], scratch: &mut Lines, batch: usize) {
        let mut at = |place: &Place| place.map(slots);
        match self {
            Self::Direct { layer, x, y, add } => {
                let (x, y, add) = (at(x), at(y), add.as_ref().map(&mut at));
                layer.run(&x, &y, add.as_ref(), batch, scratch.numbers_mut());
            }
            Self::Winograd { layer, x, y, add } => {
                let (x, y, add) = (at(x), at(y), add.as_ref().map(&mut at));
                layer.run(&x, &y, add.as_ref(), batch, scratch.numbers_mut());
            }
            Self::MaxPool { x, y } => pointwise::max_pool(&at(x), &at(y), batch),
            Self::Position { x, encoding, y } => pointwise::add_position(&at(x), encoding, &at(y), batch),
            Self::Gate { query, matching, w } => {
                pointwise::gate(&at(query), &at(matching), &at(w), batch);
            }
            Self::Amplify { feature, generated, w, residual, y } => {
                let (feature, generated, w, y) = (at(feature), at(generated), w.as_ref().map(&mut at), at(y));
                pointwise::amplify([&feature, &generated], w.as_ref(), *residual, &y, batch);
            }
            Self::Nearest { feature, matching, y } => {
                pointwise::nearest(&at(feature), &at(matching), &at(y), batch);
            }
            Self::Discrepancy { teacher, student, y } => {
                pointwise::discrepancy(&at(teacher), &at(student), &at(y), batch);
            }
        }
    }

    /// Numbers of scratch memory per picture.
    fn scratch(&self, slots: &mut [Lines]) -> usize {
        match self {
            Self::Direct { layer, x, .. } => layer.scratch([x.shape[1], x.shape[2]]),
            Self::Winograd { layer, x, .. } => layer.scratch(&x.map(slots)),
            _ => 0,
        }
    }
}

impl Place {
    fn map(&self, slots: &mut [Lines]) -> Map {
        Map::new(slots[self.slot].numbers_mut(), self.first, self.picture, self.shape)
    }
}
