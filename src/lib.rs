//! `aand` learns what *good* looks like from pictures of good parts only, and shows where a new picture
//! deviates. It implements AAND (Tang et al., *Advancing Pre-trained Teacher*, IEEE TIP 2026).
//!
//! # The method in one page
//!
//! The **teacher**, a network trained on photographs, describes a picture at three levels: each small patch
//! gets a vector of features `F_T` ([`teacher`]). The **student** learns to reproduce these features, but it
//! has only ever seen good parts, and it sees them through a narrow **bottleneck** ([`student`]). Where the
//! part is good the two agree; where it is not, the student fails, and the angle between the two vectors shows
//! it ([`detection`]).
//!
//! Two things weaken this: the teacher may hardly notice a defect, and the student may learn to imitate more
//! than it should. AAND has a stage for each:
//!
//! 1. **Amplify anomalies** ([`amplification`]). Synthetic anomalies are painted into good pictures ([`synthesis`]). At
//!    each level a *residual gate* `w` learns to tell normal from anomalous patches by comparing them with two
//!    memories, and a *generator* learns a residual `Delta` that moves anomalous features away from all normal ones.
//!    The advanced teacher is `F_A = F_T + w Delta`; on good patches `w` is near 0 and nothing changes.
//! 2. **Distill normality** ([`student`]). On good pictures alone the student learns `F_A`, with one loss on
//!    the whole map (KD) and one on the patches where it is worst (HKD).
//!
//! [`training`] runs both stages, [`refinement`] continues the second with pictures whose verdict somebody corrected,
//! and [`drift`] tells when that is due. The anomaly map is the sum over the levels of `1 - cos(F_A, F_S)`, enlarged
//! and smoothed; its maximum is the picture's score. The threshold comes from good pictures that the model scoring
//! them has not learned from, and states the largest share of future good pictures that it will call anomalous.
//! [`embedding`] chooses the good pictures that a model keeps. [`nearest`] is a detector in seconds, without training,
//! and shows why a patch looks odd.
//! [`metrics`] measures how well all this works, [`report`] shows it, [`model`] is the model's file; `files` and
//! `terminal` make sure that no output overwrites or loses anything of the user's.
//!
//! `docs/method.md` has the equations and says which file implements which. [`picture`], [`listing`] and [`dataset`]
//! read people's pictures and folders; [`weights`] reads and fetches teachers; [`pretrain`] makes the one that ships;
//! [`render`] draws the product lines of the demo; [`convolution`] is the CPU's fast path in training, [`inference`]
//! is detection without Burn, [`gpu`] the shaders of detection and of both training stages; [`benchmark`] measures
//! speed; [`serve`] is the service; [`cli`] is the command line. In the browser the feature `web` adds the module
//! `web`; without the feature `burn` only detection remains.
//!
//! # Train and detect
//!
#![doc = include_str!("../docs/example.md")]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]
// Proving that a future which holds a GPU is `Send` goes deep into wgpu's types.
#![recursion_limit = "256"]

pub mod amplification;
mod batch_norm;
pub mod calibration;
#[cfg(feature = "burn")]
pub mod convolution;
pub mod detection;
pub mod drift;
pub mod embedding;
pub mod error;
#[cfg(not(target_arch = "wasm32"))]
pub mod export;
#[cfg(not(target_arch = "wasm32"))]
pub mod files;
pub mod gpu;
pub mod hash;
pub mod inference;
#[cfg(not(target_arch = "wasm32"))]
pub mod listing;
pub mod metrics;
pub mod model;
pub mod nearest;
pub(crate) mod normal;
pub mod perturbation;
pub mod picture;
#[cfg(feature = "burn")]
pub mod refinement;
pub mod render;
#[cfg(feature = "burn")]
pub mod student;
pub mod synthesis;
pub mod teacher;
#[cfg(feature = "burn")]
pub mod training;
#[cfg(feature = "burn")]
pub mod weights;
mod winograd;

#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
pub mod benchmark;
#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
pub mod cli;
#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
pub mod dataset;
#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
pub mod pretrain;
#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
pub mod report;
#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
pub mod serve;
#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
pub mod stress;
#[cfg(not(target_arch = "wasm32"))]
pub mod terminal;

#[cfg(all(feature = "web", target_arch = "wasm32"))]
pub mod web;

pub use error::{Error, Result};
