//! What an inspection found, for a program (serde) and for a person (`Display`).

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::{Advice, Dataset, Layout, LeftOut, Level, Unreadable, shared_masks};
use crate::listing::{lossy, lossy_counts, lossy_paths, natural};

/// How many files a list shows to a person before it is cut.
const SHOWN: usize = 5;

/// What is in a data set, and what is wrong with it. All paths are relative to `root`.
#[derive(Clone, Debug, Serialize)]
pub struct Findings {
    /// The category.
    pub name: String,
    /// Its folder.
    #[serde(serialize_with = "lossy")]
    pub root: PathBuf,
    /// How it is laid out.
    pub layout: Layout,
    /// Good pictures for training.
    pub train: usize,
    /// Good pictures for testing.
    pub test_good: usize,
    /// Anomalous pictures for testing.
    pub test_anomalous: usize,
    /// The anomalous pictures by kind of defect.
    pub defects: Vec<DefectCount>,
    /// Readable pictures by format, the most frequent first.
    pub formats: Vec<Tally>,
    /// Readable pictures by color mode and depth as stored.
    pub modes: Vec<Tally>,
    /// Readable pictures by size in pixels, width x height, upright.
    pub sizes: Vec<Tally>,
    /// Pictures that their EXIF orientation turned or mirrored.
    pub turned: usize,
    /// Whether every readable picture is grey, however it is stored.
    pub all_grey: bool,
    /// Pictures and masks that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Anomalous pictures without a mask.
    #[serde(serialize_with = "lossy_paths")]
    pub masks_missing: Vec<PathBuf>,
    /// Masks of another size than their picture.
    pub masks_of_other_size: Vec<OtherSize>,
    /// Masks that belong to no picture.
    #[serde(serialize_with = "lossy_paths")]
    pub masks_without_picture: Vec<PathBuf>,
    /// Masks of anomalous pictures with nothing marked.
    #[serde(serialize_with = "lossy_paths")]
    pub masks_empty: Vec<PathBuf>,
    /// Masks that mark most of the picture.
    #[serde(serialize_with = "lossy_paths")]
    pub masks_inverted: Vec<PathBuf>,
    /// Masks whose defect is in the alpha channel, which is not read.
    #[serde(serialize_with = "lossy_paths")]
    pub masks_in_alpha: Vec<PathBuf>,
    /// Masks of which nothing is left at the models' default size.
    #[serde(serialize_with = "lossy_paths")]
    pub masks_vanishing: Vec<PathBuf>,
    /// Masks that several pictures share.
    #[serde(serialize_with = "lossy_paths")]
    pub masks_shared: Vec<PathBuf>,
    /// Groups of training pictures with the same bytes.
    #[serde(serialize_with = "lossy_groups")]
    pub duplicates_in_train: Vec<Vec<PathBuf>>,
    /// Groups of pictures with the same bytes in training and testing.
    #[serde(serialize_with = "lossy_groups")]
    pub leaks: Vec<Vec<PathBuf>>,
    /// Folders or files whose names say that they are not good parts, although they are to be trained on, and
    /// how many pictures that concerns.
    #[serde(serialize_with = "lossy_counts")]
    pub not_good: BTreeMap<PathBuf, usize>,
    /// Everything else in the folder, which is not used.
    pub left_out: LeftOut,
    /// What to do about the findings, the gravest first.
    pub advice: Vec<Advice>,
}

/// Pictures of one kind of defect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DefectCount {
    /// The kind of defect.
    pub defect: String,
    /// Its pictures.
    pub pictures: usize,
    /// Those with a mask file.
    pub masks: usize,
}

/// How many pictures have a property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The property.
    pub value: String,
    /// The number of pictures.
    pub count: usize,
}

/// A mask that does not fit its picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OtherSize {
    /// The mask.
    #[serde(serialize_with = "lossy")]
    pub mask: PathBuf,
    /// Width and height of the mask in pixels.
    pub mask_size: (u32, u32),
    /// Width and height of the picture in pixels.
    pub picture_size: (u32, u32),
}

