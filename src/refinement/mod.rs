//! A detector that learns from its operator: stage 2 continues from the model's own student on pictures that somebody
//! called good, together with the good pictures that the model keeps, so that these are not forgotten (docs/refine.md).
//!
//! Teacher and amplifier stay unchanged. The new threshold is the higher of two:
//!
//! * the old one, adapted to the new student's level: multiplied by the ratio `new / old` of the two students' scores
//!   of kept pictures that neither has learned from, or by 1 if the model keeps none;
//! * one from the new pictures, each scored by a student that learned from the kept pictures and from the half of the
//!   new ones that does not contain it.

mod check;
mod corrected;
mod plan;
mod sentence;
mod threshold;

use crate::detection::FALSE_ALARMS;
use crate::embedding::{Embedder, coverage};
use crate::gpu::Processor;
use crate::model::{
    Aand, Info, Kept, KeptPicture, MOST_CORRECTIONS, MOST_KEPT, NamedTensors, Refinement, Score, Threshold,
    decode, decode_student, header, tensors_async,
};
use crate::picture::Seen;
use crate::training::{Judge, Observer, draw};
use crate::{Error, Result};
use burn::tensor::{Device, read_sync};
use check::{Checked, scores};
pub use corrected::Corrected;
use plan::{Earlier, StudentPlan};
pub use sentence::corrections;
use std::collections::HashSet;
use std::path::Path;

/// How to refine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Decides everything random.
    pub seed: u64,
    /// How often the student sees each kept picture; it sees new pictures about as often in total.
    pub epochs: usize,
    /// Learning rate, times 0.2 after 80 % and again after 90 % of the epochs.
    pub lr: f64,
    /// Pictures per step.
    pub batch: usize,
    /// The false-alarm rate that the threshold should keep; that of the model's threshold unless given.
    pub false_alarms: Option<f64>,
    /// The share of the kept pictures, of the synthetic anomalies or of the given defects by which the model may become
    /// worse.
    pub margin: f64,
    /// The device that trains and judges.
    pub processor: Processor,
    /// Seconds since 1970, to be recorded in the file.
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

/// A refined model, which the caller may accept or reject.
#[derive(Debug)]
pub struct Refined {
    /// The model; the last of its refinements records what was done.
    pub model: Aand,
    /// Why it should be rejected: what has become worse by more than the margin.
    pub worse: Option<String>,
    /// How many of the good pictures were left out, because the model was refined on them before or they were
    /// given twice.
    pub left_out: usize,
}

impl Refined {
    /// What was done, and how the model judged before and judges now.
    pub fn record(&self) -> Option<&Refinement> {
        self.model.info.refinements.last()
    }

    /// What has changed, in one sentence; empty if nothing was refined.
    pub fn sentence(&self) -> String {
        self.record().map(sentence::of).unwrap_or_default()
    }
}

/// Refines the model file `bytes` (`name` is for messages) on those of the `good` pictures on which it was not refined
/// before; `defects` are only used to check it.
///
/// # Errors
/// The bytes are not a model of this version, it keeps no pictures or has no student, a setting is impossible, there
/// are no good pictures, no new ones, or more than a file can record, the device failed, or the observer asked to stop.
pub fn refine(
    (bytes, name): (&[u8], &Path),
    good: &[Corrected],
    defects: &[Corrected],
    settings: &Settings,
    observer: &mut dyn Observer,
) -> Result<Refined> {
    read_sync(refine_async((bytes, name), good, defects, settings, observer))
}

/// As [`refine`], if reading from the device must be awaited.
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
    let given = good.len();
    let good = new_ones(good, &info.refinements)?;
    check_counts([good.len(), defects.len()], info.refinements.len(), name)?;
    if !(0.0..=1.0).contains(&settings.margin) {
        return Err(Error::Setting(format!("`margin` {}: must be from 0 to 1", settings.margin)));
    }
    let mut before = decode(bytes, name, &Device::flex())?;
    let old = std::mem::take(&mut before.kept);
    if old.pictures.is_empty() {
        let reason = "keeps no good pictures, so that refining it would forget them; train it again (with `keep` above 0)";
        return Err(Error::model(name, reason));
    }
    let earlier = Earlier::of(&info, name)?;
    let start = decode_student(bytes, name, &Device::flex().autodiff())?;
    let plan = StudentPlan { info: &info, settings, earlier: &earlier, teacher: &before.teacher, start };
    let checked = Checked::new(&old, &good, defects, settings.seed);
    let scores_before = checked.scores(&Judge::new(&before, &settings.processor).await?).await?;

    // Each half of the new pictures is scored by a student that learned from the other half.
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
            let of_new = scores(&judge, of(true).into_iter()).await?;
            left_out.push((of_new, scores(&judge, checked.unlearned()).await?));
        }
    }
    let mut model = plan.go_on(&learned, &all, observer).await?;
    let scores_after = checked.scores(&Judge::new(&model, &settings.processor).await?).await?;

    let unlearned = checked.of_unlearned(&scores_before).into_iter().zip(checked.of_unlearned(&scores_after));
    let unlearned: Vec<(f64, f64)> = unlearned.collect();
    let new = threshold::on_the_models_level(&left_out, &unlearned);
    let asked =
        settings.false_alarms.unwrap_or(info.threshold.stated.map_or(FALSE_ALARMS, |stated| stated.asked));
    let found = threshold::both(&info.threshold, &unlearned, &new, asked);
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
    model.kept = keep(&before, old, &all, (earlier.keep, settings.seed)).await?;
    model.info = with_record(info, found, record);
    Ok(Refined { model, worse, left_out: given - good.len() })
}

