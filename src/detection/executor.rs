//! Computes the maps of a batch: with the CPU engine, or with the shaders on a GPU.

use super::anomaly_map;
use crate::gpu::GpuNetwork;
use crate::inference::{Engine, Plan};
use crate::picture::{Picture, ScoreMap, Size, normalize};
use crate::teacher::Backbone;
use crate::{Error, Result};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A detector's network, from normalized pixels to anomaly maps.
#[derive(Debug)]
pub enum Executor {
    /// On the CPU.
    Cpu {
        /// The layers.
        engine: Box<Engine>,
        /// Number of layers.
        layers: usize,
    },
    /// On a GPU. Several threads may ask at once; they are served one at a time.
    Gpu(Mutex<Box<GpuNetwork>>),
}

impl Executor {
    /// An executor on the CPU.
    pub fn cpu(plan: Plan) -> Self {
        let layers = plan.steps.len();
        Self::Cpu { engine: Box::new(Engine::new(plan)), layers }
    }

    /// An executor on a GPU.
    pub fn gpu(network: GpuNetwork) -> Self {
        Self::Gpu(Mutex::new(Box::new(network)))
    }

    /// The GPU's network; none on the CPU.
    pub fn network(&self) -> Option<MutexGuard<'_, Box<GpuNetwork>>> {
        match self {
            Self::Cpu { .. } => None,
            Self::Gpu(network) => Some(network.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// The anomaly maps of pictures of the network's `size`. `progress` gets the number of layers done and of all
    /// layers, where the device reports them. A GPU receives the pictures' bytes, a quarter of the size of normalized
    /// pixels.
    ///
    /// # Errors
    /// The device failed, or a picture has another size.
    #[expect(clippy::await_holding_lock, reason = "a network computes one batch at a time")]
    pub async fn maps_of(
        &self,
        (backbone, size): (Backbone, Size),
        pictures: &[&Picture],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<ScoreMap>> {
        if let Some(other) = pictures.iter().map(|picture| Size::of(picture)).find(|other| *other != size) {
            return Err(Error::Setting(format!("a picture of {other}, not {size}")));
        }
        if let Self::Gpu(network) = self {
            let bytes: Vec<&[u8]> = pictures.iter().map(|picture| picture.as_raw().as_slice()).collect();
            let mut network = network.lock().unwrap_or_else(PoisonError::into_inner);
            let found = network.maps_of_bytes(&bytes).await?;
            return Ok(found.into_iter().map(|(map, _)| map).collect());
        }
        let pixels = normalized(pictures);
        self.maps((backbone, size), &pixels, pictures.len(), progress).await
    }

    /// The anomaly maps of `count` pictures given as normalized pixels `[count, 3, H, W]`; `progress` as in
    /// [`maps_of`](Self::maps_of).
    ///
    /// # Errors
    /// The device failed, or the number of pixels is wrong.
    #[expect(clippy::await_holding_lock, reason = "a network computes one batch at a time")]
    pub async fn maps(
        &self,
        (backbone, size): (Backbone, Size),
        pixels: &[f32],
        count: usize,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<ScoreMap>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        if pixels.len() != 3 * size.area() * count {
            return Err(Error::Setting(format!("{} pixels for {count} pictures of {size}", pixels.len())));
        }
        let (engine, layers) = match self {
            Self::Cpu { engine, layers } => (engine, *layers),
            Self::Gpu(network) => {
                let mut network = network.lock().unwrap_or_else(PoisonError::into_inner);
                let found = network.maps(pixels, count).await?;
                return Ok(found.into_iter().map(|(map, _)| map).collect());
            }
        };
        let mut done = 0;
        let levels = engine.run_watched(pixels, |_, layer| {
            layer();
            done += 1;
            progress(done, layers);
        });
        let sizes = backbone.sizes(size);
        let map = |i: usize| {
            let level = |k: usize| {
                let Size { width, height } = sizes[k];
                (&levels[k][i * width * height..][..width * height], [height, width])
            };
            anomaly_map(&[level(0), level(1), level(2)], size)
        };
        Ok((0..count).map(map).collect())
    }

    /// Name and milliseconds of every layer for one picture `[3, H, W]` of normalized pixels; none if the device
    /// cannot time them.
    ///
    /// # Errors
    /// The device failed.
    #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
    pub fn layer_times(&self, pixels: &[f32]) -> Result<Vec<(String, f64)>> {
        let mut times: Vec<(String, f64)> = Vec::new();
        match self {
            Self::Cpu { engine, .. } => {
                engine.run_watched(pixels, |name, run| {
                    let started = std::time::Instant::now();
                    run();
                    times.push((name.to_owned(), started.elapsed().as_secs_f64() * 1e3));
                });
            }
            Self::Gpu(network) => {
                let mut network = network.lock().unwrap_or_else(PoisonError::into_inner);
                if !network.has_clock() {
                    return Ok(times);
                }
                for pass in pollster::block_on(network.profile(1))? {
                    match times.last_mut() {
                        // A Winograd convolution takes three passes.
                        Some((name, ms)) if *name == pass.name => *ms += pass.ms,
                        _ => times.push((pass.name, pass.ms)),
                    }
                }
            }
        }
        Ok(times)
    }
}

/// The normalized pixels of all pictures one after the other.
fn normalized(pictures: &[&Picture]) -> Vec<f32> {
    #[cfg(not(target_arch = "wasm32"))]
    {
        use rayon::prelude::*;
        let each: Vec<Vec<f32>> = pictures.par_iter().map(|picture| normalize(picture)).collect();
        each.concat()
    }
    #[cfg(target_arch = "wasm32")]
    pictures.iter().flat_map(|picture| normalize(picture)).collect()
}
