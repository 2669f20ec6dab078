//! Detection: from pictures to anomaly maps, scores and verdicts (method.md 5; the paper's Section III-D).

mod color;
mod executor;
mod map;
mod region;
mod threshold;

pub use crate::inference::sigma;
pub use crate::picture::color;
pub use color::{draw_boxes, enlarge, feature_picture, heat_map, overlay, scale_position};
pub use executor::Executor;
pub use map::{add_upsampled, anomaly_map, gaussian};
pub use region::{Found, regions};
pub use threshold::{FALSE_ALARMS, FEWEST, from_good_scores, guess, held_out_count, normalized};

#[cfg(feature = "burn")]
use crate::gpu::GpuNetwork;
#[cfg(feature = "burn")]
use crate::gpu::Processor;
use crate::inference::Plan;
#[cfg(feature = "burn")]
use crate::model::Precision;
#[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
use crate::model::{Aand, NamedTensors};
use crate::model::{Info, TensorStore, header};
use crate::picture::{Blend, Picture, ScoreMap, Seen, Size, Tiles};
use crate::teacher::TensorSource;
use crate::{Error, Result};
#[cfg(feature = "burn")]
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// How many tiles of a picture are computed at once.
const TOGETHER: usize = 16;

/// The verdict on a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The score does not exceed the threshold.
    Good,
    /// It does.
    Anomalous,
}

impl Verdict {
    /// The verdict on a score.
    pub fn of(score: f64, threshold: f64) -> Self {
        if score > threshold { Self::Anomalous } else { Self::Good }
    }

    /// The word in results.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Anomalous => "anomalous",
        }
    }
}

/// Milliseconds rounded as in results: more digits would only be noise.
pub fn told_ms(ms: f64) -> f64 {
    (ms * 100.0).round() / 100.0
}

/// What was found in one picture.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The smoothed anomaly map of the whole picture, at the model's input size; if the model looks at tiles, at the
    /// picture's size or a fraction of it. Zero where the model does not look.
    pub map: ScoreMap,
    /// The map's maximum, or the other statistic that the model scores by.
    pub score: f64,
    /// [`normalized`]: 0.5 is the threshold.
    pub normalized: f64,
    /// Whether the score exceeds the threshold.
    pub verdict: Verdict,
    /// The regions above the threshold in an anomalous picture, the highest first.
    pub regions: Vec<Found>,
}

/// Runs a model on pictures: the one place that turns maps into results, whatever computes the maps.
#[derive(Debug)]
pub struct Detector {
    /// Everything about the model that is not a tensor; the verdict's threshold may be replaced.
    pub info: Info,
    /// Regions with fewer pixels of the picture are not reported. They still count for the score.
    pub min_area: f64,
    executor: Executor,
}

impl Detector {
    /// A detector for the model that `info` describes.
    pub fn with(info: Info, executor: Executor) -> Self {
        Self { info, min_area: 0.0, executor }
    }

    /// A detector on the CPU.
    ///
    /// # Errors
    /// A tensor is missing or misshapen.
    #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
    pub fn new(model: Aand) -> Result<Self> {
        Self::on(model, &Processor::Cpu)
    }

    /// A detector on `processor`.
    ///
    /// # Errors
    /// The device failed.
    #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
    pub fn on(model: Aand, processor: &Processor) -> Result<Self> {
        let tensors = NamedTensors::new(crate::model::tensors(&model)?);
        let plan = Plan::new(&model.info, &tensors)?;
        Self::of_plan(model.info, plan, processor, Precision::F32)
    }

    /// A detector from a plan made from `info`, computed with `precision`; f16 is for GPUs only.
    ///
    /// # Errors
    /// The device lacks this precision, is out of memory, or failed.
    #[cfg(feature = "burn")]
    pub fn of_plan(info: Info, plan: Plan, processor: &Processor, precision: Precision) -> Result<Self> {
        let executor = match processor {
            Processor::Cpu => Executor::cpu(plan),
            Processor::Gpu(gpu) => {
                Executor::gpu(GpuNetwork::new(std::sync::Arc::clone(gpu), plan, precision)?)
            }
        };
        Ok(Self::with(info, executor))
    }

    /// A detector from a model file, which is never held in memory as a whole.
    ///
    /// # Errors
    /// As [`crate::model::open`].
    #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
    pub fn open(path: &std::path::Path, processor: &Processor) -> Result<Self> {
        Self::open_in(Precision::F32, path, processor)
    }

