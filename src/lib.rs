//! `aand` learns what *good* looks like from pictures of good parts only.
#![warn(missing_docs)]

pub mod amplification;
pub mod convolution;
pub mod detection;
pub mod error;
pub mod metrics;
pub mod model;
pub mod picture;
pub mod render;
pub mod student;
pub mod synthesis;
pub mod teacher;
pub mod training;
pub mod weights;

#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
#[cfg(not(target_arch = "wasm32"))]
pub mod dataset;
#[cfg(not(target_arch = "wasm32"))]
pub mod pretrain;
#[cfg(not(target_arch = "wasm32"))]
pub mod report;

pub use error::{Error, Result};
