//! The AAND model and its file.