    /// As [`open`](Self::open), computed with `precision`; f16 is for GPUs only.
    ///
    /// # Errors
    /// As [`open`](Self::open), or f16 is asked for on the CPU or on a GPU that lacks it.
    #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
    pub fn open_in(precision: Precision, path: &std::path::Path, processor: &Processor) -> Result<Self> {
        if matches!((processor, precision), (Processor::Cpu, Precision::F16)) {
            return Err(Error::Setting("`precision f16` is for GPUs; choose one with `device gpu`".into()));
        }
        let stored = crate::model::StoredModel::open(path)?;
        let info = stored.info.clone();
        let plan = Plan::new(&info, &stored)?;
        Self::of_plan(info, plan, processor, precision)
    }

    /// A detector on the CPU from the bytes of a model file; `name` is for messages.
    ///
    /// # Errors
    /// The bytes are not a model, are truncated or of another version, or a tensor is missing or misshapen.
    pub fn from_bytes(bytes: &[u8], name: &std::path::Path) -> Result<Self> {
        let (info, store) = (header(bytes, name)?, TensorStore::new(bytes, name)?);
        let tensors: &dyn TensorSource = &store;
        let plan = Plan::new(&info, tensors)?;
        Ok(Self::with(info, Executor::cpu(plan)))
    }

