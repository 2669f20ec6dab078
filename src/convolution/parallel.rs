//! Threads on a native machine, a plain loop in the browser.
//!
//! The shapes alone decide how work is cut into tasks, and each task writes to memory of its own. So no
//! result depends on how many threads there are or on which of them is fastest.

use std::cell::RefCell;

/// The buffers of a thread. They outlive a call: getting new pages from the system for every tile would take
/// longer than the computation on them.
#[derive(Default)]
pub(super) struct Scratch {
    /// A column matrix, or the tiles of one.
    pub columns: Vec<f32>,
    /// A product, if it is not written in place.
    pub product: Vec<f32>,
    /// A reordered output gradient.
    pub gradient: Vec<f32>,
    /// One or two lines of a picture.
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
/// Safe Rust cannot lend interleaved blocks of a matrix to several threads. This type can; its users must
/// make sure that the blocks do not overlap.
pub(super) struct Output {
    data: Vec<f32>,
}

impl Output {
    /// Memory for `len` numbers, none of them written.
    pub fn with_len(len: usize) -> Self {
        Self { data: Vec::with_capacity(len) }
    }

    /// Memory for `len` numbers, all zero.
    pub fn zeros(len: usize) -> Self {
        Self { data: vec![0.0; len] }
    }

    /// The memory, for tasks to write to at the same time.
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

/// The memory of an [`Output`], shared by all tasks.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    start: *mut f32,
    len: usize,
}

// SAFETY: each task uses the pointer only for its own part of the memory.
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
    /// No other task uses these numbers at the same time, and they are written before they are read.
    pub unsafe fn slice<'a>(self, offset: usize, len: usize) -> &'a mut [f32] {
        assert!(offset + len <= self.len);
        // SAFETY: within the allocation; the caller promises that no other task uses it.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(offset), len) }
    }
}

/// The first `len` numbers of a scratch buffer, which grows if it is too small. The contents are left over
/// from an earlier task.
pub(super) fn take(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}
