//! The layout of features and weights in the GPU's memory, which `shaders/conv.wgsl` describes.

use crate::inference::{Convolution, Kernel, Plan, View};
use crate::model::Precision;

/// How many pixels the stem's filter reaches beyond the picture; as in `shaders/picture_place.wgsl`.
pub(super) const BORDER: usize = 3;

/// The number of quads: channels are stored in fours.
pub(crate) fn quads(channels: usize) -> usize {
    channels.div_ceil(4)
}

/// How many numbers a buffer of `plan` takes per picture.
pub(super) fn numbers(plan: &Plan, buffer: usize) -> usize {
    let shape = plan.buffers[buffer];
    if buffer == plan.input.buffer {
        return 4 * (shape.height + 2 * BORDER) * (shape.width + 2 * BORDER);
    }
    // Gates and discrepancies have one channel and no quads.
    let per_pixel = if shape.channels == 1 { 1 } else { 4 * quads(shape.channels) };
    per_pixel * shape.positions()
}

/// How many bytes it takes per picture: gates and discrepancies are always f32.
pub(super) fn bytes(plan: &Plan, buffer: usize, precision: Precision) -> usize {
    let number = if plan.buffers[buffer].channels == 1 { 4 } else { precision.bytes() };
    number * numbers(plan, buffer)
}

/// Quads from one pixel of the view's buffer to the next, and from the pixel's first quad to the view's
/// first.
pub(super) fn slice(plan: &Plan, view: View) -> [u32; 2] {
    debug_assert!(view.first.is_multiple_of(4), "a slice begins at a whole quad");
    [quads(plan.buffers[view.buffer].channels) as u32, (view.first / 4) as u32]
}

/// A convolution's weight as `[ky][kx][input channel][output quad]`, or of a transposed one `[input channel]
/// [corner][output quad]`, both filled up with zeros to whole quads.
pub(super) fn weight(convolution: &Convolution) -> Vec<f32> {
    let (input, output) = (convolution.input.channels, convolution.output.channels);
    let (inputs, outputs) = (4 * quads(input), 4 * quads(output));
    let mut packed;
    match convolution.kernel {
        Kernel::Plain { size, .. } => {
            let taps = size * size;
            packed = vec![0.0; taps * inputs * outputs];
            for (o, filter) in convolution.weight.chunks_exact(input * taps).enumerate() {
                for (i, plane) in filter.chunks_exact(taps).enumerate() {
                    for (tap, &value) in plane.iter().enumerate() {
                        packed[(tap * inputs + i) * outputs + o] = value;
                    }
                }
            }
        }
        Kernel::Transposed => {
            packed = vec![0.0; inputs * 4 * outputs];
            for (i, filters) in convolution.weight.chunks_exact(output * 4).enumerate() {
                for (o, corners) in filters.chunks_exact(4).enumerate() {
                    for (corner, &value) in corners.iter().enumerate() {
                        packed[(i * 4 + corner) * outputs + o] = value;
                    }
                }
            }
        }
    }
    packed
}

/// A bias, filled up with zeros to whole quads.
pub(super) fn bias(convolution: &Convolution) -> Vec<f32> {
    let mut bias = convolution.bias.clone();
    bias.resize(4 * quads(bias.len()), 0.0);
    bias
}

/// `[C, H, W]` as `[H, W, C]`, filled up with zeros to whole quads.
pub(super) fn interleaved(planes: &[f32], channels: usize) -> Vec<f32> {
    let positions = planes.len() / channels;
    let pixel = 4 * quads(channels);
    let mut packed = vec![0.0; positions * pixel];
    for (c, plane) in planes.chunks_exact(positions).enumerate() {
        for (position, &value) in plane.iter().enumerate() {
            packed[position * pixel + c] = value;
        }
    }
    packed
}
