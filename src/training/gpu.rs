//! Both stages with the shaders' training engine: prepares its input, and turns its output into modules and
//! checkpoints.

use super::config::{Objective, Settings};
use super::job::TrainingJob;
use super::stage1::{labels, mean_residual};
use super::{AmplifyBatch, AmplifyStage, DistillStage, FeatureCache, MOST_PAIRS};
use crate::amplification::sample_pairs;
use crate::gpu::training::{Amplify, Distill, Features, LevelBatch, Scheme, Tensor};
use crate::gpu::{Gpu, Processor};
use crate::model::{Aand, NamedTensor, NamedTensors, assign, tensors_async};
use crate::picture::{Size, normalize};
use crate::{Error, Result};
use rand_chacha::ChaCha8Rng;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::HashMap;
use std::sync::Arc;

/// The name of the GPU optimizer's record in a checkpoint; the CPU optimizer's record is Burn's.
pub(super) const OPTIMIZER: &str = "optimizer.gpu";

/// The most bytes of features that are kept on the GPU; beyond that they are uploaded for every step.
const ON_GPU: u64 = if cfg!(target_arch = "wasm32") { 512 << 20 } else { 4 << 30 };

impl TrainingJob {
    /// The GPU that trains, if one does; the contrastive objective is only trained on the CPU.
    pub(super) fn gpu(&self) -> Option<&Arc<Gpu>> {
        match &self.processor {
            Processor::Gpu(gpu) if self.settings.objective == Objective::Amplify => Some(gpu),
            _ => None,
        }
    }

    fn scheme(&self) -> Scheme {
        let settings = &self.settings;
        Scheme {
            backbone: self.teacher.backbone,
            size: settings.size,
            batch: settings.batch.min(self.items()),
            hardest: settings.hardest,
            beta1: settings.beta1 as f32,
        }
    }
}

/// All tensors of a model as a source.
async fn source(model: &Aand) -> Result<NamedTensors> {
    Ok(NamedTensors::new(tensors_async(model).await?))
}

fn named(tensors: Vec<Tensor>) -> NamedTensors {
    let named = |(name, shape, values)| NamedTensor { name, shape, values };
    NamedTensors::new(tensors.into_iter().map(named).collect())
}

/// Stage 1 on the GPU.
pub(super) struct GpuAmplify {
    engine: Amplify,
}

impl GpuAmplify {
    /// Continues from the model's amplifier and, if there is one, an optimizer's record.
    ///
    /// # Errors
    /// The device is out of memory, or the record belongs to another training.
    pub async fn new(job: &TrainingJob, gpu: &Arc<Gpu>, model: &Aand, record: Option<&[u8]>) -> Result<Self> {
        let settings = &job.settings;
        let margin = [settings.alpha as f32, settings.amplification_weight as f32];
        let mut engine = Amplify::new(
            Arc::clone(gpu),
            job.scheme(),
            settings.raa,
            margin,
            MOST_PAIRS,
            &source(model).await?,
        )?;
        if let Some(record) = record {
            let (moments, times) = decode(record)?;
            engine.resume(&moments, &times)?;
        }
        Ok(Self { engine })
    }

    /// Submits a step to the GPU. Pairs are drawn as on the CPU.
    ///
    /// # Errors
    /// The device failed.
    pub fn step(
        &mut self,
        data: &AmplifyBatch,
        settings: &Settings,
        sizes: [Size; 3],
        lr: f64,
        rng: &mut ChaCha8Rng,
    ) -> Result<()> {
        let mut level = |size: Size| {
            let (anomalous, foreground) = (
                labels(&data.masks, size.height, size.width),
                labels(&data.foregrounds, size.height, size.width),
            );
            let mut batch = LevelBatch {
                labels: anomalous.iter().map(|&a| f32::from(u8::from(a))).collect(),
                pairs: Default::default(),
            };
            if settings.raa.generator {
                let sample = sample_pairs(&anomalous, &foreground, rng, MOST_PAIRS);
                if !sample.is_empty() {
                    let positions = |rows: Vec<i64>| rows.into_iter().map(|row| row as u32).collect();
                    batch.pairs = [positions(sample.normal), positions(sample.anomalous)];
                }
            }
            batch
        };
        let levels = [level(sizes[0]), level(sizes[1]), level(sizes[2])];
        self.engine.step(&data.pixels, data.masks.len(), &levels, lr)
    }

    /// Steps whose losses were not taken.
    pub fn pending(&self) -> usize {
        self.engine.pending()
    }

