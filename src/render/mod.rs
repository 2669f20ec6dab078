//! Product lines rendered by this crate.