/// The good pictures on which the model was not refined yet, each once: a picture given again is no new evidence, and
/// two equal ones, at distance 0, would make any other look far.
fn new_ones<'a>(given: &'a [Corrected], refinements: &[Refinement]) -> Result<Vec<&'a Corrected>> {
    if given.is_empty() {
        return Err(Error::Setting("there are no good pictures to refine on".into()));
    }
    let earlier = refinements.iter().flat_map(|refinement| &refinement.good);
    let mut known: HashSet<&str> = earlier.map(|correction| correction.sha256.as_str()).collect();
    let new: Vec<&Corrected> = given.iter().filter(|one| known.insert(&one.correction.sha256)).collect();
    if new.is_empty() {
        let reason = "the model was refined on all of these pictures before; give new ones";
        return Err(Error::Setting(reason.into()));
    }
    Ok(new)
}

/// Refuses beforehand counts that would give a file that cannot be opened.
fn check_counts([good, defects]: [usize; 2], refinements: usize, name: &Path) -> Result<()> {
    for (what, count) in [("good", good), ("defects", defects)] {
        if count > MOST_CORRECTIONS {
            return Err(Error::Setting(format!(
                "`{what}` has {count} pictures: must be {MOST_CORRECTIONS} at most; refine on some of them first"
            )));
        }
    }
    if refinements >= MOST_CORRECTIONS {
        let reason =
            format!("was refined {refinements} times, and more its file cannot tell of; train it again");
        return Err(Error::model(name, reason));
    }
    Ok(())
}

fn with_record(mut info: Info, threshold: Threshold, record: Refinement) -> Info {
    info.threshold = threshold;
    info.refinements.push(record);
    info.program = concat!("aand ", env!("CARGO_PKG_VERSION")).into();
    info
}

/// What the `model` keeps from now on: the pictures, old and new, that best cover all those learned from, at least as
/// many as the training was `asked` to keep; and the embeddings, including those of the new pictures.
async fn keep(model: &Aand, old: Kept, new: &[&Seen<'static>], (asked, seed): (usize, u64)) -> Result<Kept> {
    let embedder = Embedder::new(&model.info, &NamedTensors::new(tensors_async(model).await?))?;
    let (mut learned, unlearned): (Vec<KeptPicture>, Vec<KeptPicture>) =
        old.pictures.into_iter().partition(|kept| kept.learned);
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
    let mut kept = Kept::default();
    kept.embeddings = all.into_iter().zip(stay).filter(|(_, stay)| *stay).map(|(e, _)| e).collect();
    // The pictures that show the level of unlearned pictures are never dropped.
    kept.fill(unlearned, MOST_KEPT)?;
    kept.fill(coverage(&embeddings, embeddings.len()).into_iter().map(|i| learned[i].clone()), count)?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Correction, Standing};
    use crate::picture::{Picture, Size};
    use std::borrow::Cow;

    fn correction(hash: &str) -> Correction {
        Correction { name: "0412.png".into(), sha256: hash.into() }
    }

    fn corrected(hash: &str) -> Corrected {
        let seen = Seen { picture: Cow::Owned(Picture::new(1, 1)), native: Size::square(1) };
        Corrected { seen, correction: correction(hash) }
    }

    #[test]
    fn a_picture_is_learned_from_once() {
        let refined = Refinement {
            when: None,
            seed: 0,
            steps: 1,
            good: vec![correction("a")],
            // Nothing was learned from this one.
            defects: vec![correction("b")],
            before: Standing::default(),
            after: Standing::default(),
        };
        let given = ["a", "b", "c", "b"].map(corrected);
        let found = new_ones(&given, std::slice::from_ref(&refined)).unwrap();
        let found: Vec<&str> = found.iter().map(|one| one.correction.sha256.as_str()).collect();
        assert_eq!(found, ["b", "c"]);
        assert_eq!(new_ones(&given, &[]).unwrap().len(), 3);
        let said = new_ones(&given[..1], &[refined]).unwrap_err().to_string();
        assert_eq!(said, "the model was refined on all of these pictures before; give new ones");
    }

    #[test]
    fn what_no_file_can_tell_of_is_refused_beforehand() {
        let most = MOST_CORRECTIONS;
        let checked = |counts, refinements| check_counts(counts, refinements, Path::new("m.aand"));
        assert!(checked([most, most], most - 1).is_ok());
        for (counts, refinements, said) in [
            ([most + 1, 0], 0, "`good` has 10001 pictures"),
            ([1, most + 1], 0, "`defects` has 10001 pictures"),
            ([1, 0], most, "m.aand: was refined 10000 times"),
        ] {
            let error = checked(counts, refinements).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
