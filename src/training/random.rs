//! One seed decides everything: every use of random numbers has a stream of its own, so that neither threads
//! nor resuming a run changes what is drawn.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The purpose of a stream of random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights of the amplifier.
    Amplifier,
    /// Initial weights of the student.
    Student,
    /// Order of the pictures in an epoch of stage 1.
    AmplifyOrder,
    /// Synthesis of one picture's anomaly in an epoch.
    Synthesis,
    /// Pairs of the amplification loss in a step.
    Pairs,
    /// Order of the pictures in an epoch of stage 2.
    DistillOrder,
    /// Which pictures are left out together for the threshold.
    Folds,
    /// Initial weights of the student that leaves a fold out.
    FoldStudent,
    /// Order of that student's pictures.
    FoldOrder,
    /// How a picture is varied in an epoch of stage 1.
    AmplifyVariation,
    /// How a picture is varied in an epoch of stage 2.
    DistillVariation,
    /// How a picture that the threshold rests on is varied.
    ThresholdVariation,
    /// Positions of the tiles of stage 1 in an epoch.
    AmplifyTile,
    /// The same of stage 2.
    DistillTile,
    /// Which pictures are candidates to be kept.
    Kept,
}

/// The stream for `purpose` at position `(a, b)`, for example epoch and picture.
pub fn stream(seed: u64, purpose: Purpose, a: usize, b: usize) -> ChaCha8Rng {
    let mut key = [0; 32];
    for (bytes, part) in key.chunks_exact_mut(8).zip([seed, purpose as u64 + 1, a as u64, b as u64]) {
        bytes.copy_from_slice(&part.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}
