//! Detection on a GPU, natively: waiting for it.

use crate::Result;
use crate::gpu::{Gpu, Network};
use crate::inference::Plan;
use crate::model::Precision;
use crate::picture::ScoreMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A network of shaders that several threads may ask; one at a time is answered.
#[derive(Debug)]
pub(super) struct Shaders(Mutex<Network>);

impl Shaders {
    /// Moves the plan to the GPU.
    ///
    /// # Errors
    /// The device has no such numbers or not the memory, or it failed.
    pub fn new(gpu: Arc<Gpu>, plan: Plan, precision: Precision) -> Result<Self> {
        Ok(Self(Mutex::new(Network::new(gpu, plan, precision)?)))
    }

    fn network(&self) -> MutexGuard<'_, Network> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The anomaly maps of `count` pictures.
    ///
    /// # Errors
    /// The device failed.
    pub fn maps(&self, pixels: &[f32], count: usize) -> Result<Vec<ScoreMap>> {
        let found = pollster::block_on(self.network().maps(pixels, count))?;
        Ok(found.into_iter().map(|(map, _)| map).collect())
    }

    /// The same, of pictures given as bytes.
    ///
    /// # Errors
    /// The device failed.
    pub fn maps_of_bytes(&self, pictures: &[&[u8]]) -> Result<Vec<ScoreMap>> {
        let found = pollster::block_on(self.network().maps_of_bytes(pictures))?;
        Ok(found.into_iter().map(|(map, _)| map).collect())
    }

    /// Name and milliseconds of every layer for one picture; none where the adapter has no clock.
    ///
    /// # Errors
    /// The device failed.
    pub fn layer_times(&self) -> Result<Vec<(String, f64)>> {
        let mut network = self.network();
        if !network.has_clock() {
            return Ok(Vec::new());
        }
        let mut layers: Vec<(String, f64)> = Vec::new();
        for pass in pollster::block_on(network.profile(1))? {
            match layers.last_mut() {
                // Winograd's convolution takes three passes.
                Some((name, ms)) if *name == pass.name => *ms += pass.ms,
                _ => layers.push((pass.name, pass.ms)),
            }
        }
        Ok(layers)
    }
}
