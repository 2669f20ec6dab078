//! Reads every picture and mask of a data set and records what it finds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::advice::{Size, judge};
use super::findings::{Findings, OtherSize, Tally};
use super::{Dataset, MaskFault, Unreadable, mask_files, open_mask};
use crate::error::{Error, Result};
use crate::hash::sha256_of;
use crate::listing::{Advice, Level, below};
use crate::picture::{Details, Remarks, decode_detailed};

/// The side of the network's input unless another is given, at which small masks vanish.
pub const USUAL_SIZE: usize = 256;

/// A pixel whose channels differ by no more than this is grey: JPEG changes them a little.
const GREY_TOLERANCE: u8 = 3;

/// Reads all pictures and masks of `dataset`, on all cores, and reports what is in it and what is wrong
/// with it. It never fails: an unreadable file is a finding.
pub fn inspect(dataset: &Dataset) -> Findings {
    let mut found = Findings::listed(dataset);
    // Pictures that cannot be opened are reported like those that cannot be decoded.
    let (sealed, folders) =
        found.left_out.unreadable.drain(..).partition(|file| !dataset.root.join(&file.path).is_dir());
    (found.unreadable, found.left_out.unreadable) = (sealed, folders);
    let listed = Dataset { left_out: found.left_out.clone(), ..dataset.clone() }.advice();
    let paths: Vec<&Path> = pictures(dataset).collect();
    let facts: Vec<_> = paths.par_iter().map(|path| Facts::of(path)).collect();

    let readable: BTreeMap<&Path, &Facts> =
        paths.iter().zip(&facts).filter_map(|(path, facts)| Some((*path, facts.as_ref().ok()?))).collect();
    for (path, facts) in paths.iter().zip(&facts) {
        if let Err(error) = facts {
            found.unreadable.push(unreadable(dataset, path, error));
        }
    }
    found.formats = tally(readable.values().map(|facts| facts.details.format.to_string()));
    found.modes = tally(readable.values().map(|facts| facts.details.mode.clone()));
    found.sizes = tally(readable.values().map(|facts| format!("{} x {}", facts.size.0, facts.size.1)));
    found.turned = readable.values().filter(|facts| facts.details.turned).count();
    found.all_grey = !readable.is_empty() && readable.values().all(|facts| facts.grey);

    masks(dataset, &readable, &mut found);
    duplicates(dataset, &readable, &mut found);
    let sizes: BTreeSet<_> = readable.values().map(|facts| facts.size).collect();
    let sizes: Vec<Size> = sizes.into_iter().map(|(width, height)| Size { width, height }).collect();
    found.advice = judge(&found, &sizes, listed);
    let remarks = Remarks::on(None, readable.values().map(|facts| &facts.details)).lines();
    found.advice.extend(remarks.into_iter().map(|text| Advice { level: Level::Warning, text }));
    found.advice.sort_by_key(|advice| advice.level);
    found
}

fn pictures(dataset: &Dataset) -> impl Iterator<Item = &Path> {
    let test = dataset.test.iter().map(|sample| sample.path.as_path());
    dataset.train.iter().map(PathBuf::as_path).chain(test)
}

/// The properties of one readable picture.
struct Facts {
    digest: String,
    size: (u32, u32),
    details: Details,
    grey: bool,
}

impl Facts {
    fn of(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::io(path, source))?;
        let (picture, details) = decode_detailed(&bytes, path)?;
        let grey = picture.pixels().all(|pixel| {
            let [r, g, b] = pixel.0;
            r.max(g).max(b) - r.min(g).min(b) <= GREY_TOLERANCE
        });
        Ok(Self { digest: sha256_of(&bytes), size: picture.dimensions(), details, grey })
    }
}

fn unreadable(dataset: &Dataset, path: &Path, error: &Error) -> Unreadable {
    let reason = match error {
        Error::Picture { reason, .. } => reason.clone(),
        Error::Io { source, .. } => source.to_string(),
        other => other.to_string(),
    };
    Unreadable { path: dataset.relative(path).into(), reason }
}

