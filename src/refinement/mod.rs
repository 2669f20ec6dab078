//! A detector that learns from its operator: stage 2 goes on from the model's own student on pictures that somebody called
//! good, together with the good pictures that the model keeps, so that these are not forgotten (docs/refine.md).
//!
//! Teacher and amplifier stay as they are. The threshold afterwards is the higher of two:
//!
//! * the one from before, at the new student's level: its scores times the ratio `new / old` of what the two students say of
//!   kept pictures that neither has learned from;
//! * one from the new pictures, each scored by a student that learned from the kept ones and from half of the new ones, not
//!   from it.

mod check;
mod plan;
mod threshold;

use crate::detection::FALSE_ALARMS;
use crate::embedding::{Embedder, coverage};
use crate::gpu::Processor;
use crate::model::{
    Aand, Correction, Info, Kept, KeptPicture, MOST_KEPT, NamedTensors, Refinement, Score, Threshold, decode,
    header, kept, tensors_async,
};
use crate::picture::Seen;
use crate::training::{Observer, draw};
use crate::{Error, Result};
use burn::tensor::{Device, read_sync};
use check::{Checked, Judge};
use plan::Plan;
use std::path::Path;

/// How to refine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Decides everything random.
    pub seed: u64,
    /// How often the student sees each kept picture, and about as often new ones altogether.
    pub epochs: usize,
    /// Learning rate, times 0.2 after 80 % and again after 90 % of the epochs.
    pub lr: f64,
    /// Pictures per step.
    pub batch: usize,
    /// The false-alarm rate that the threshold is to keep; that of the model's threshold unless given.
    pub false_alarms: Option<f64>,
    /// By how large a share of the kept pictures, of the synthetic anomalies or of the given defects the model may become
    /// worse.
    pub margin: f64,
    /// What trains and judges.
    pub processor: Processor,
    /// Seconds since 1970, to be told in the file.
    pub when: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 0,
            epochs: 12,
            lr: 0.001,
            batch: 16,
            false_alarms: None,
            margin: 0.05,
            processor: Processor::Cpu,
            when: None,
        }
    }
}

/// A picture that somebody corrected the model by.
#[derive(Clone, Debug)]
pub struct Corrected {
    /// As the model looks at it.
    pub seen: Seen<'static>,
    /// Its name and hash.
    pub correction: Correction,
}

/// A refined model, which nobody has to take.
#[derive(Debug)]
pub struct Refined {
    /// The model, with what was done as the last of its refinements.
    pub model: Aand,
    /// Why it should not be taken: what has become worse by more than the margin.
    pub worse: Option<String>,
}

impl Refined {
    /// What was done, and what the model said before and says now.
    pub fn record(&self) -> Option<&Refinement> {
        self.model.info.refinements.last()
    }
}

/// Refines the model file `bytes` (`name` is for messages) on `good` pictures; by `defects` it is checked only.
///
/// # Errors
/// The bytes are no model of this version, it keeps no pictures or has no student, a setting is impossible, there are no good
/// pictures, the device failed, or the observer asked to stop.
pub fn refine(
    (bytes, name): (&[u8], &Path),
    good: &[Corrected],
    defects: &[Corrected],
    settings: &Settings,
    observer: &mut dyn Observer,
) -> Result<Refined> {
    read_sync(refine_async((bytes, name), good, defects, settings, observer))
}

