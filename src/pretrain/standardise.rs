//! The first pass: what the features of the large network are like on painted pictures.

use super::PretrainOptions;
use super::procedural::Painter;
use crate::teacher::Teacher;
use crate::{Error, Result};
use burn::tensor::{Device, Tensor};

/// Batches of the pass.
const STANDARD_BATCHES: usize = 16;

/// Mean and deviation of every channel of the teacher on painted pictures of `options.batch` and `options.size`.
///
/// # Errors
/// The device fails.
pub fn standardise(
    teacher: &Teacher,
    seed: u64,
    options: &PretrainOptions,
    device: &Device,
) -> Result<[(Vec<f32>, Vec<f32>); 3]> {
    let painter = Painter::new(!seed);
    let mut sums: Option<[(Tensor<4>, Tensor<4>); 3]> = None;
    for i in 0..STANDARD_BATCHES {
        let batch = painter.batch((i * options.batch) as u64, options.batch, options.size);
        let now = teacher.forward(batch.upload(device)).map(|x| {
            let mean = |x: Tensor<4>| x.mean_dim(0).mean_dim(2).mean_dim(3);
            (mean(x.clone()), mean(x.square()))
        });
        sums = Some(match sums {
            None => now,
            Some(old) => {
                let mut old = old.into_iter();
                now.map(|(a, b)| {
                    let (c, d) = old.next().expect("three levels");
                    (a + c, b + d)
                })
            }
        });
    }
    let mut result = [const { (Vec::new(), Vec::new()) }; 3];
    for (slot, (mean, square)) in result.iter_mut().zip(sums.into_iter().flatten()) {
        let count = mean.shape().num_elements();
        let mean = mean.reshape([count]) / STANDARD_BATCHES as f64;
        let square = square.reshape([count]) / STANDARD_BATCHES as f64;
        let variance = square - mean.clone().square();
        slot.0 = numbers(&mean)?;
        // A channel that never fires must not be blown up.
        slot.1 = numbers(&variance)?.iter().map(|v| v.max(0.0).sqrt() + 1e-3).collect();
    }
    Ok(result)
}

/// The numbers of a vector on the device.
///
/// # Errors
/// The device fails.
pub fn numbers(tensor: &Tensor<1>) -> Result<Vec<f32>> {
    let data = tensor.clone().try_into_data().map_err(|e| Error::Device(format!("reading back: {e:?}")))?;
    data.try_into_vec().map_err(|e| Error::Device(format!("reading back: {e:?}")))
}
