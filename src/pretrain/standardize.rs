//! The first pass: statistics of the large network's features on painted pictures.

use crate::teacher::Teacher;
use crate::{Error, Result};
use burn::tensor::Tensor;

/// Mean and deviation of every channel of the teacher on batches of painted pictures.
///
/// # Errors
/// The device fails.
pub fn standardize(teacher: &Teacher, pictures: &[Tensor<4>]) -> Result<[(Vec<f32>, Vec<f32>); 3]> {
    let mut sums: Option<[(Tensor<4>, Tensor<4>); 3]> = None;
    for batch in pictures {
        let now = teacher.forward(batch.clone()).map(|x| {
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
        let mean = mean.reshape([count]) / pictures.len() as f64;
        let square = square.reshape([count]) / pictures.len() as f64;
        let variance = square - mean.clone().square();
        slot.0 = numbers(&mean)?;
        // A channel that is never active must not be amplified.
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
