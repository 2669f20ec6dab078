//! Which files below a folder are pictures of parts, and what else is there.
//!
//! One walk serves everything that reads folders, [`Below`], and one place reports what it left out, [`LeftOut`].

#![cfg_attr(
    not(feature = "burn"),
    allow(dead_code, unused_imports, reason = "without burn there are textures to list, but no data sets")
)]

mod left_out;
pub(crate) mod masks;
pub(crate) mod names;
mod order;
pub mod own;
mod pages;
mod walk;

pub use left_out::{Advice, BrokenLink, LeftOut, Level, MorePages, Unreadable};
pub(crate) use left_out::{by_folder, counted, lossy, lossy_counts, lossy_paths};
pub(crate) use order::natural;
pub use walk::{Below, below, given, pictures_below, to_judge};
pub(crate) use walk::{below_except, folders, name, real};
