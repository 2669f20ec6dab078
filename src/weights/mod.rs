//! Teacher weights from files and from the network.
//!
//! [`TensorFile`] reads torchvision `.pth` files (without executing the pickle) and `.safetensors`;
//! [`folded_convolution`] returns a convolution with its batch normalization folded in. Fetching, converting
//! and listing the official files is native only, and nothing here uses the network except [`fetch()`].

mod element;
mod fold;
mod nesting;
mod safetensors_source;
mod tensor_file;
mod trunk;

pub use fold::{folded_convolution, norm_of};
pub use tensor_file::TensorFile;
pub use trunk::refuse_left_over;

#[cfg(not(target_arch = "wasm32"))]
mod cache;
#[cfg(not(target_arch = "wasm32"))]
mod catalog;
#[cfg(not(target_arch = "wasm32"))]
mod convert;
#[cfg(not(target_arch = "wasm32"))]
mod crowded_zip;
#[cfg(not(target_arch = "wasm32"))]
mod download;
#[cfg(not(target_arch = "wasm32"))]
mod fetch;
#[cfg(not(target_arch = "wasm32"))]
mod pytorch_source;

#[cfg(not(target_arch = "wasm32"))]
pub use cache::{CACHE_VARIABLE, cache_dir, cached, cached_in, needs, sha256};
#[cfg(not(target_arch = "wasm32"))]
pub use catalog::{BASE_URL, OFFICIAL, Official, official};
#[cfg(not(target_arch = "wasm32"))]
pub use convert::{Converted, convert, converted_path};
#[cfg(not(target_arch = "wasm32"))]
pub use fetch::{FetchEvent, FetchOptions, fetch};

#[cfg(all(test, not(target_arch = "wasm32")))]
#[path = "../../tests/stand_ins/checkpoint.rs"]
mod test_checkpoint;
#[cfg(all(test, not(target_arch = "wasm32")))]
#[path = "../../tests/stand_ins/server.rs"]
mod test_server;
