//! One step of stage 1: amplify anomalies (method.md 2; Algorithm 1, first half).

use super::Settings;
use super::config::Objective;
use crate::amplification::{
    Amplifier, PairSample, Raa, amplification, contrastive, focal, sample_pairs, to_rows,
};
use crate::picture::Mask;
use crate::teacher::Teacher;
use crate::{Error, Result};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;

/// At most so many normal and anomalous patches per level and step enter the amplification loss.
pub const MOST_PAIRS: [usize; 2] = [5000, 1000];

/// A batch of corrupted pictures.
pub struct AmplifyBatch {
    /// Normalised pixels `[B, 3, S, S]`.
    pub pixels: Vec<f32>,
    /// The made defects, one mask of `S x S` per picture.
    pub masks: Vec<Mask>,
    /// The foreground, one mask of `S x S` per picture.
    pub foregrounds: Vec<Mask>,
}
