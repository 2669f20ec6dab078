//! The plain reference implementation of every operation of a plan, in double precision, against which the
//! executors are tested.

use super::plan::{Buffer, Convolution, Kernel, Operation};
use crate::amplification::Residual;

/// The output of `operation`, given what it reads (in the order of [`Operation::reads`]), each `[C, H, W]`;
/// `x` and `y` are the shapes of its first input and of its output.
pub(crate) fn evaluate(operation: &Operation, reads: &[Vec<f64>], x: Buffer, y: Buffer) -> Vec<f64> {
    let positions = y.positions();
    match operation {
        Operation::Convolution(c) => convolution(c, reads, x, y),
        Operation::MaxPool { .. } => plane_wise(y, |c, row, column| {
            let rows = (2 * row).saturating_sub(1)..(2 * row + 2).min(x.height);
            let pixels = rows.flat_map(|r| {
                let columns = (2 * column).saturating_sub(1)..(2 * column + 2).min(x.width);
                columns.map(move |q| (c * x.height + r) * x.width + q)
            });
            pixels.map(|i| reads[0][i]).fold(f64::NEG_INFINITY, f64::max)
        }),
        Operation::Position { encoding, .. } => {
            reads[0].iter().zip(encoding).map(|(f, e)| f + f64::from(*e)).collect()
        }
        Operation::Gate { query, matching, .. } => {
            let weight = |p: usize| {
                let squares = (0..query.channels).map(|c| reads[0][c * positions + p].powi(2));
                let length = squares.sum::<f64>().max(1e-16).sqrt();
                let exponentials =
                    (0..matching.channels).map(|m| (reads[1][m * positions + p] / length).exp());
                let exponentials: Vec<f64> = exponentials.collect();
                let anomalous: f64 = exponentials[matching.channels / 2..].iter().sum();
                anomalous / exponentials.iter().sum::<f64>()
            };
            (0..positions).map(weight).collect()
        }
        Operation::Amplify { gate, residual, .. } => {
            let advanced = |i: usize| {
                let (f, y) = (reads[0][i], reads[1][i]);
                let delta = match residual {
                    Residual::Tanh => y.tanh() * f,
                    Residual::Sigmoid => f / (1.0 + (-y).exp()),
                    Residual::Learnable => y,
                };
                f + delta * gate.map_or(1.0, |_| reads[2][i % positions])
            };
            (0..y.numbers()).map(advanced).collect()
        }
        Operation::Nearest { feature, matching, .. } => {
            let distance = |p: usize| {
                let squares = (0..feature.channels).map(|c| reads[0][c * positions + p].powi(2));
                let length = squares.sum::<f64>().max(1e-16).sqrt();
                let products = (0..matching.channels).map(|m| reads[1][m * positions + p]);
                (1.0 - products.fold(f64::NEG_INFINITY, f64::max) / length).max(0.0)
            };
            (0..positions).map(distance).collect()
        }
        Operation::Discrepancy { teacher, .. } => {
            let distance = |p: usize| {
                let dot = |a: &[f64], b: &[f64]| -> f64 {
                    (0..teacher.channels).map(|c| a[c * positions + p] * b[c * positions + p]).sum()
                };
                let (a, b) = (&reads[0], &reads[1]);
                1.0 - dot(a, b) / (dot(a, a).max(1e-16).sqrt() * dot(b, b).max(1e-16).sqrt())
            };
            (0..positions).map(distance).collect()
        }
    }
}

fn convolution(c: &Convolution, reads: &[Vec<f64>], x: Buffer, y: Buffer) -> Vec<f64> {
    let mut sums = plane_wise(y, |o, _, _| f64::from(c.bias[o]));
    for (o, plane) in sums.chunks_exact_mut(y.positions()).enumerate() {
        for (i, from) in reads[0].chunks_exact(x.positions()).enumerate() {
            match c.kernel {
                Kernel::Plain { size, stride } => {
                    for tap in 0..size * size {
                        let w = f64::from(c.weight[(o * x.channels + i) * size * size + tap]);
                        for (p, sum) in plane.iter_mut().enumerate() {
                            let row = p / y.width * stride + tap / size;
                            let column = p % y.width * stride + tap % size;
                            let (row, column) = (row.wrapping_sub(size / 2), column.wrapping_sub(size / 2));
                            if row < x.height && column < x.width {
                                *sum += w * from[row * x.width + column];
                            }
                        }
                    }
                }
                Kernel::Transposed => {
                    for (p, sum) in plane.iter_mut().enumerate() {
                        let (row, column) = (p / y.width, p % y.width);
                        let w = c.weight[(i * y.channels + o) * 4 + row % 2 * 2 + column % 2];
                        *sum += f64::from(w) * from[row / 2 * x.width + column / 2];
                    }
                }
            }
        }
    }
    if c.add.is_some() {
        sums.iter_mut().zip(&reads[1]).for_each(|(sum, add)| *sum += add);
    }
    if c.relu {
        sums.iter_mut().for_each(|sum| *sum = sum.max(0.0));
    }
    sums
}

fn plane_wise(y: Buffer, value: impl Fn(usize, usize, usize) -> f64) -> Vec<f64> {
    let at = |i: usize| value(i / y.positions(), i % y.positions() / y.width, i % y.width);
    (0..y.numbers()).map(at).collect()
}
