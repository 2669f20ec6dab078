//! What features and weights are kept and multiplied as: `shaders/f32.wgsl` or, on adapters that have `shader-f16`,
//! `shaders/f16.wgsl`, which is half the memory to move and gives scores within 1 %. Pixels, gates, discrepancies,
//! maps and scores are f32 always.

use crate::model::Precision;
use half::f16;

impl Precision {
    /// Of one number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// Numbers as they lie in the GPU's memory.
    pub(super) fn pack(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => bytemuck::cast_slice(values).to_vec(),
            Self::F16 => values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect(),
        }
    }

    /// Back from what [`pack`](Self::pack) gave.
    #[cfg(test)]
    pub(super) fn unpack(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F32 => {
                bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            }
            Self::F16 => bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
        }
    }
}
