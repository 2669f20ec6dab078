//! Work for all threads; one after the other where there is one, as in the browser.
//!
//! What a task computes does not depend on how the work was cut, so neither do the results on the number of
//! threads.

use super::lines::Lines;
use std::cell::RefCell;

thread_local! {
    /// A thread's own memory for a layer, kept for the next.
    static OWN: RefCell<Lines> = RefCell::default();
}

/// How many threads share the work.
pub(super) fn threads() -> usize {
    #[cfg(not(target_arch = "wasm32"))]
    {
        rayon::current_num_threads()
    }
    #[cfg(target_arch = "wasm32")]
    {
        1
    }
}

/// Runs `task(i)` for every `i` in `0..count`.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn for_each(count: usize, task: impl Fn(usize) + Sync) {
    use rayon::prelude::*;
    if count <= 1 || threads() == 1 {
        (0..count).for_each(task);
    } else {
        (0..count).into_par_iter().with_max_len(1).for_each(&task);
    }
}

/// Runs `task(i)` for every `i` in `0..count`.
#[cfg(target_arch = "wasm32")]
pub(super) fn for_each(count: usize, task: impl Fn(usize)) {
    (0..count).for_each(task);
}

/// Lends a task `numbers` of its thread's own; their contents are whatever an earlier task left.
pub(super) fn with_own<R>(numbers: usize, task: impl FnOnce(&mut [f32]) -> R) -> R {
    OWN.with_borrow_mut(|own| {
        own.reserve(numbers);
        task(&mut own.numbers_mut()[..numbers])
    })
}

/// Cuts `count` units into parts: as many as make `wanted` tasks together with `others`, at least one.
pub(super) fn parts(count: usize, others: usize, wanted: usize) -> usize {
    wanted.div_ceil(others.max(1)).clamp(1, count.max(1))
}

/// Part `i` of `parts` of `0..count`.
pub(super) fn part(count: usize, parts: usize, i: usize) -> std::ops::Range<usize> {
    count * i / parts..count * (i + 1) / parts
}
