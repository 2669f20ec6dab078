//! Detection on a GPU: the [`Plan`](crate::inference::Plan) as compute passes in WGSL, native and in the browser from the
//! same files.
//!
//! `shaders/` in the repository's root has one file for each kind of layer, whose head gives its equation,
//! layout and dispatch. Here a plan becomes a list of `passes` (data: which kernel, which memory, how many
//! workgroups), and [`GpuNetwork`] binds them to memory and runs them. Nothing is tuned at run time: the tile of
//! a convolution follows from the adapter's type and the layer's size, so that the first result waits for
//! nothing but the compilation of a dozen kernels.
//!
//! Everything that waits for the GPU is `async`, because a browser must not block; natively these functions wait
//! for the device before they return, so any async executor will do.

mod adapter;
#[cfg(not(target_arch = "wasm32"))]
mod choice;
mod constants;
mod convolution;
mod finish;
mod heat;
#[cfg(target_arch = "wasm32")]
mod heat_canvas;
mod layout;
mod matrix_units;
mod memory;
mod network;
mod pass;
mod passes;
mod precision;
mod processor;
mod profile;
mod shaders;
mod tile;
pub mod training;
mod uniforms;
mod winograd;

pub use adapter::{Gpu, Work, adapters};
#[cfg(not(target_arch = "wasm32"))]
pub use choice::Choice;
#[cfg(target_arch = "wasm32")]
pub use heat_canvas::HeatCanvas;
pub use matrix_units::MatrixUnits;
pub use network::GpuNetwork;
pub use processor::Processor;
pub use profile::PassTime;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod tests;
