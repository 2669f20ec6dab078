//! Detection: from pictures to anomaly maps, scores and verdicts (method.md 5; the paper's Section III-D).

mod colour;
#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
mod gpu;
mod map;
mod threshold;

pub use colour::{colour, enlarge, feature_picture, heat_map, overlay, scale_position};
pub use map::{add_upsampled, anomaly_map, gaussian, smoothing};
pub use threshold::{FALSE_ALARMS, FEWEST, from_good_scores, guess, held_out_count, normalised};

#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
use crate::gpu::Processor;
use crate::inference::{Engine, Plan};
#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
use crate::model::Precision;
#[cfg(feature = "burn")]
use crate::model::{Aand, NamedTensors, tensors};
use crate::model::{Info, TensorStore, header};
use crate::picture::{Picture, ScoreMap, normalise, resize};
use crate::teacher::TensorSource;
use crate::{Error, Result};
#[cfg(feature = "burn")]
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// The verdict on a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The score does not exceed the threshold.
    Good,
    /// It does.
    Anomalous,
}

/// What was found in one picture.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The smoothed anomaly map at the model's input size.
    pub map: ScoreMap,
    /// Its maximum.
    pub score: f64,
    /// [`normalised`]: 0.5 is the threshold.
    pub normalized: f64,
    /// Whether the score exceeds the threshold.
    pub verdict: Verdict,
}

/// Runs a model on pictures.
#[derive(Debug)]
pub struct Detector {
    /// Everything about the model that is not a tensor; the verdict's threshold may be replaced.
    pub info: Info,
    network: Network,
}

/// What computes the discrepancies.
#[derive(Debug)]
enum Network {
    /// The CPU's own path.
    Engine(Box<Engine>),
    /// The shaders, on a GPU.
    #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
    Gpu(Box<gpu::Shaders>),
}

impl Detector {
    /// A detector on the CPU.
    ///
    /// # Errors
    /// A tensor is missing or misshapen.
    #[cfg(feature = "burn")]
    pub fn new(model: Aand) -> Result<Self> {
        let tensors = NamedTensors::new(tensors(&model)?);
        Self::engine(model.info, &tensors)
    }

    /// A detector on `processor`.
    ///
    /// # Errors
    /// The device failed.
    #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
    pub fn on(model: Aand, processor: &Processor) -> Result<Self> {
        match processor {
            Processor::Cpu => Self::new(model),
            Processor::Gpu(gpu) => {
                let tensors = NamedTensors::new(tensors(&model)?);
                Self::on_gpu(gpu, model.info, &tensors, Precision::F32)
            }
        }
    }

    /// A detector on the CPU from a plan that was made of `info`.
    pub fn of_plan(info: Info, plan: Plan) -> Self {
        Self { info, network: Network::Engine(Box::new(Engine::new(plan))) }
    }

    /// A detector from a model file, which is never in memory as a whole.
    ///
    /// # Errors
    /// As [`crate::model::open`].
    #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
    pub fn open(path: &std::path::Path, processor: &Processor) -> Result<Self> {
        Self::open_in(Precision::F32, path, processor)
    }

    /// As [`open`](Self::open), computed with `precision`; f16 is for GPUs.
    ///
    /// # Errors
    /// As [`open`](Self::open), or f16 is asked for on the CPU or on a GPU that has no such numbers.
    #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
    pub fn open_in(precision: Precision, path: &std::path::Path, processor: &Processor) -> Result<Self> {
        let stored = crate::model::StoredModel::open(path)?;
        let info = stored.info.clone();
        match (processor, precision) {
            (Processor::Gpu(gpu), _) => Self::on_gpu(gpu, info, &stored, precision),
            (Processor::Cpu, Precision::F32) => Self::engine(info, &stored),
            (Processor::Cpu, Precision::F16) => {
                Err(Error::Setting("`precision f16` is for GPUs; choose one with `device gpu`".into()))
            }
        }
    }

    #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
    fn on_gpu(
        gpu: &std::sync::Arc<crate::gpu::Gpu>,
        info: Info,
        tensors: &dyn TensorSource,
        precision: Precision,
    ) -> Result<Self> {
        let shaders = gpu::Shaders::new(std::sync::Arc::clone(gpu), Plan::new(&info, tensors)?, precision)?;
        Ok(Self { info, network: Network::Gpu(Box::new(shaders)) })
    }

    /// A detector on the CPU from the bytes of a model file; `name` is for messages.
    ///
    /// # Errors
    /// The bytes are no model, a truncated one, of another version, or a tensor is missing or misshapen.
    pub fn from_bytes(bytes: &[u8], name: &std::path::Path) -> Result<Self> {
        Self::engine(header(bytes, name)?, &TensorStore::new(bytes, name)?)
    }

    fn engine(info: Info, tensors: &dyn TensorSource) -> Result<Self> {
        let plan = Plan::new(&info, tensors)?;
        Ok(Self::of_plan(info, plan))
    }

    /// Finds anomalies in pictures of any size, all of them in one batch.
    ///
    /// # Errors
    /// The device failed, or the map has numbers that are not finite.
    pub fn detect(&self, pictures: &[Picture]) -> Result<Vec<Detection>> {
        let size = self.info.size as u32;
        let resized: Vec<Picture> = pictures.iter().map(|p| resize(p, size, size)).collect();
        self.maps_of(&resized)?.into_iter().map(|map| self.judge(map)).collect()
    }