    /// Losses of the earliest of them.
    ///
    /// # Errors
    /// The device failed, or a loss is not a number.
    pub async fn losses(&mut self) -> Result<Option<[f64; 2]>> {
        self.engine.losses().await
    }

    /// Copies the present amplifier into the module.
    ///
    /// # Errors
    /// The device failed.
    pub async fn bring(&self, stage: &mut AmplifyStage) -> Result<()> {
        let tensors = named(self.engine.tensors().await?);
        stage.amplifier = assign(stage.amplifier.clone(), "amplifier", &tensors)?;
        Ok(())
    }

    /// The optimizer's record.
    ///
    /// # Errors
    /// The device failed.
    pub async fn optimizer_record(&self) -> Result<Vec<u8>> {
        let (moments, times) = self.engine.moments().await?;
        encode(&moments, &times)
    }

    /// As [`AmplifyStage::residual_intensity`].
    ///
    /// # Errors
    /// The device failed.
    pub async fn residual_intensity(&mut self, data: &AmplifyBatch, sizes: [Size; 3]) -> Result<[f64; 2]> {
        self.engine.advance(&data.pixels, data.masks.len())?;
        let mut levels = Vec::new();
        for (k, size) in sizes.into_iter().enumerate() {
            let labels = labels(&data.masks, size.height, size.width);
            let vanilla = self.engine.read(&self.engine.vanilla()[k]).await?;
            let advanced = self.engine.read(&self.engine.advanced()[k]).await?;
            let channels = self.engine.channels()[k];
            let squared = |(t, a): (&[f32], &[f32])| {
                t.iter().zip(a).map(|(t, a)| (a - t) * (a - t)).sum::<f32>() / channels as f32
            };
            let rows = vanilla.chunks_exact(channels).zip(advanced.chunks_exact(channels));
            levels.push((rows.map(squared).take(labels.len()).collect::<Vec<f32>>(), labels));
        }
        Ok(mean_residual(&levels))
    }
}

/// The features that stage 2 learns from: on the GPU, or in the host's cache if they are too large.
pub(super) enum GpuFeatures {
    Kept(Features),
    Cached(FeatureCache, [usize; 3]),
    /// Not stored, since the pictures vary: keeps the means to compute them instead.
    Anew(Box<Amplify>, [usize; 3]),
}

impl GpuFeatures {
    /// Computes the advanced teacher's features of all pictures; `progress` receives the number done, and
    /// returns whether to stop.
    ///
    /// # Errors
    /// The device failed, or a stop was asked for ([`Error::Interrupted`] with an empty message).
    pub async fn new(
        job: &TrainingJob,
        gpu: &Arc<Gpu>,
        model: &Aand,
        mut progress: impl AsyncFnMut(usize) -> bool,
    ) -> Result<Self> {
        let scheme = job.scheme();
        let (channels, sizes) = (scheme.backbone.channels(), scheme.backbone.sizes(scheme.size));
        let lengths = [0, 1, 2].map(|k| channels[k] * sizes[k].area());
        let mut engine =
            Amplify::new(Arc::clone(gpu), scheme, model.info.raa, [0.0; 2], [0; 2], &source(model).await?)?;
        if job.learns_anew() {
            return Ok(Self::Anew(Box::new(engine), lengths));
        }
        let all = Features::bytes(lengths) * job.pictures.len() as u64;
        let mut features = match all <= ON_GPU {
            true => Self::Kept(Features::new(lengths)),
            false => Self::Cached(FeatureCache::new(lengths.iter().sum(), job.cache_budget), lengths),
        };
        let mut done = 0;
        for chosen in job.pictures.chunks(scheme.batch) {
            let pixels: Vec<f32> = chosen.iter().flat_map(|seen| normalize(&seen.picture)).collect();
            engine.advance(&pixels, chosen.len())?;
            match &mut features {
                Self::Kept(features) => features.push(gpu, engine.advanced(), chosen.len())?,
                // Handled above.
                Self::Anew(..) => {}
                Self::Cached(cache, lengths) => {
                    let mut levels = Vec::new();
                    for level in engine.advanced() {
                        levels.push(engine.read(level).await?);
                    }
                    for i in 0..chosen.len() {
                        let one = levels.iter().zip(*lengths).flat_map(|(level, n)| &level[i * n..][..n]);
                        cache.push(one.copied().collect())?;
                    }
                }
            }
            done += chosen.len();
            if progress(done).await {
                return Err(Error::Interrupted(String::new()));
            }
        }
        Ok(features)
    }
}

/// Stage 2 on the GPU.
pub(super) struct GpuDistill {
    engine: Distill,
}