/// As [`refine`], where reading from the device must be awaited.
///
/// # Errors
/// As [`refine`].
pub async fn refine_async(
    (bytes, name): (&[u8], &Path),
    good: &[Corrected],
    defects: &[Corrected],
    settings: &Settings,
    observer: &mut dyn Observer,
) -> Result<Refined> {
    let info = header(bytes, name)?;
    if info.score == Score::Gate {
        return Err(Error::model(name, "scores by its gate and has no student to refine; train it again"));
    }
    let old = kept(bytes, name)?;
    if old.pictures.is_empty() {
        let reason = "keeps no good pictures, so that refining it would forget them; train it again (with `keep` above 0)";
        return Err(Error::model(name, reason));
    }
    if good.is_empty() {
        return Err(Error::Setting("there are no good pictures to refine on".into()));
    }
    if !(0.0..=1.0).contains(&settings.margin) {
        return Err(Error::Setting(format!("`margin` {}: must be from 0 to 1", settings.margin)));
    }
    let before = decode(bytes, name, &Device::flex())?;
    let rest = decode(bytes, name, &Device::flex().autodiff())?;
    let plan =
        Plan { info: &info, settings, teacher: &before.teacher, start: (rest.amplifier, rest.student) };
    let checked = Checked::new(&old, good, defects, settings.seed)?;
    let judge = Judge::new(&before, &settings.processor).await?;
    let scores_before = judge.all(&checked).await?;

    // Each half of the new pictures by a student that learned from the other.
    let learned: Vec<&Seen<'static>> = old.pictures.iter().filter(|k| k.learned).map(|k| &k.seen).collect();
    let all: Vec<&Seen<'static>> = good.iter().map(|corrected| &corrected.seen).collect();
    let halves = draw(all.len(), all.len() / 2, settings.seed);
    let mut left_out: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    if all.len() >= threshold::FEWEST_NEW {
        for half in [true, false] {
            let of = |own: bool| -> Vec<&Seen<'static>> {
                all.iter()
                    .zip(&halves)
                    .filter(|(_, drawn)| (**drawn == half) == own)
                    .map(|(seen, _)| *seen)
                    .collect()
            };
            let student = plan.go_on(&learned, &of(false), observer).await?;
            let judge = Judge::new(&student, &settings.processor).await?;
            left_out
                .push((judge.scores(of(true).into_iter()).await?, judge.scores(checked.unlearned()).await?));
        }
    }
    let mut model = plan.go_on(&learned, &all, observer).await?;
    let scores_after = Judge::new(&model, &settings.processor).await?.all(&checked).await?;

    let unlearned = checked.of_unlearned(&scores_before).into_iter().zip(checked.of_unlearned(&scores_after));
    let unlearned: Vec<(f64, f64)> = unlearned.collect();
    let new = threshold::on_the_models_level(&left_out, &unlearned);
    let asked =
        settings.false_alarms.unwrap_or(info.threshold.stated.map_or(FALSE_ALARMS, |stated| stated.asked));
    let found = threshold::both(&info.threshold, &unlearned, &scores_after.kept, &new, asked);
    let standing_before = scores_before.standing(info.threshold.value, &scores_before.new);
    let judged_new = if new.is_empty() { &scores_after.new } else { &new };
    let standing_after = scores_after.standing(found.value, judged_new);
    let worse = check::worse(&standing_before, &standing_after, settings.margin);
    let record = Refinement {
        when: settings.when,
        seed: settings.seed,
        steps: plan.steps(learned.len(), all.len()),
        good: good.iter().map(|corrected| corrected.correction.clone()).collect(),
        defects: defects.iter().map(|corrected| corrected.correction.clone()).collect(),
        before: standing_before,
        after: standing_after,
    };
    model.kept = keep(&before, &info, old, &all, settings.seed).await?;
    model.info = with_record(info, found, record);
    Ok(Refined { model, worse })
}

fn with_record(mut info: Info, threshold: Threshold, record: Refinement) -> Info {
    info.threshold = threshold;
    info.refinements.push(record);
    info.program = concat!("aand ", env!("CARGO_PKG_VERSION")).into();
    info
}

/// What the model keeps from now on: of the pictures learned from, old and new, those that cover the others best, as many as
/// the training kept at least; and the embeddings of the new ones among the others.
async fn keep(model: &Aand, info: &Info, old: Kept, new: &[&Seen<'static>], seed: u64) -> Result<Kept> {
    let embedder = Embedder::new(info, &NamedTensors::new(tensors_async(model).await?))?;
    let (mut learned, unlearned): (Vec<KeptPicture>, Vec<KeptPicture>) =
        old.pictures.into_iter().partition(|kept| kept.learned);
    let asked = info.training.get("keep").and_then(serde_json::Value::as_u64).unwrap_or_default() as usize;
    let count = asked
        .saturating_sub(unlearned.len())
        .max(learned.len())
        .min(MOST_KEPT - unlearned.len().min(MOST_KEPT));
    learned.extend(new.iter().map(|seen| KeptPicture { seen: (*seen).clone(), learned: true }));
    let seen: Vec<Seen<'_>> = learned.iter().map(|kept| kept.seen.borrowed()).collect();
    let embeddings = embedder.embed_all(&seen)?;
    let mut all = old.embeddings;
    all.extend(embeddings[embeddings.len() - new.len()..].iter().cloned());
    let stay = draw(all.len(), MOST_KEPT, seed);
    let mut kept = Kept {
        embeddings: all.into_iter().zip(stay).filter(|(_, stay)| *stay).map(|(e, _)| e).collect(),
        ..Kept::default()
    };
    let mut bytes = 0;
    // Those that tell the level of new pictures are not given up.
    for picture in unlearned {
        kept.add(picture, &mut bytes)?;
    }
    let most = kept.pictures.len() + count;
    for i in coverage(&embeddings, embeddings.len()) {
        if kept.pictures.len() < most {
            kept.add(learned[i].clone(), &mut bytes)?;
        }
    }
    Ok(kept)
}
