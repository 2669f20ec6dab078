//! Threads on a native machine, a plain loop in the browser.
//!
//! The tasks are cut by the shapes alone and each writes a place of its own, so no number here
//! depends on how many threads there are or on which of them is quickest.

use std::cell::RefCell;

/// The buffers of a thread. They outlive a call: pages that the system has to hand out anew for
/// every tile would cost more than what is computed on them.
#[derive(Default)]
pub(super) struct Scratch {
    /// A column matrix, or the tiles of one.
    pub columns: Vec<f32>,
    /// A product that is not written in place.
    pub product: Vec<f32>,
    /// An output gradient brought into another order.
    pub gradient: Vec<f32>,
    /// A line or two.
    pub line: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Runs `task(scratch, i)` for every `i` in `0..count`, on all threads. A task starts no others.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn for_each(count: usize, task: impl Fn(&mut Scratch, usize) + Sync) {
    use rayon::prelude::*;
    let run = |i| SCRATCH.with_borrow_mut(|scratch| task(scratch, i));
    if count == 1 {
        return run(0);
    }
    (0..count).into_par_iter().with_max_len(1).for_each(run);
}

/// Runs `task(scratch, i)` for every `i` in `0..count`, one after the other.
#[cfg(target_arch = "wasm32")]
pub(super) fn for_each(count: usize, task: impl Fn(&mut Scratch, usize)) {
    (0..count).for_each(|i| SCRATCH.with_borrow_mut(|scratch| task(scratch, i)));
}

/// An output that tasks fill at places that do not overlap.
///
/// Safe Rust cannot lend the interleaved blocks of a matrix to several threads; this can, and
/// leaves the promise to its users.
pub(super) struct Output {
    data: Vec<f32>,
}

impl Output {
    /// Room for `len` numbers, none of them written.
    pub fn with_len(len: usize) -> Self {
        Self { data: Vec::with_capacity(len) }
    }

    /// Room for `len` numbers, all zero.
    pub fn zeros(len: usize) -> Self {
        Self { data: vec![0.0; len] }
    }

    /// The memory as tasks write it side by side.
    pub fn shared(&mut self) -> Shared {
        Shared { start: self.data.as_mut_ptr(), len: self.data.capacity() }
    }

    /// The numbers, once all are written.
    ///
    /// # Safety
    /// Every one of the first `len` numbers has been written.
    pub unsafe fn into_vec(mut self, len: usize) -> Vec<f32> {
        assert!(len <= self.data.capacity());
        // SAFETY: within the capacity, and written, as the caller promises.
        unsafe { self.data.set_len(len) };
        self.data
    }
}

/// The place of an [`Output`], handed to every task.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    start: *mut f32,
    len: usize,
}

// SAFETY: the pointer is only used for places that the tasks have divided among themselves.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// The address of number `offset`.
    pub fn at(self, offset: usize) -> *mut f32 {
        assert!(offset <= self.len);
        // SAFETY: within the allocation, or one past its end.
        unsafe { self.start.add(offset) }
    }

    /// `len` numbers from `offset`.
    ///
    /// # Safety
    /// No other task touches these places meanwhile, and they are written before they are read.
    pub unsafe fn slice<'a>(self, offset: usize, len: usize) -> &'a mut [f32] {
        assert!(offset + len <= self.len);
        // SAFETY: within the allocation; not shared, as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(offset), len) }
    }
}

/// The first `len` numbers of a scratch buffer, grown when it is too small. The contents are
/// whatever an earlier task left.
pub(super) fn take(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}
