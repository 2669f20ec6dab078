//! Where tensors come from.

use crate::{Error, Result};

/// Named tensors, from a weight file or a model file.
pub trait TensorSource {
    /// The values of `name`, row-major.
    ///
    /// # Errors
    /// The tensor is missing, has another shape, or is truncated; the message names it.
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>>;

    /// Whether there is a tensor of that name.
    fn contains(&self, name: &str) -> bool;

    /// An error about something read from this source.
    fn refused(&self, reason: String) -> Error {
        Error::Setting(reason)
    }
}
