//! Files on their way out: written whole, only over what the program made itself, by one run at a time, and named so
//! that they are found again.

mod leftover;
mod lock;
mod replace;
mod spelling;
mod whole;

pub(crate) use leftover::DRAFT;
pub use leftover::clear_leftovers;
pub use lock::Lock;
pub use replace::{check_replace, real, same_place};
pub use spelling::{exact, plain_name, shortened, text};
pub(crate) use whole::draft_prefix;
pub use whole::{folder_of, temporary, write_atomically, write_new, write_whole};
