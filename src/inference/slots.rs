//! Plans the memory: buffers whose lifetimes do not overlap share a slot.

use super::plan::Plan;
use std::ops::RangeInclusive;

/// Pieces of memory ("slots"), and the slot of each buffer of a [`Plan`].
///
/// A step never reads from and writes to the same slot, so each can be a separate allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The slot of each buffer.
    pub of: Vec<usize>,
    /// Numbers per picture of each slot, as many as its largest buffer has.
    pub numbers: Vec<usize>,
}

impl Slots {
    /// Gives each buffer, in the order of first use, the free slot that fits best.
    pub(super) fn new(plan: &Plan) -> Self {
        let lives = lives(plan);
        let mut order: Vec<usize> = (0..plan.buffers.len()).collect();
        order.sort_by_key(|&b| *lives[b].start());
        let mut slots = Self { of: vec![0; plan.buffers.len()], numbers: Vec::new() };
        // For each slot, the last step that needs its present buffer.
        let mut busy: Vec<usize> = Vec::new();
        for buffer in order {
            let (life, wanted) = (&lives[buffer], plan.buffers[buffer].numbers());
            let waste = |slot: &usize| {
                let has = slots.numbers[*slot];
                // The smallest slot that is large enough; otherwise the largest, which then grows.
                if has >= wanted { (0, has - wanted) } else { (1, wanted - has) }
            };
            let free = (0..busy.len()).filter(|&slot| busy[slot] < *life.start()).min_by_key(waste);
            let slot = free.unwrap_or_else(|| {
                slots.numbers.push(0);
                busy.push(0);
                busy.len() - 1
            });
            slots.numbers[slot] = slots.numbers[slot].max(wanted);
            busy[slot] = *life.end();
            slots.of[buffer] = slot;
        }
        slots
    }
}

/// For each buffer, the steps during which its content is needed (counted from 1; the picture exists at 0).
fn lives(plan: &Plan) -> Vec<RangeInclusive<usize>> {
    let mut lives: Vec<Option<(usize, usize)>> = vec![None; plan.buffers.len()];
    let mut touch = |buffer: usize, at: usize| {
        let (first, _) = lives[buffer].unwrap_or((at, at));
        lives[buffer] = Some((first, at));
    };
    touch(plan.input.buffer, 0);
    for (i, step) in plan.steps.iter().enumerate() {
        let views = step.operation.reads().into_iter().chain([step.operation.writes()]);
        views.for_each(|view| touch(view.buffer, i + 1));
    }
    plan.maps.iter().for_each(|map| touch(map.buffer, plan.steps.len() + 1));
    lives.into_iter().map(|life| life.map_or(0..=0, |(first, last)| first..=last)).collect()
}
