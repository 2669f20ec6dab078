//! Advice about a data set: what is likely to go wrong, and what would help.

use super::{Advice, Findings, Level, MaskFault};
use crate::metrics::{CONFIDENCE, needed, percent, supported};

/// With fewer good pictures than this, results depend a lot on which ones they are.
const FEW: usize = 20;

/// If the aspects of two pictures differ by more than this factor, scaling both to one shape distorts one of them visibly.
const ASPECT_TOLERANCE: f64 = 1.05;

/// Pictures of one size.
pub(super) struct Size {
    pub width: u32,
    pub height: u32,
}

/// Advice on the findings, the gravest first: adds what the pictures show to `advice`, which comes from the listing.
/// `sizes` are those of the readable pictures.
pub(super) fn judge(found: &Findings, sizes: &[Size], mut advice: Vec<Advice>) -> Vec<Advice> {
    let mut say = |level, text: String| advice.push(Advice { level, text });

    if !found.unreadable.is_empty() {
        let count = found.unreadable.len();
        say(Level::Error, format!("{} cannot be read; repair or remove", files(count)));
    }
    if !found.leaks.is_empty() {
        let count = found.leaks.len();
        let text = "both in train and in test: test numbers would be too good; remove from one";
        say(Level::Error, format!("{} {text}", pictures(count)));
    }
    if !found.masks_of_other_size.is_empty() {
        let count = found.masks_of_other_size.len();
        let text = "of another size than the picture: pixel numbers would be wrong; export again";
        say(Level::Error, format!("{count} mask(s) {text}"));
    }
    few_good(found.train, &mut say);
    if !found.duplicates_in_train.is_empty() {
        let more: usize = found.duplicates_in_train.iter().map(|group| group.len() - 1).sum();
        let text = "of the training pictures are copies of others; a training leaves them out";
        say(Level::Warning, format!("{more} {text}"));
    }
    mixed_sizes(sizes, &mut say);
    masks(found, &mut say);
    if found.turned > 0 {
        let text = "turned as the EXIF orientation says; masks must be drawn on the turned picture";
        say(Level::Note, format!("{} {text}", pictures(found.turned)));
    }
    if found.all_grey {
        say(Level::Note, "all pictures are grey; color plays no part".into());
    }
    match (found.test_good, found.test_anomalous) {
        (0, 0) => say(Level::Note, "no labeled pictures: it can be trained on, not evaluated".into()),
        (0, _) => say(Level::Warning, "no good pictures in test: image AUROC cannot be computed".into()),
        (_, 0) => say(Level::Warning, "no anomalous pictures in test: AUROC cannot be computed".into()),
        _ => {}
    }
    advice.sort_by_key(|advice| advice.level);
    advice
}

/// A rate of false alarms that a production line can tolerate at first.
const MODEST: f64 = 0.1;

fn few_good(train: usize, say: &mut impl FnMut(Level, String)) {
    let enough = needed(MODEST, CONFIDENCE);
    if train < enough {
        let text = format!(
            "few for a threshold: they support {} false alarms",
            percent(supported(train, CONFIDENCE))
        );
        let more = "and expect false alarms on good parts that look a little different";
        let more = if train < FEW { format!(", {more}") } else { String::new() };
        let take =
            format!("take at least {enough} for {}, {} for 1 %", percent(MODEST), needed(0.01, CONFIDENCE));
        say(Level::Warning, format!("only {} for training: {text}{more}; {take}", good(train)));
    }
}

fn mixed_sizes(sizes: &[Size], say: &mut impl FnMut(Level, String)) {
    let aspects = sizes.iter().map(|size| f64::from(size.width) / f64::from(size.height));
    let (low, high) = aspects
        .fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), aspect| (low.min(aspect), high.max(aspect)));
    if high > low * ASPECT_TOLERANCE {
        let text = "all are scaled to one shape, which distorts parts differently; crop them alike, or give `--fit pad`";
        say(Level::Warning, format!("aspect ratios from {low:.2} to {high:.2}: {text}"));
    } else if sizes.len() > 1 {
        say(Level::Note, format!("{} different sizes, all of the same shape", sizes.len()));
    }
}

fn masks(found: &Findings, say: &mut impl FnMut(Level, String)) {
    let missing = found.masks_missing.len();
    if missing > 0 && missing == found.test_anomalous {
        say(Level::Note, "no masks: evaluation gives image metrics only".into());
    } else if missing > 0 {
        let text = "anomalous picture(s) without a mask: left out of the pixel metrics";
        say(Level::Warning, format!("{missing} {text}"));
    }
    for (fault, masks) in [
        (MaskFault::Empty, &found.masks_empty),
        (MaskFault::Inverted, &found.masks_inverted),
        (MaskFault::Alpha, &found.masks_in_alpha),
        (MaskFault::Vanishing, &found.masks_vanishing),
        (MaskFault::Shared, &found.masks_shared),
    ] {
        if !masks.is_empty() {
            let Advice { level, text } = fault.advice(masks.len());
            say(level, text);
        }
    }
    if !found.masks_without_picture.is_empty() {
        let text = "mask(s) without a picture; a mask is called like its picture, or STEM_mask";
        say(Level::Warning, format!("{} {text}", found.masks_without_picture.len()));
    }
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".into() } else { format!("{count} files") }
}

fn pictures(count: usize) -> String {
    if count == 1 { "1 picture is".into() } else { format!("{count} pictures are") }
}

fn good(count: usize) -> String {
    if count == 1 { "1 good picture".into() } else { format!("{count} good pictures") }
}
