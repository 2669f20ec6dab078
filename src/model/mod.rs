//! The AAND model: teacher, amplifier and student, and the `.aand` file that holds them.

#[cfg(feature = "burn")]
mod aand;
#[cfg(feature = "burn")]
mod encode;
mod file;
mod form;
mod info;
mod kept;
mod learned;
mod packed;
#[cfg(feature = "burn")]
mod parameters;
mod refinement;
#[cfg(feature = "burn")]
mod sealed;
#[cfg(not(target_arch = "wasm32"))]
mod stored;
mod threshold;

#[cfg(not(target_arch = "wasm32"))]
pub use crate::files::write_atomically;
#[cfg(feature = "burn")]
pub use aand::{Aand, Features};
#[cfg(feature = "burn")]
pub use encode::{decode, decode_student, encode, encode_async, tensors, tensors_async};
#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
pub use encode::{open, save};
#[cfg(feature = "burn")]
pub(crate) use file::unusable;
#[cfg(target_arch = "wasm32")]
pub use file::write_atomically;
pub use file::{EmbeddedTeacher, TensorStore, header, is_own_model, kept, read_bytes, with_info};
pub use form::{Form, MOST_ITEMS};
pub use info::{
    AmplifyRecord, DistillRecord, FORMAT_VERSION, FORMAT_WITH_FORM, FORMAT_WITH_RANGE, FORMAT_WITH_VIEW,
    History, Info, MOST_MEMORY_ITEMS, MOST_SIZE, Precision, Score, Selection,
};
pub use kept::{Kept, KeptPicture, MOST_KEPT, MOST_KEPT_BYTES};
pub use learned::Learned;
pub use packed::{StoredTensor, assemble, eight_bit};
#[cfg(feature = "burn")]
pub use parameters::{NamedTensor, NamedTensors, assign, collect, collect_async};
pub use refinement::{Called, Correction, MOST_CORRECTIONS, Refinement, Standing};
#[cfg(feature = "burn")]
pub(crate) use sealed::{seal, unseal};
#[cfg(not(target_arch = "wasm32"))]
pub use stored::StoredModel;
pub use threshold::{Basis, Stated, Threshold};
