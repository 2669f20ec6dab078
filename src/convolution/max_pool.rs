//! Maximum over 3x3 neighborhoods, stride 2, one pixel of padding: the pooling of a ResNet's stem.

use super::lanes::widest;
use super::parallel::{Output, for_each};

/// The extent of one plane: height and width.
type Plane = [usize; 2];

/// The pooled extent of a plane.
pub(super) fn pooled([height, width]: Plane) -> Plane {
    [height.div_ceil(2), width.div_ceil(2)]
}

/// The larger number; NaN if either is NaN.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if a > b || a.is_nan() { a } else { b }
}

/// The rows of the plane that output row `row` looks at.
fn rows(height: usize, row: usize) -> std::ops::Range<usize> {
    (2 * row).saturating_sub(1)..(2 * row + 2).min(height)
}

/// `[planes, height, width]` to `[planes, pooled]`.
pub(super) fn forward(x: &[f32], planes: usize, extent: Plane) -> Vec<f32> {
    let ([height, width], [out_height, out_width]) = (extent, pooled(extent));
    let len = planes * out_height * out_width;
    let mut out = Output::with_len(len);
    let shared = out.shared();
    for_each(planes, |scratch, plane| {
        let line = &mut scratch.line;
        let x = &x[plane * height * width..][..height * width];
        // SAFETY: this task's own plane.
        let y = unsafe { shared.slice(plane * out_height * out_width, out_height * out_width) };
        line.clear();
        // One more pixel on the left and up to two on the right, smaller than any other.
        line.resize(2 * out_width + 2, f32::NEG_INFINITY);
        widest(|| {
            for (row, y) in y.chunks_exact_mut(out_width).enumerate() {
                let mut lines = rows(height, row).map(|i| &x[i * width..][..width]);
                let inner = &mut line[1..=width];
                inner.copy_from_slice(lines.next().expect("one row at least"));
                for other in lines {
                    for (a, b) in inner.iter_mut().zip(other) {
                        *a = larger(*a, *b);
                    }
                }
                let (left, right) = (line.as_chunks::<2>().0, line[2..].as_chunks::<2>().0);
                for ((y, pair), next) in y.iter_mut().zip(left).zip(right) {
                    *y = larger(larger(pair[0], pair[1]), next[0]);
                }
            }
        });
    });
    // SAFETY: every plane is written.
    unsafe { out.into_vec(len) }
}

/// The gradient of the input: each output's gradient goes to the first of its largest pixels.
pub(super) fn backward(x: &[f32], dy: &[f32], planes: usize, extent: Plane) -> Vec<f32> {
    let ([height, width], [out_height, out_width]) = (extent, pooled(extent));
    let len = planes * height * width;
    let mut out = Output::zeros(len);
    let shared = out.shared();
    for_each(planes, |_, plane| {
        let x = &x[plane * height * width..][..height * width];
        let dy = &dy[plane * out_height * out_width..][..out_height * out_width];
        // SAFETY: this task's own plane.
        let dx = unsafe { shared.slice(plane * height * width, height * width) };
        for (i, dy) in dy.iter().enumerate() {
            let (row, column) = (i / out_width, i % out_width);
            let columns = rows(width, column);
            let mut best = rows(height, row).start * width + columns.start;
            for y in rows(height, row) {
                for at in y * width + columns.start..y * width + columns.end {
                    if x[at] > x[best] || (x[at].is_nan() && !x[best].is_nan()) {
                        best = at;
                    }
                }
            }
            dx[best] += dy;
        }
    });
    // SAFETY: all numbers start as zero.
    unsafe { out.into_vec(len) }
}
