//! `aand serve` through the built program: a process of its own on a free port, asked over HTTP.

#[path = "../program/mod.rs"]
mod program;

mod client;
mod detecting;
mod ending;
mod guarding;
mod inference;
mod limits;
mod reload;
mod training;
