//! Writing files: whole, only over files that the program made itself, by one run at a time, and under names that
//! every file system accepts.

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
