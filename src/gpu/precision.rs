//! The number type in which features and weights are stored and multiplied: `shaders/f32.wgsl` or, on adapters with
//! `shader-f16`, `shaders/f16.wgsl`, which halves the memory to move and gives scores within 1 %. Pixels, gates,
//! discrepancies, maps and scores are always f32.

use crate::model::Precision;
use half::f16;

impl Precision {
    /// Bytes of one number.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// Numbers as stored in the GPU's memory.
    pub(super) fn pack(self, values: &[f32]) -> Vec<u8> {
        match self {
            Self::F32 => bytemuck::cast_slice(values).to_vec(),
            Self::F16 => values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect(),
        }
    }

    /// The inverse of [`pack`](Self::pack).
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
