//! Single-threaded matrix products on strided blocks; the callers run them in parallel.

use gemm::Parallelism;

/// A block of a matrix to read: element `(i, j)` is at `i * row + j * column`.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    /// The numbers, from element `(0, 0)` on.
    pub data: &'a [f32],
    /// Distance between rows.
    pub row: usize,
    /// Distance between columns.
    pub column: usize,
}

/// A block of a matrix to write.
#[derive(Clone, Copy)]
pub(super) struct Target {
    /// The address of element `(0, 0)`.
    pub data: *mut f32,
    /// Distance between rows.
    pub row: usize,
    /// Distance between columns.
    pub column: usize,
}

/// `target (+)= left (m x k) * right (k x n)`; adds to the target if `accumulate` is set, and otherwise does
/// not read it.
///
/// # Safety
/// The target has `m x n` elements at the given distances, and nothing else uses them at the same time.
pub(super) unsafe fn multiply(
    [m, n, k]: [usize; 3],
    target: Target,
    accumulate: bool,
    left: Block,
    right: Block,
) {
    if m == 0 || n == 0 {
        return;
    }
    if k > 0 {
        assert!((m - 1) * left.row + (k - 1) * left.column < left.data.len());
        assert!((k - 1) * right.row + (n - 1) * right.column < right.data.len());
    }
    // SAFETY: both operands lie within their slices; the caller vouches for the target.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            target.data,
            target.column as isize,
            target.row as isize,
            accumulate,
            left.data.as_ptr(),
            left.column as isize,
            left.row as isize,
            right.data.as_ptr(),
            right.column as isize,
            right.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
