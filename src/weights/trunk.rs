//! Which tensors belong to the trunk of a network, stem to layer 3, so that none is left out silently.
//!
//! A larger or differently built relative (ResNet-101, squeeze-and-excitation, a deeper stem) has all tensors
//! of its smaller sibling and more, without which it would compute something else.

use std::collections::BTreeSet;

use super::fold::norm_of;
use super::tensor_file::TensorFile;
use crate::error::{Error, Result};

/// How the names of the trunk's tensors begin. There is one convolution before layer 1; further ones are
/// foreign to the trunk.
const TRUNK: [&str; 9] =
    ["conv1.", "bn1.", "conv2.", "bn2.", "conv3.", "bn3.", "layer1.", "layer2.", "layer3."];

/// The parts of a batch normalization; the last counts its batches and changes nothing.
const NORM: [&str; 5] = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];

/// Refuses a file whose trunk has tensors other than those of these convolutions and the batch normalizations
/// after them. `network` is the network that it appears to be.
///
/// # Errors
/// [`Error::Weights`] naming the first of them.
pub fn refuse_left_over<'a>(
    file: &TensorFile,
    convolutions: impl Iterator<Item = &'a str>,
    network: &str,
) -> Result<()> {
    let mut known = BTreeSet::new();
    for convolution in convolutions {
        known.extend(["weight", "bias"].map(|part| format!("{convolution}.{part}")));
        if let Some(norm) = norm_of(convolution) {
            known.extend(NORM.map(|part| format!("{norm}.{part}")));
        }
    }
    let in_trunk = |name: &&str| TRUNK.iter().any(|part| name.starts_with(part));
    let left: Vec<&str> = file.names().filter(in_trunk).filter(|name| !known.contains(*name)).collect();
    match left.first() {
        None => Ok(()),
        Some(first) => Err(Error::weights(
            file.path(),
            format!(
                "{} tensors of its trunk have no place in {network}, '{first}' for one; these are the weights of \
                 a larger or otherwise built network: give those of {network} itself (`aand weights list`)",
                left.len()
            ),
        )),
    }
}
