//! How the embedded teacher is made.