    /// What computes the maps.
    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    /// Finds anomalies in pictures of any size, all of them in one batch.
    ///
    /// # Errors
    /// The device failed, a map has numbers that are not finite, or a picture does not suit the model's region.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn detect(&self, pictures: &[Picture]) -> Result<Vec<Detection>> {
        self.whole_maps(pictures)?.into_iter().map(|(map, native)| self.judge(map, native)).collect()
    }

    /// Only the scores of pictures of any size, all of them in one batch; regions are not computed.
    ///
    /// # Errors
    /// As [`detect`](Self::detect).
    #[cfg(not(target_arch = "wasm32"))]
    pub fn scores(&self, pictures: &[Picture]) -> Result<Vec<f64>> {
        self.whole_maps(pictures)?.iter().map(|(map, _)| self.score(map)).collect()
    }

    /// Maps of whole pictures, with the pictures' sizes.
    #[cfg(not(target_arch = "wasm32"))]
    fn whole_maps(&self, pictures: &[Picture]) -> Result<Vec<(ScoreMap, Size)>> {
        let Info { size, view, .. } = &self.info;
        let seen: Vec<Seen<'_>> = pictures.iter().map(|picture| view.see(picture, *size)).collect();
        if let Some(reason) = seen.iter().find_map(|seen| view.misfit(seen.native)) {
            return Err(Error::Setting(reason));
        }
        let maps = pollster::block_on(self.look(&seen, &mut |_, _| {}))?;
        Ok(maps.into_iter().zip(&seen).map(|(map, seen)| (map, seen.native)).collect())
    }

    /// Anomaly maps of pictures that have the network's size.
    ///
    /// # Errors
    /// The device failed, or a picture has another size.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn maps_of<'a>(&self, pictures: impl IntoIterator<Item = &'a Picture>) -> Result<Vec<ScoreMap>> {
        let pictures: Vec<&Picture> = pictures.into_iter().collect();
        pollster::block_on(self.network_maps(&pictures, &mut |_, _| {}))
    }

    /// Maps of whole pictures as the model sees them, [`View::see`](crate::picture::View::see). `progress` gets the
    /// number of steps done and of all steps, where the device reports them.
    ///
    /// # Errors
    /// The device failed.
    pub async fn look(
        &self,
        seen: &[Seen<'_>],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<ScoreMap>> {
        let view = &self.info.view;
        let mut maps = Vec::with_capacity(seen.len());
        if let Some(tiles) = view.tiles {
            for seen in seen {
                maps.push(view.whole(self.tiled(seen, tiles, progress).await?, seen.native));
            }
            return Ok(maps);
        }
        let pictures: Vec<&Picture> = seen.iter().map(|seen| seen.picture.as_ref()).collect();
        let found = self.network_maps(&pictures, progress).await?;
        maps.extend(found.into_iter().zip(seen).map(|(map, seen)| view.whole(map, seen.native)));
        Ok(maps)
    }

    /// The shape of a picture as the network takes it, `[3, H, W]`.
    pub fn input_shape(&self) -> [usize; 3] {
        [3, self.info.size.height, self.info.size.width]
    }

    /// The map of a picture in tiles, several computed at once.
    async fn tiled(
        &self,
        seen: &Seen<'_>,
        tiles: Tiles,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<ScoreMap> {
        let Info { size, view, .. } = &self.info;
        let mut places = tiles.places(seen.native, *size);
        // Tiles outside the region need not be computed.
        if let Some(region) = &view.region {
            places.retain(|&place| region.within(seen.native, place, *size).count() > 0);
        }
        let mut blend = Blend::new(seen.native);
        let all = places.len();
        for (done, places) in places.chunks(TOGETHER).enumerate() {
            let cut: Vec<Picture> =
                places.iter().map(|&place| view.tile(&seen.picture, place, *size)).collect();
            let mut tell = |step: usize, steps: usize| {
                progress(done * TOGETHER * steps + step * places.len(), all * steps);
            };
            let maps = self.network_maps(&cut.iter().collect::<Vec<_>>(), &mut tell).await?;
            places.iter().zip(&maps).for_each(|(&place, map)| blend.add(place, map, tiles.overlap));
        }
        Ok(blend.map())
    }

    async fn network_maps(
        &self,
        pictures: &[&Picture],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<ScoreMap>> {
        self.executor.maps_of((self.info.backbone, self.info.size), pictures, progress).await
    }

    /// Anomaly maps of `count` pictures given as normalized pixels `[count, 3, H, W]` of the network's size.
    ///
    /// # Errors
    /// The device failed.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn maps(&self, pixels: &[f32], count: usize) -> Result<Vec<ScoreMap>> {
        let network = (self.info.backbone, self.info.size);
        pollster::block_on(self.executor.maps(network, pixels, count, &mut |_, _| {}))
    }

    /// Name and milliseconds of every layer for one picture `[3, H, W]` of normalized pixels; none if the
    /// device cannot time them.
    ///
    /// # Errors
    /// The device failed.
    #[cfg(all(feature = "burn", not(target_arch = "wasm32")))]
    pub fn layer_times(&self, pixels: &[f32]) -> Result<Vec<(String, f64)>> {
        self.executor.layer_times(pixels)
    }

    /// Score, verdict and regions of the map of a whole picture of `native` size.
    ///
    /// # Errors
    /// The map has numbers that are not finite.
    pub fn judge(&self, map: ScoreMap, native: Size) -> Result<Detection> {
        let threshold = self.info.threshold.value;
        let score = self.score(&map)?;
        let mut found = verdict(map, score, threshold);
        if found.verdict == Verdict::Anomalous {
            found.regions = regions(&found.map, threshold, native, self.min_area);
        }
        Ok(found)
    }

    /// The score of the map of a whole picture.
    ///
    /// # Errors
    /// The map has numbers that are not finite.
    pub fn score(&self, map: &ScoreMap) -> Result<f64> {
        let view = &self.info.view;
        let counted = view.counted(Size::new(map.width, map.height));
        finite(map, view.pooling.score(map, counted.as_ref()))
    }
}

/// The verdict on an anomaly map with that score.
///
/// # Errors
/// The map has numbers that are not finite.
pub fn judge(map: ScoreMap, score: f64, threshold: f64) -> Result<Detection> {
    let score = finite(&map, score)?;
    Ok(verdict(map, score, threshold))
}

fn verdict(map: ScoreMap, score: f64, threshold: f64) -> Detection {
    let verdict = Verdict::of(score, threshold);
    Detection { map, score, normalized: normalized(score, threshold), verdict, regions: Vec::new() }
}

/// The score, if it and all values of the map are finite.
fn finite(map: &ScoreMap, score: f64) -> Result<f64> {
    if score.is_finite() && all_finite(&map.data) {
        return Ok(score);
    }
    let reason =
        "the anomaly map is not finite; the model is damaged or the device is faulty (try `device cpu`)";
    Err(Error::Device(reason.into()))
}

/// Whether all numbers are finite; checked many at a time, since a batch of maps has millions.
fn all_finite(numbers: &[f32]) -> bool {
    const LANES: usize = 16;
    let (chunks, rest) = numbers.as_chunks::<LANES>();
    let mut damaged = [false; LANES];
    for chunk in chunks {
        damaged.iter_mut().zip(chunk).for_each(|(damaged, number)| *damaged |= !number.is_finite());
    }
    !damaged.contains(&true) && rest.iter().all(|number| number.is_finite())
}

/// Normalized pixels as a tensor `[count, 3, H, W]`.
#[cfg(feature = "burn")]
pub fn batch(pixels: Vec<f32>, count: usize, size: impl Into<Size>, device: &Device) -> Tensor<4> {
    let size = size.into();
    Tensor::from_data(TensorData::new(pixels, [count, 3, size.height, size.width]), device)
}

#[cfg(test)]
mod tests {
    use super::all_finite;

    /// No damaged number is missed, wherever it lies.
    #[test]
    fn every_number_counts() {
        for count in [1, 15, 16, 17, 40] {
            for place in 0..count {
                let mut numbers = vec![-2.0; count];
                assert!(all_finite(&numbers), "{count}");
                for damaged in [f32::NAN, f32::NEG_INFINITY, f32::INFINITY] {
                    numbers[place] = damaged;
                    assert!(!all_finite(&numbers), "{damaged} at {place} of {count}");
                }
            }
        }
        assert!(all_finite(&[]));
    }
}
