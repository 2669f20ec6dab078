//! Training on a person's own good pictures.

use super::error::thrown;
use super::remark::remark;
use super::training_device::processor;
use super::training_watch::TrainingObserver;
use crate::amplification::RaaOptions;
use crate::gpu::Processor;
use crate::model::{Info, Precision, Score, decode, decode_student, encode_async, header};
use crate::picture::{self, Size, View};
use crate::synthesis::{Foreground, plainest_defect};
use crate::teacher::Teacher;
use crate::training::{
    Film, Good, Preset, Settings, TrainingJob, draw, fingerprint_of, train_async, trained_on,
};
use crate::{Error, Result};
use burn::tensor::Device;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::path::Path;
use wasm_bindgen::prelude::*;

/// The fewest good pictures worth training on.
const FEWEST_PICTURES: usize = 5;

/// Frames of a film; each takes about as long as looking inside two pictures.
const FRAMES: usize = 8;

/// The page's request; everything else is as in `aand train`.
#[derive(Deserialize)]
struct Wanted {
    /// The model's name.
    name: String,
    /// Input side in pixels; an earlier model keeps its own.
    size: Size,
    /// Pictures per step.
    batch: usize,
    /// Decides everything random.
    seed: u64,
    /// Whether stage 1 takes place.
    amplify: bool,
    /// About how many steps each stage takes; those of the preset `quick` unless given.
    steps: Option<[usize; 2]>,
    /// The stored values that are black and white in pictures of more than 8 bits, as in `0..4095`; an earlier
    /// model keeps its own.
    range: Option<picture::Range>,
}

/// A training in preparation.
#[wasm_bindgen]
pub struct Trainer {
    wanted: Wanted,
    processor: Processor,
    /// An earlier model to continue from.
    earlier: Option<(Vec<u8>, Info)>,
    good: Vec<Good>,
    /// The pictures' names, and the SHA-256 of their contents.
    identity: Vec<(String, [u8; 32])>,
    job: Option<TrainingJob>,
    /// The film of a finished training.
    film: Option<Vec<u8>>,
}

#[wasm_bindgen]
impl Trainer {
    /// A training of `wanted` (JSON: name, size, batch, seed, amplify, steps, range), on the GPU that the browser
    /// prefers or on the CPU, from scratch or from the bytes of an earlier model.
    ///
    /// # Errors
    /// `TrainingError`: a setting is impossible. `ModelError`: the earlier model is not a model.
    /// `DetectionError`: there is no GPU.
    pub async fn open(
        wanted: String,
        gpu: bool,
        earlier: Option<Vec<u8>>,
    ) -> std::result::Result<Trainer, JsValue> {
        Self::new(&wanted, gpu, earlier).await.map_err(thrown)
    }

    /// Adds a good picture. Returns a remark on how its values are stored (the page's `Remark`, as JSON),
    /// `None` if they fit.
    ///
    /// # Errors
    /// `PictureError`: the bytes are not a picture, are damaged, or too large.
    pub fn add(&mut self, bytes: Vec<u8>, name: String) -> std::result::Result<Option<String>, JsValue> {
        let decoded = picture::decode_ranged(&bytes, Path::new(&name), self.range());
        let (picture, details) = decoded.map_err(thrown)?;
        if let Some(reason) = self.view().misfit(Size::of(&picture)) {
            return Err(thrown(Error::picture(&name, reason)));
        }
        self.good.push(Good::new(&picture, &Foreground::default(), self.wanted.size, &self.view()));
        self.identity.push((name, Sha256::digest(&bytes).into()));
        Ok(remark(&details, self.range()))
    }

    /// Holds pictures out, loads the teacher and plans the epochs. Returns a summary as JSON: `pictures` to train
    /// on, `heldOut`, and `steps` of each stage.
    ///
    /// # Errors
    /// `TrainingError`: there are too few pictures, or a setting is impossible.
    pub fn plan(&mut self) -> std::result::Result<String, JsValue> {
        self.prepare().map_err(thrown)
    }

    /// Runs both stages and returns the model's file. `tell` receives every event as JSON, and may answer `stop`,
    /// or at the end of an epoch `model`: then `keep` receives the file of the present model. The promise that
    /// `idle` returns is awaited after each event. Afterwards, [`film`](Self::film) is available.
    ///
    /// # Errors
    /// `TrainingError`: a loss is not a number, or it was stopped. `DetectionError`: the device failed.
    pub async fn train(
        &mut self,
        tell: js_sys::Function,
        idle: js_sys::Function,
        keep: js_sys::Function,
    ) -> std::result::Result<Vec<u8>, JsValue> {
        self.run(TrainingObserver::new(tell, idle, Some(keep))).await.map_err(thrown)
    }

    /// The film of stage 2 on one of the good pictures without and with a synthetic anomaly, once the training is done:
    /// the bytes of a safetensors file ([`Film::encode`]).
    pub fn film(&mut self) -> Option<Vec<u8>> {
        self.film.take()
    }
}