    /// Anomaly maps of pictures that have the model's size. A GPU is handed their bytes, a quarter of what normalised
    /// pixels are.
    ///
    /// # Errors
    /// The device failed, or a picture has another size.
    pub fn maps_of<'a>(&self, pictures: impl IntoIterator<Item = &'a Picture>) -> Result<Vec<ScoreMap>> {
        let pictures: Vec<&Picture> = pictures.into_iter().collect();
        let size = self.info.size as u32;
        if let Some(other) = pictures.iter().find(|p| p.dimensions() != (size, size)) {
            let (width, height) = other.dimensions();
            return Err(Error::Setting(format!("a picture of {width} x {height}, not {size} x {size}")));
        }
        match &self.network {
            #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
            Network::Gpu(shaders) => {
                let bytes: Vec<&[u8]> = pictures.iter().map(|p| p.as_raw().as_slice()).collect();
                shaders.maps_of_bytes(&bytes)
            }
            Network::Engine(_) => {
                let pixels: Vec<f32> = pictures.iter().flat_map(|p| normalise(p)).collect();
                self.maps(&pixels, pictures.len())
            }
        }
    }

    /// Anomaly maps of `count` pictures given as normalised pixels `[count, 3, S, S]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn maps(&self, pixels: &[f32], count: usize) -> Result<Vec<ScoreMap>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let size = self.info.size;
        let dims = self.info.backbone.sides(size).map(|side| [side; 2]);
        let levels = match &self.network {
            Network::Engine(engine) => engine.run(pixels),
            // This path ends with the maps.
            #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
            Network::Gpu(shaders) => return shaders.maps(pixels, count),
        };
        let map = |i: usize| {
            let level = |k: usize| {
                let length = dims[k][0] * dims[k][1];
                (&levels[k][i * length..][..length], dims[k])
            };
            anomaly_map(&[level(0), level(1), level(2)], size)
        };
        Ok((0..count).map(map).collect())
    }

    /// The shape of a picture as the network takes it, `[3, H, W]`.
    pub fn input_shape(&self) -> [usize; 3] {
        [3, self.info.size, self.info.size]
    }

    /// Name and milliseconds of every layer for one picture `[3, S, S]` of normalised pixels; none where the
    /// device does not tell.
    ///
    /// # Errors
    /// The device failed.
    #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
    pub fn layer_times(&self, pixels: &[f32]) -> Result<Vec<(String, f64)>> {
        let engine = match &self.network {
            Network::Engine(engine) => engine,
            Network::Gpu(shaders) => return shaders.layer_times(),
        };
        let mut times = Vec::new();
        engine.run_watched(pixels, |name, run| {
            let started = std::time::Instant::now();
            run();
            times.push((name.to_owned(), started.elapsed().as_secs_f64() * 1e3));
        });
        Ok(times)
    }

    /// Score and verdict of an anomaly map.
    ///
    /// # Errors
    /// The map has numbers that are not finite.
    pub fn judge(&self, map: ScoreMap) -> Result<Detection> {
        judge(map, self.info.threshold.value)
    }
}

/// Score and verdict of an anomaly map.
///
/// # Errors
/// The map has numbers that are not finite.
pub fn judge(map: ScoreMap, threshold: f64) -> Result<Detection> {
    let (score, finite) = largest(&map.data);
    let score = f64::from(score);
    if !score.is_finite() || !finite {
        let reason =
            "the anomaly map is not finite; the model is damaged or the device is faulty (try `device cpu`)";
        return Err(Error::Device(reason.into()));
    }
    let verdict = if score > threshold { Verdict::Anomalous } else { Verdict::Good };
    Ok(Detection { map, score, normalized: normalised(score, threshold), verdict })
}

/// The largest of some numbers, and whether all are finite; many at a time, since batches of maps are millions.
fn largest(numbers: &[f32]) -> (f32, bool) {
    const LANES: usize = 16;
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    let mut damaged = [false; LANES];
    for chunk in chunks {
        for ((most, damaged), &number) in most.iter_mut().zip(&mut damaged).zip(chunk) {
            *most = if number > *most { number } else { *most };
            *damaged |= !number.is_finite();
        }
    }
    let finite = !damaged.contains(&true) && rest.iter().all(|number| number.is_finite());
    (most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max), finite)
}

/// Normalised pixels as a tensor `[count, 3, size, size]`.
#[cfg(feature = "burn")]
pub fn batch(pixels: Vec<f32>, count: usize, size: usize, device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(pixels, [count, 3, size, size]), device)
}

#[cfg(test)]
mod tests {
    use super::largest;

    /// Neither the largest number nor a damaged one is missed, wherever it is.
    #[test]
    fn every_number_counts() {
        for count in [1, 15, 16, 17, 40] {
            for place in 0..count {
                let mut numbers = vec![-2.0; count];
                numbers[place] = -1.0;
                assert_eq!(largest(&numbers), (-1.0, true), "{place} of {count}");
                for damaged in [f32::NAN, f32::NEG_INFINITY, f32::INFINITY] {
                    numbers[place] = damaged;
                    assert!(!largest(&numbers).1, "{damaged} at {place} of {count}");
                }
            }
        }
        assert_eq!(largest(&[]), (f32::NEG_INFINITY, true));
    }
}
