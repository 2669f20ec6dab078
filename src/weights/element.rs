//! Element types of stored tensors, and their conversion to the floats that the program uses.

use half::{bf16, f16};

/// How the numbers of a tensor are stored, little-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F16,
    Bf16,
    F32,
    F64,
    /// Integers and other types, which no weight of a teacher has.
    Other(String),
}

impl Element {
    /// Bytes of one number; `None` for types that are never read.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn width(&self) -> Option<u128> {
        match self {
            Self::F16 | Self::Bf16 => Some(2),
            Self::F32 => Some(4),
            Self::F64 => Some(8),
            Self::Other(_) => None,
        }
    }

    /// The numbers in `bytes`; `None` if they are not floats or end in the middle of one.
    pub(super) fn to_f32(&self, bytes: &[u8]) -> Option<Vec<f32>> {
        match self {
            Self::F16 => numbers(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => numbers(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F32 => numbers(bytes, f32::from_le_bytes),
            Self::F64 => numbers(bytes, |b| f64::from_le_bytes(b) as f32),
            Self::Other(_) => None,
        }
    }

    /// As [`to_f32`](Self::to_f32), without rounding numbers stored in double precision.
    pub(super) fn to_f64(&self, bytes: &[u8]) -> Option<Vec<f64>> {
        match self {
            Self::F16 => numbers(bytes, |b| f16::from_le_bytes(b).to_f64()),
            Self::Bf16 => numbers(bytes, |b| bf16::from_le_bytes(b).to_f64()),
            Self::F32 => numbers(bytes, |b| f64::from(f32::from_le_bytes(b))),
            Self::F64 => numbers(bytes, f64::from_le_bytes),
            Self::Other(_) => None,
        }
    }
}

fn numbers<const N: usize, T>(bytes: &[u8], convert: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (chunks, rest) = bytes.as_chunks::<N>();
    rest.is_empty().then(|| chunks.iter().map(|&chunk| convert(chunk)).collect())
}
