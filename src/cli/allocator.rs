//! How the program takes memory from the system while it trains.
//!
//! A training step takes and returns the same hundreds of megabytes again and again. By default the C library
//! returns large blocks to the system at once, which must then supply and clear every page of the next ones: a
//! fifth of the time.

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, which asks Linux for huge pages (2 MiB instead of 4 KiB) where large tensors lie.
pub struct HugePages;

/// A block of this many bytes or more contains at least one whole huge page.
#[cfg(target_os = "linux")]
const LARGE: usize = 2 * HUGE;
#[cfg(target_os = "linux")]
const HUGE: usize = 2 << 20;

#[cfg(target_os = "linux")]
fn advise(block: *mut u8, size: usize) {
    if size >= LARGE && !block.is_null() {
        let start = block.align_offset(HUGE);
        let length = (size - start) / HUGE * HUGE;
        // SAFETY: the range lies within the block; the advice changes nothing but the size of its pages. Where
        // the system refuses it, pages stay small.
        unsafe { libc::madvise(block.add(start).cast(), length, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn advise(_: *mut u8, _: usize) {}

// SAFETY: all blocks are the system allocator's own.
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        let block = unsafe { System.alloc(layout) };
        advise(block, layout.size());
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        let block = unsafe { System.alloc_zeroed(layout) };
        advise(block, layout.size());
        block
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as the caller promises.
        let block = unsafe { System.realloc(block, layout, size) };
        advise(block, size);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }
}

/// From now on, freed memory is kept for the next step instead of going back to the system. Only glibc offers this;
/// elsewhere nothing changes.
pub(super) fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the calls only set thresholds of the allocator.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, 256 << 20);
    }
}