impl Trainer {
    async fn new(wanted: &str, gpu: bool, earlier: Option<Vec<u8>>) -> Result<Self> {
        let wanted = serde_json::from_str(wanted);
        let mut wanted: Wanted = wanted.map_err(|e| Error::Setting(format!("unknown settings: {e}")))?;
        let earlier = match earlier {
            None => None,
            Some(bytes) => {
                let info = header(&bytes, Path::new("the model"))?;
                if info.score != Score::Discrepancy {
                    let reason = "this model has no student to go on from; train from scratch";
                    return Err(Error::Training(reason.into()));
                }
                wanted.size = info.size;
                Some((bytes, info))
            }
        };
        let processor = processor(gpu).await?;
        Ok(Self { wanted, processor, earlier, good: Vec::new(), identity: Vec::new(), job: None, film: None })
    }

    fn prepare(&mut self) -> Result<String> {
        let count = self.good.len();
        if count < FEWEST_PICTURES {
            let reason = format!("too few usable pictures, {count}; give {FEWEST_PICTURES} or more");
            return Err(Error::Training(reason));
        }
        let settings = self.settings(count);
        settings.check()?;
        let (teacher, source, start) = match &self.earlier {
            None => (Teacher::embedded(&Device::flex())?, "the embedded teacher".into(), None),
            Some((bytes, info)) => {
                let name = Path::new("the model");
                let teacher = decode(bytes, name, &Device::flex())?.teacher;
                let start = decode_student(bytes, name, &Device::flex().autodiff())?;
                let source = info.teacher.strip_prefix(&format!("{} from ", info.backbone));
                let source = source.unwrap_or(&info.teacher).to_string();
                (teacher, source, Some(start))
            }
        };
        let identity = self.identity.iter().map(|(name, content)| {
            let part = name.as_bytes();
            (std::iter::once(part), *content)
        });
        let drawn = draw(count, settings.held_out(count), settings.seed);
        let names = self.identity.iter().zip(drawn);
        let held_out: Vec<String> =
            names.filter(|(_, drawn)| *drawn).map(|((name, _), _)| name.clone()).collect();
        let contents: Vec<_> = self.identity.iter().map(|(_, content)| *content).collect();
        let learned = trained_on(&contents, &settings);
        let job = TrainingJob {
            name: self.wanted.name.clone(),
            learned: match &self.earlier {
                Some((_, info)) => learned.and(&info.all_learned()),
                None => learned,
            },
            data_fingerprint: fingerprint_of(identity),
            start,
            processor: self.processor.clone(),
            ..TrainingJob::of(std::mem::take(&mut self.good), settings, teacher, source)
        };
        let steps = job.items().div_ceil(job.settings.batch);
        let summary = serde_json::json!({
            "pictures": job.pictures.len(),
            "heldOut": job.held_out.len(),
            "heldOutNames": held_out,
            "steps": [steps * job.settings.epochs_amplify, steps * job.settings.epochs_distill],
        });
        self.job = Some(job);
        Ok(summary.to_string())
    }

    /// The settings for `count` good pictures, including those to be held out.
    fn settings(&self, count: usize) -> Settings {
        let wanted = &self.wanted;
        let defaults = Settings::default();
        let fit = count - defaults.held_out(count);
        let [mut amplify, distill] = match wanted.steps {
            None => Preset::Quick.epochs(fit, wanted.batch),
            Some(steps) => steps.map(|s| s.div_ceil(fit.div_ceil(wanted.batch.max(1))).max(1)),
        };
        if !wanted.amplify {
            amplify = 0;
        }
        let raa = match &self.earlier {
            // Only stage 1 switches on a generator that was never trained.
            Some((_, info)) => RaaOptions { generator: info.raa.generator || wanted.amplify, ..info.raa },
            None => defaults.raa,
        };
        Settings {
            size: wanted.size,
            view: self.view(),
            seed: wanted.seed,
            batch: wanted.batch,
            epochs_amplify: amplify,
            epochs_distill: distill,
            raa,
            precision: Precision::F16,
            range: self.range(),
            ..defaults
        }
    }

    /// The range in which pictures are read: an earlier model's own, else the one asked for.
    fn range(&self) -> Option<picture::Range> {
        self.earlier.as_ref().map_or(self.wanted.range, |(_, info)| info.range)
    }

    /// How the earlier model looks at pictures, if there is one.
    fn view(&self) -> View {
        self.earlier.as_ref().map(|(_, info)| info.view.clone()).unwrap_or_default()
    }

    async fn run(&mut self, mut watch: TrainingObserver) -> Result<Vec<u8>> {
        let job = self.job.take();
        let job = job.ok_or_else(|| Error::Training("the training was not planned".into()))?;
        watch.film = filmed(&job);
        let model = train_async(&job, &mut watch).await?;
        // A failed film does not make the model worse.
        self.film = watch.film.and_then(|film| film.encode(&model.info).ok());
        encode_async(&model).await
    }
}

/// A film of a good picture without and with a synthetic anomaly.
fn filmed(job: &TrainingJob) -> Option<Film> {
    let Settings { size, view, .. } = &job.settings;
    if !size.is_square() || !view.shows_whole_maps() {
        return None;
    }
    let picture = job.held_out.first().or(job.pictures.first())?.picture.as_ref();
    let made = plainest_defect(picture, job.settings.seed);
    let mut film = Film::new(size.width, FRAMES);
    film.add("good/0".into(), picture, false, None);
    film.add("synthetic anomaly/0".into(), &made.picture, true, Some(made.mask));
    Some(film)
}
