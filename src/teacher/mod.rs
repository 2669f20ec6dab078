//! The frozen pre-trained teacher: features `F_T` at three levels (method.md 1; the paper's Section III-A).
//!
//! The teacher is a constant function: its batch normalization is folded into the convolutions when it is
//! loaded, it is on the plain (not the autodiff) device, and nothing ever updates it.

mod backbone;
mod embedded;
#[cfg(feature = "burn")]
mod network;
#[cfg(feature = "burn")]
mod resnet;
#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
mod resolve;
mod source;
#[cfg(all(test, feature = "burn", not(target_arch = "wasm32")))]
pub(crate) mod test_file;

pub use backbone::{Backbone, BlockKind};
#[cfg(any(feature = "burn", not(target_arch = "wasm32")))]
pub use embedded::EMBEDDED;
pub use embedded::{EMBEDDED_SHA256, embedded_bytes, provide};
#[cfg(feature = "burn")]
pub use network::Teacher;
#[cfg(feature = "burn")]
pub use resnet::{Block, FoldedConv, Trunk};
pub use source::TensorSource;
