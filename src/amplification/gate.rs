//! The matching-guided residual gate: how anomalous a position looks to two memories (method.md 2.3; Eq. 2-4).

use super::{TEMPERATURE, mlp::Mlp, position::position_encoding};
use crate::normal::normal;
use crate::picture::Size;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData, activation::softmax};
use rand_chacha::ChaCha8Rng;

/// `phi_1`, the normal memory and the anomaly memory.
#[derive(Module, Debug)]
pub struct Gate {
    mlp: Mlp,
    /// `[2L, C]`: rows `0..L` are the normal memory items, rows `L..2L` the anomalous ones.
    memory: Param<Tensor<2>>,
    /// `[N, C]`, fixed.
    position: Tensor<2>,
}

impl Gate {
    /// A gate with `items` = `L` memory items per memory, drawn from N(0, 1).
    pub fn new(channels: usize, size: Size, items: usize, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let mlp = Mlp::new(channels, rng, device);
        let memory: Vec<f32> = (0..2 * items * channels).map(|_| normal(rng) as f32).collect();
        let memory = Tensor::from_data(TensorData::new(memory, [2 * items, channels]), device);
        let position =
            TensorData::new(position_encoding(channels, size.height, size.width), [size.area(), channels]);
        Self { mlp, memory: Param::from_tensor(memory), position: Tensor::from_data(position, device) }
    }

    /// The gate's query `phi_1(F_T + PE)`: rows `[B N, C]` to the same shape.
    pub fn query(&self, rows: Tensor<2>) -> Tensor<2> {
        let [count, channels] = rows.dims();
        let [positions, _] = self.position.dims();
        let shape = [count / positions, positions, channels];
        let query = rows.reshape(shape) + self.position.clone().unsqueeze::<3>();
        self.mlp.forward(query.reshape([count, channels]))
    }

    /// The predicted gate `w` of teacher rows `[B N, C]`: `[B N, 1]`, in `[4.5e-5, 1 - 4.5e-5]`.
    pub fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        anomaly_share(self.query(rows), self.memory.val())
    }
}

/// Share of `softmax(cos(query, memory) / 0.2)` that falls on the anomaly memory: `[M, C]` and `[2L, C]`
/// to `[M, 1]`.
pub fn anomaly_share(query: Tensor<2>, memory: Tensor<2>) -> Tensor<2> {
    let items = memory.dims()[0] / 2;
    let matching = unit(query).matmul(unit(memory).transpose()).mul_scalar(1.0 / TEMPERATURE);
    softmax(matching, 1).narrow(1, items, items).sum_dim(1)
}

/// Rows scaled to length 1; a zero row stays zero.
pub fn unit(rows: Tensor<2>) -> Tensor<2> {
    let norm = (rows.clone() * rows.clone()).sum_dim(1).clamp_min(1e-16).sqrt();
    rows / norm
}
