//! Rotates a picture about its center.

use imageproc::geometric_transformations::Projection;

/// Rotates `width x height` pixels by `degrees` about the center of the grid. Pixel centers lie at whole numbers, so
/// the center is `(n - 1) / 2`.
pub(crate) fn turn((width, height): (u32, u32), degrees: f32) -> Projection {
    let (x, y) = ((width as f32 - 1.0) / 2.0, (height as f32 - 1.0) / 2.0);
    Projection::translate(x, y) * Projection::rotate(degrees.to_radians()) * Projection::translate(-x, -y)
}