impl Findings {
    /// What the listing of folders tells, before any file is read.
    pub(super) fn listed(dataset: &Dataset) -> Self {
        let mut defects: Vec<DefectCount> = Vec::new();
        for sample in &dataset.test {
            let Some(defect) = &sample.defect else { continue };
            let masks = usize::from(sample.mask.is_some());
            match defects.iter_mut().find(|known| known.defect == *defect) {
                Some(known) => {
                    known.pictures += 1;
                    known.masks += masks;
                }
                None => defects.push(DefectCount { defect: defect.clone(), pictures: 1, masks }),
            }
        }
        defects.sort_by(|a, b| natural(Path::new(&a.defect), Path::new(&b.defect)));
        let test_anomalous = defects.iter().map(|defect| defect.pictures).sum();
        Self {
            name: dataset.name.clone(),
            root: dataset.root.clone(),
            layout: dataset.layout,
            train: dataset.train.len(),
            test_good: dataset.test.len() - test_anomalous,
            test_anomalous,
            defects,
            formats: Vec::new(),
            modes: Vec::new(),
            sizes: Vec::new(),
            turned: 0,
            all_grey: false,
            unreadable: Vec::new(),
            masks_missing: Vec::new(),
            masks_of_other_size: Vec::new(),
            masks_without_picture: Vec::new(),
            masks_empty: Vec::new(),
            masks_inverted: Vec::new(),
            masks_in_alpha: Vec::new(),
            masks_vanishing: Vec::new(),
            masks_shared: shared_masks(&dataset.test)
                .iter()
                .map(|mask| dataset.relative(mask).into())
                .collect(),
            not_good: dataset.not_good(),
            left_out: dataset.left_out.clone(),
            duplicates_in_train: Vec::new(),
            leaks: Vec::new(),
            advice: Vec::new(),
        }
    }

    /// Whether none of the findings makes training or its results wrong.
    pub fn is_sound(&self) -> bool {
        self.advice.iter().all(|advice| advice.level != Level::Error)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({} layout, {})", self.name, self.layout, self.root.display())?;
        writeln!(f, "  train    {} good", self.train)?;
        if self.test_good + self.test_anomalous == 0 {
            writeln!(f, "  test     nothing")?;
        } else {
            writeln!(f, "  test     {} good, {} anomalous", self.test_good, self.test_anomalous)?;
        }
        let width = self.defects.iter().map(|defect| defect.defect.chars().count()).max().unwrap_or(0);
        for DefectCount { defect, pictures, masks } in &self.defects {
            let masks = if masks == pictures { "with masks".into() } else { format!("{masks} with a mask") };
            writeln!(f, "             {defect:width$}  {pictures:>4}, {masks}")?;
        }
        for (what, tallies) in [("format", &self.formats), ("mode", &self.modes), ("size", &self.sizes)] {
            if !tallies.is_empty() {
                writeln!(f, "  {what:8} {}", in_words(tallies))?;
            }
        }
        if self.advice.is_empty() {
            writeln!(f, "  nothing to complain about")?;
        }
        self.advice.iter().try_for_each(|advice| writeln!(f, "  {}: {}", advice.level, advice.text))?;

        let groups = |groups: &[Vec<PathBuf>]| -> Vec<String> {
            groups.iter().map(|group| plain(group).join(" = ")).collect()
        };
        let reasons = self.unreadable.iter().map(|file| format!("{}: {}", file.path.display(), file.reason));
        let sizes = self.masks_of_other_size.iter().map(|pair| {
            let ((mask_w, mask_h), (w, h)) = (pair.mask_size, pair.picture_size);
            format!("{}: {mask_w} x {mask_h}, its picture {w} x {h}", pair.mask.display())
        });
        section(f, "unreadable", &reasons.collect::<Vec<_>>())?;
        section(f, "the same picture in train and test", &groups(&self.leaks))?;
        section(f, "the same picture more than once in train", &groups(&self.duplicates_in_train))?;
        section(f, "masks of another size", &sizes.collect::<Vec<_>>())?;
        section(f, "no mask", &plain(&self.masks_missing))?;
        section(f, "nothing marked in the mask", &plain(&self.masks_empty))?;
        section(f, "most of the picture marked in the mask", &plain(&self.masks_inverted))?;
        section(f, "masks in the alpha channel", &plain(&self.masks_in_alpha))?;
        section(f, "masks that vanish at the model's size", &plain(&self.masks_vanishing))?;
        section(f, "masks of several pictures", &plain(&self.masks_shared))?;
        section(f, "masks without a picture", &plain(&self.masks_without_picture))
    }
}

/// Groups of paths in JSON, which knows UTF-8 only.
fn lossy_groups<S: Serializer>(groups: &[Vec<PathBuf>], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(groups.iter().map(|group| plain(group)))
}

fn plain(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

fn in_words(tallies: &[Tally]) -> String {
    let [only] = tallies else {
        let words = tallies.iter().take(SHOWN).map(|tally| format!("{} ({})", tally.value, tally.count));
        let words = words.collect::<Vec<_>>().join(", ");
        return match tallies.len().saturating_sub(SHOWN) {
            0 => words,
            more => format!("{words} and {more} others"),
        };
    };
    only.value.clone()
}

fn section(f: &mut fmt::Formatter<'_>, title: &str, lines: &[String]) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(f, "  {title}:")?;
    lines.iter().take(SHOWN).try_for_each(|line| writeln!(f, "    {line}"))?;
    match lines.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(f, "    and {more} more"),
    }
}