impl GpuDistill {
    /// Continues from the model's student and, if there is one, an optimizer's record.
    ///
    /// # Errors
    /// The device is out of memory, or the record belongs to another training.
    pub async fn new(job: &TrainingJob, gpu: &Arc<Gpu>, model: &Aand, record: Option<&[u8]>) -> Result<Self> {
        let mut engine = Distill::new(Arc::clone(gpu), job.scheme(), &source(model).await?)?;
        if let Some(record) = record {
            let (moments, times) = decode(record)?;
            engine.resume(&moments, &times)?;
        }
        Ok(Self { engine })
    }

    /// Submits a step on the chosen pictures to the GPU.
    ///
    /// # Errors
    /// The device or the cache failed.
    pub fn step(&mut self, features: &mut GpuFeatures, chosen: &[usize], lr: f64) -> Result<()> {
        match features {
            GpuFeatures::Kept(features) => {
                self.engine.step(chosen.len(), lr, |encoder, batch| features.load(chosen, encoder, batch))
            }
            GpuFeatures::Cached(cache, lengths) => {
                let mut start = 0;
                for (k, length) in lengths.iter().enumerate() {
                    let mut values = Vec::with_capacity(chosen.len() * length);
                    for &i in chosen {
                        cache.extend(i, start..start + length, &mut values)?;
                    }
                    self.engine.write(k, &values);
                    start += length;
                }
                self.engine.step(chosen.len(), lr, |_, _| Ok(()))
            }
            GpuFeatures::Anew(..) => Err(Error::Training("the pictures vary, but not in this step".into())),
        }
    }

    /// Submits a step on varying pictures to the GPU, given as normalized pixels `[count, 3, S, S]`.
    ///
    /// # Errors
    /// The device failed.
    pub fn step_anew(
        &mut self,
        features: &mut GpuFeatures,
        pixels: &[f32],
        count: usize,
        lr: f64,
    ) -> Result<()> {
        let GpuFeatures::Anew(teacher, lengths) = features else {
            return Err(Error::Training("the pictures vary, but their features do not".into()));
        };
        teacher.advance(pixels, count)?;
        self.engine.step(count, lr, |encoder, batch| {
            Features::copy(teacher.advanced(), *lengths, count, encoder, batch);
            Ok(())
        })
    }

    /// Steps whose losses were not taken.
    pub fn pending(&self) -> usize {
        self.engine.pending()
    }

    /// Losses of the earliest of them.
    ///
    /// # Errors
    /// The device failed, or a loss is not a number.
    pub async fn losses(&mut self) -> Result<Option<[f64; 2]>> {
        self.engine.losses().await
    }

    /// Copies the present student into the module.
    ///
    /// # Errors
    /// The device failed.
    pub async fn bring(&self, stage: &mut DistillStage) -> Result<()> {
        let tensors = named(self.engine.tensors().await?);
        stage.student = assign(stage.student.clone(), "student", &tensors)?;
        Ok(())
    }

    /// The optimizer's record.
    ///
    /// # Errors
    /// The device failed.
    pub async fn optimizer_record(&self) -> Result<Vec<u8>> {
        let (moments, times) = self.engine.moments().await?;
        encode(&moments, &times)
    }
}

/// Moments and step counts as one safetensors file.
fn encode(moments: &[Tensor], times: &[u32]) -> Result<Vec<u8>> {
    let failed = |e: &dyn std::fmt::Display| Error::Training(format!("cannot encode a checkpoint: {e}"));
    let mut views = Vec::new();
    for (name, shape, values) in moments {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(values));
        views.push((name.as_str(), view.map_err(|e| failed(&e))?));
    }
    let times = serde_json::to_string(times).map_err(|e| failed(&e))?;
    let metadata = HashMap::from([("times".to_owned(), times)]);
    safetensors::serialize(views, Some(metadata)).map_err(|e| failed(&e))
}

fn decode(record: &[u8]) -> Result<(NamedTensors, Vec<u32>)> {
    let damaged = || Error::Training("the checkpoint is incomplete; train anew without `resume`".into());
    let (_, metadata) = SafeTensors::read_metadata(record).map_err(|_| damaged())?;
    let times = metadata.metadata().as_ref().and_then(|m| m.get("times"));
    let times = times.and_then(|times| serde_json::from_str(times).ok()).ok_or_else(damaged)?;
    let file = SafeTensors::deserialize(record).map_err(|_| damaged())?;
    let tensors = file.iter().map(|(name, view)| {
        let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        NamedTensor { name: name.into(), shape: view.shape().to_vec(), values }
    });
    Ok((NamedTensors::new(tensors.collect()), times))
}