/// Counts equal values, the most frequent first, then by value.
fn tally(values: impl Iterator<Item = String>) -> Vec<Tally> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut tallies: Vec<Tally> = counts.into_iter().map(|(value, count)| Tally { value, count }).collect();
    tallies.sort_by_key(|tally| std::cmp::Reverse(tally.count));
    tallies
}

fn masks(dataset: &Dataset, readable: &BTreeMap<&Path, &Facts>, found: &mut Findings) {
    let pairs: Vec<(&Path, &Path)> = dataset
        .test
        .iter()
        .filter_map(|sample| Some((sample.path.as_path(), sample.mask.as_deref()?)))
        .collect();
    let opened: Vec<_> = pairs.par_iter().map(|(_, mask)| open_mask(mask)).collect();
    for ((picture, path), mask) in pairs.iter().zip(opened) {
        let mask = match mask {
            Ok(mask) => mask,
            Err(error) => {
                found.unreadable.push(unreadable(dataset, path, &error));
                continue;
            }
        };
        let list = match MaskFault::of(path, &mask, Some(USUAL_SIZE.into())) {
            Some(MaskFault::Empty) => Some(&mut found.masks_empty),
            Some(MaskFault::Inverted) => Some(&mut found.masks_inverted),
            Some(MaskFault::Alpha) => Some(&mut found.masks_in_alpha),
            Some(MaskFault::Vanishing) => Some(&mut found.masks_vanishing),
            Some(MaskFault::Shared) | None => None,
        };
        if let Some(list) = list {
            list.push(dataset.relative(path).into());
        }
        let mask_size = (mask.width as u32, mask.height as u32);
        if let Some(facts) = readable.get(picture)
            && facts.size != mask_size
        {
            let mask = dataset.relative(path).into();
            found.masks_of_other_size.push(OtherSize { mask, mask_size, picture_size: facts.size });
        }
    }
    let bare = dataset.test.iter().filter(|sample| sample.defect.is_some() && sample.mask.is_none());
    found.masks_missing = bare.map(|sample| dataset.relative(&sample.path).into()).collect();

    let used: BTreeSet<&Path> = pairs.iter().map(|(_, mask)| *mask).collect();
    match below(&dataset.root).and_then(|all| mask_files(&all, dataset)) {
        Ok(files) => {
            let orphans = files.iter().filter(|file| !file.ancestors().any(|place| used.contains(place)));
            found.masks_without_picture = orphans.map(|file| dataset.relative(file).into()).collect();
        }
        Err(Error::Io { path, source }) => {
            found.unreadable.push(unreadable(dataset, &path.clone(), &Error::Io { path, source }));
        }
        Err(error) => found.unreadable.push(unreadable(dataset, &dataset.root, &error)),
    }
}

fn duplicates(dataset: &Dataset, readable: &BTreeMap<&Path, &Facts>, found: &mut Findings) {
    let train: BTreeSet<&Path> = dataset.train.iter().map(PathBuf::as_path).collect();
    let mut groups: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    // In the order of the lists, so that the findings are the same every time.
    for path in pictures(dataset) {
        if let Some(facts) = readable.get(path) {
            groups.entry(&facts.digest).or_default().push(path);
        }
    }
    let relative =
        |paths: &[&Path]| paths.iter().map(|path| dataset.relative(path).to_path_buf()).collect::<Vec<_>>();
    for group in groups.values().filter(|group| group.len() > 1) {
        let (learned, tested): (Vec<_>, Vec<_>) =
            group.iter().copied().partition(|path| train.contains(path));
        if learned.len() > 1 {
            found.duplicates_in_train.push(relative(&learned));
        }
        if !learned.is_empty() && !tested.is_empty() {
            found.leaks.push(relative(group));
        }
    }
    found.duplicates_in_train.sort();
    found.leaks.sort();
}
