//! Both training stages on a GPU, native and in the browser, with detection's shaders and some more for gradients.
//!
//! A step is a list of passes, forward and backward, that is recorded once (`tape`). It is one submission without
//! waiting, and its losses are read while later steps compute. Nothing here depends on Burn: weights enter and leave
//! as the tensors of a model file. Burn on the CPU computes the same, and the tests compare the two tensor by tensor.

mod adam;
mod amplify;
mod convolution;
mod distill;
mod features;
mod mlp;
mod norm;
mod parameters;
mod raa;
mod results;
mod student;
mod tape;
mod teacher;

pub use amplify::{Amplify, LevelBatch};
pub use distill::Distill;
pub use features::Features;
pub use parameters::Tensor;

use crate::picture::Size;
use crate::teacher::Backbone;
use adam::Adam;

/// The fixed facts of a training.
#[derive(Clone, Copy, Debug)]
pub struct Scheme {
    /// The teacher's network.
    pub backbone: Backbone,
    /// Width and height of the input.
    pub size: Size,
    /// Pictures in the largest batch.
    pub batch: usize,
    /// `K_h`: hardest positions per picture and level; 0 turns HKD off.
    pub hardest: usize,
    /// Decay of Adam's first moment.
    pub beta1: f32,
}

#[cfg(test)]
mod contract;
#[cfg(test)]
mod tests;
