//! Every fixture of `tests/fixtures` that is about the method itself, met within the tolerance that its README
//! states: teacher, residual amplification, student, optimizer and anomaly map. Pictures are in
//! `tests/parity_picture.rs`, metrics beside `src/metrics`.
//!
//! Run with `--nocapture` to see the largest error of each tensor.

mod adam;
mod formula;
mod gradients;
mod map;
mod raa;
mod reference;
mod student;
mod student_training;
mod teacher;
