//! Looking inside: the same layers, with the features copied out when they are made.

use super::lines::numbers;
use super::vector::BLOCK;
use super::{Engine, Lines, Place, Work};
use crate::inference::intermediate::{GateFeatures, LevelFeatures, LevelMaps, LevelViews};
use crate::inference::{Operation, Plan, View};

/// A view that is copied out, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    place: Place,
    plain: bool,
    /// The layer that completes it.
    after: usize,
}

/// The views of one level.
#[derive(Debug)]
pub(super) struct WatchedLevel {
    teacher: Watched,
    /// `w`, the query and its matching with the memories.
    gate: Option<[Watched; 3]>,
    compared: Option<[Watched; 2]>,
    map: Watched,
}

/// The views of `plan` to copy out, by level.
pub(super) fn levels(plan: &Plan, place: &impl Fn(View) -> Place, plain: &[bool]) -> [WatchedLevel; 3] {
    let watched = |view: View| {
        let after = plan.steps.iter().rposition(|step| step.operation.writes() == view);
        Watched { place: place(view), plain: plain[view.buffer], after: after.unwrap_or(0) }
    };
    // What a gate is made of, by where it goes.
    let parts = |gate: View| {
        plan.steps.iter().find_map(|step| match step.operation {
            Operation::Gate { query, matching, output } if output == gate => Some([output, query, matching]),
            _ => None,
        })
    };
    plan.levels.map(|LevelViews { teacher, gate, compared, map }| WatchedLevel {
        teacher: watched(teacher),
        gate: gate.and_then(parts).map(|views| views.map(watched)),
        compared: compared.map(|views| views.map(watched)),
        map: watched(map),
    })
}

impl Engine {
    /// What each level makes of one picture `[3, S, S]` of normalized pixels, averaged over the channels.
    ///
    /// With `amplify` off the residual is left out: the advanced teacher is the plain one, and student and
    /// discrepancy follow from that.
    ///
    /// # Panics
    /// The pixels are not one picture.
    pub fn inspect(&self, pixels: &[f32], amplify: bool) -> [LevelMaps; 3] {
        self.look(pixels, amplify).map(|level| level.maps())
    }

    /// As [`inspect`](Self::inspect), before anything is averaged.
    ///
    /// # Panics
    /// The pixels are not one picture.
    pub fn look(&self, pixels: &[f32], amplify: bool) -> [LevelFeatures; 3] {
        assert_eq!(pixels.len(), 3 * self.size.area(), "one picture");
        let mut workspace = super::Workspace::default();
        self.prepare(&mut workspace, 1);
        let super::Workspace { slots, scratch, .. } = &mut workspace;
        slots[self.input.slot].numbers_mut()[self.input.first..][..pixels.len()].copy_from_slice(pixels);
        // Memory is shared between layers, so that a feature must be copied before the next takes its place.
        let mut kept: Vec<(usize, Vec<f32>)> = Vec::new();
        let all = || self.levels.iter().flat_map(WatchedLevel::all);
        for (i, layer) in self.layers.iter().enumerate() {
            match &layer.work {
                Work::Amplify { feature, y, .. } if !amplify => copy(slots, feature, y),
                work => work.run(slots, scratch, 1),
            }
            for watched in all().filter(|watched| watched.after == i) {
                if kept.iter().all(|(id, _)| *id != watched.id()) {
                    kept.push((watched.id(), watched.read(slots)));
                }
            }
        }
        let values = |watched: Watched| {
            let found = kept.iter().find(|(id, _)| *id == watched.id());
            found.map(|(_, values)| values.clone()).unwrap_or_default()
        };
        self.levels.each_ref().map(|level| LevelFeatures {
            shape: level.teacher.place.shape,
            teacher: values(level.teacher),
            gate: level.gate.map(|views| {
                let [weight, query, matching] = views.map(values);
                GateFeatures { weight, query, matching }
            }),
            compared: level.compared.map(|views| views.map(values)),
            discrepancy: values(level.map),
        })
    }
}

impl WatchedLevel {
    fn all(&self) -> impl Iterator<Item = Watched> {
        let one = [self.teacher, self.map].into_iter();
        one.chain(self.gate.into_iter().flatten()).chain(self.compared.into_iter().flatten())
    }
}

impl Watched {
    /// A layer completes at most one view, so the layer identifies it.
    fn id(self) -> usize {
        self.after
    }

    /// The view as `[C, H, W]`.
    fn read(self, slots: &[Lines]) -> Vec<f32> {
        let [channels, height, width] = self.place.shape;
        let positions = height * width;
        let from = &slots[self.place.slot].numbers()[self.place.first..];
        if self.plain {
            return from[..channels * positions].to_vec();
        }
        let at = |i: usize| {
            let (c, p) = (i / positions, i % positions);
            from[(c / BLOCK * positions + p) * BLOCK + c % BLOCK]
        };
        (0..channels * positions).map(at).collect()
    }
}

/// A blocked feature map to another of its shape.
fn copy(slots: &mut [Lines], from: &Place, to: &Place) {
    let [channels, height, width] = from.shape;
    let count = numbers(channels, height * width, false);
    let values = slots[from.slot].numbers()[from.first..][..count].to_vec();
    slots[to.slot].numbers_mut()[to.first..][..count].copy_from_slice(&values);
}
