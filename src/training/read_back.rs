//! Reads numbers back from the device, which in a browser must be awaited.

use crate::{Error, Result};
use burn::tensor::Tensor;

/// All values of a tensor, row-major.
pub(super) async fn floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.into_data_async().await.map_err(|e| failed(&e))?;
    data.try_into_vec::<f32>().map_err(|e| failed(&e))
}

/// The values of several one-number tensors, read together, detached from the gradient graph.
pub(super) async fn scalars<const N: usize>(tensors: [Tensor<1>; N]) -> Result<[f64; N]> {
    let values = floats(Tensor::cat(tensors.map(Tensor::detach).into(), 0)).await?;
    let values: Vec<f64> = values.into_iter().map(f64::from).collect();
    values.try_into().map_err(|_| Error::Device("the device returned no loss".into()))
}

fn failed(error: &dyn std::fmt::Debug) -> Error {
    Error::Device(format!("cannot read from the device: {error:?}"))
}
