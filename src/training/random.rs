//! One seed decides everything: every use of chance draws from a stream of its own, so that neither threads
//! nor a resumed run change what is drawn.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What a stream of random numbers is for.
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
    /// Initial weights of the student that does without a fold.
    FoldStudent,
    /// Order of its pictures.
    FoldOrder,
    /// How a picture is varied in an epoch of stage 1.
    AmplifyVariation,
    /// How a picture is varied in an epoch of stage 2.
    DistillVariation,
    /// How a picture is varied that the threshold rests on.
    ThresholdVariation,
    /// Places of the tiles of stage 1 in an epoch.
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
