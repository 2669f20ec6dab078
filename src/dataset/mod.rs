//! Folders of pictures: which layout they have, what is in them, and what is wrong with them (method.md 7).
//!
//! ```no_run
//! let sets = aand::dataset::open("parts/bottle".as_ref(), None, None)?;
//! println!("{}", aand::dataset::inspect(&sets[0]));
//! # Ok::<(), aand::Error>(())
//! ```

mod advice;
mod findings;
mod fingerprint;
mod folder;
mod inspect;
mod list;
mod mvtec;
mod mvtec3d;
mod recognise;
mod test_only;
mod visa;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use advice::{Advice, Level};
pub use findings::{DefectCount, Findings, OtherSize, Tally, Unreadable};
pub use fingerprint::{FEWEST_TO_HOLD_OUT, fingerprint};
pub use inspect::inspect;
pub use list::pictures_below;

use crate::error::{Error, Result};
use recognise::{Category, Place};

/// How the pictures of a data set are laid out in folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// MVTec AD: train/good, test/KIND, ground_truth/KIND.
    Mvtec,
    /// VisA: Data/Images/Normal and Anomaly, split by split_csv/1cls.csv of the root.
    Visa,
    /// MVTec 3D-AD, colour pictures only: train/good/rgb, test/KIND/rgb and gt.
    Mvtec3d,
    /// Simply a folder of good pictures, with sub-folders.
    Folder,
}

impl Layout {
    const ALL: [Self; 4] = [Self::Mvtec, Self::Visa, Self::Mvtec3d, Self::Folder];

    fn word(self) -> &'static str {
        match self {
            Self::Mvtec => "mvtec",
            Self::Visa => "visa",
            Self::Mvtec3d => "mvtec3d",
            Self::Folder => "folder",
        }
    }

    /// What the layout needs at least.
    fn expectation(self) -> &'static str {
        match self {
            Self::Mvtec => "neither it nor a folder in it holds train/good",
            Self::Visa => "neither it nor a folder in it holds Data/Images/Normal",
            Self::Mvtec3d => "neither it nor a folder in it holds train/good/rgb",
            Self::Folder => "it holds no pictures",
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Layout {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|layout| layout.word().eq_ignore_ascii_case(text)).ok_or_else(|| {
            Error::Setting(format!("layout `{text}` is unknown; use mvtec, visa, mvtec3d or folder"))
        })
    }
}

/// One category: pictures of one kind of part. Pictures are listed, not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// The name of its folder.
    pub name: String,
    /// The category's folder.
    pub root: PathBuf,
    /// How it is laid out.
    pub layout: Layout,
    /// Good pictures for training, in natural order; empty only if opened by [`open_for_test`].
    pub train: Vec<PathBuf>,
    /// Labelled pictures for evaluation, in natural order; may be empty.
    pub test: Vec<Sample>,
}

/// A labelled picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The picture.
    pub path: PathBuf,
    /// The kind of defect; `None` for a good part.
    pub defect: Option<String>,
    /// Where the defect is; `None` for a good part, or when there is no mask file.
    pub mask: Option<PathBuf>,
}

impl Dataset {
    /// A path as seen from the category's folder, for messages and results.
    pub fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}

/// Opens a category, some or all categories of a data set, or simply a folder of good pictures.
///
/// The layout is recognised from what is in the folder; `layout` overrides that. `category` picks one
/// category of a root by name, or all of them with `all`.
///
/// # Errors
/// [`Error::Io`] when a folder cannot be read; [`Error::Dataset`] when it holds no good pictures, no
/// category of that name, or several when none was named.
pub fn open(root: &Path, layout: Option<Layout>, category: Option<&str>) -> Result<Vec<Dataset>> {
    open_as(root, layout, category, Purpose::Train)
}

/// As [`open`], for evaluation: there must be labelled pictures, and there need not be any to train on. A
/// folder with a sub-folder of good pictures beside others, or with such a folder called `test`, will do.
///
/// # Errors
/// As [`open`], with labelled pictures in place of good ones.
pub fn open_for_test(root: &Path, layout: Option<Layout>, category: Option<&str>) -> Result<Vec<Dataset>> {
    open_as(root, layout, category, Purpose::Test)
}

/// What a data set is opened for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Train,
    Test,
}

fn open_as(
    root: &Path,
    layout: Option<Layout>,
    category: Option<&str>,
    purpose: Purpose,
) -> Result<Vec<Dataset>> {
    let facts = std::fs::metadata(root).map_err(|source| Error::io(root, source))?;
    if !facts.is_dir() {
        return Err(Error::dataset(root, "it is a file; give the folder of the pictures"));
    }
    match recognise::recognise(root, layout, category, purpose)? {
        Place::Category(found) => match category {
            Some(wanted) if wanted != "all" && !wanted.eq_ignore_ascii_case(&found.name) => {
                let what = match found.layout {
                    Layout::Folder => "it is a plain folder of pictures without categories".into(),
                    _ => format!("it is itself the category `{}`, without a category `{wanted}`", found.name),
                };
                Err(Error::dataset(root, format!("{what}; leave --category out or give the data set's root")))
            }
            _ => load(found, purpose).map(|dataset| vec![dataset]),
        },
        Place::Root(found) => {
            let chosen = choose(root, found, category)?.into_iter();
            chosen.map(|category| load(category, purpose)).collect()
        }
    }
}

fn choose(root: &Path, mut found: Vec<Category>, wanted: Option<&str>) -> Result<Vec<Category>> {
    let names: Vec<&str> = found.iter().map(|category| category.name.as_str()).collect();
    let listed = if names.is_empty() { "none".into() } else { names.join(", ") };
    match wanted {
        Some("all") if !found.is_empty() => Ok(found),
        Some(name) => {
            let exact = names.iter().position(|known| *known == name);
            let index = exact.or_else(|| names.iter().position(|known| known.eq_ignore_ascii_case(name)));
            let reason = || format!("there is no category `{name}` here; there are: {listed}");
            Ok(vec![found.swap_remove(index.ok_or_else(|| Error::dataset(root, reason()))?)])
        }
        None if found.len() == 1 => Ok(found),
        None => Err(Error::dataset(
            root,
            format!(
                "it holds {} categories; choose with --category NAME or --category all: {listed}",
                found.len()
            ),
        )),
    }
}

fn load(category: Category, purpose: Purpose) -> Result<Dataset> {
    let Category { name, folder: root, layout } = category;
    let (train, mut test) = match layout {
        Layout::Mvtec => (mvtec::train(&root)?, mvtec::test(&root)?),
        Layout::Mvtec3d => (mvtec3d::train(&root)?, mvtec3d::test(&root)?),
        Layout::Visa => visa::split(&root, &name)?,
        Layout::Folder if purpose == Purpose::Test => (Vec::new(), test_only::samples(&root)?),
        Layout::Folder => (folder::train(&root)?, Vec::new()),
    };
    if purpose == Purpose::Test && test.is_empty() {
        return Err(Error::dataset(&root, test_only::NOTHING));
    }
    if purpose == Purpose::Train && train.is_empty() {
        return Err(Error::dataset(&root, why_none(&root, layout)?));
    }
    test.sort_by(|a, b| list::natural(&a.path, &b.path));
    Ok(Dataset { name, root, layout, train, test })
}

fn why_none(root: &Path, layout: Layout) -> Result<String> {
    let place = match layout {
        Layout::Mvtec => "train/good",
        Layout::Mvtec3d => "train/good/rgb",
        Layout::Visa => "Data/Images/Normal",
        Layout::Folder => {
            let below = list::below(root)?;
            return Ok(if below.others.is_empty() {
                "the folder is empty; put pictures of good parts there".into()
            } else {
                format!(
                    "there are no pictures here, only other files ({}); convert them to JPEG, PNG, BMP, TIFF \
                     or WebP, or give another folder",
                    below.others_in_words()
                )
            });
        }
    };
    Ok(format!("there are no good pictures in {place}; put pictures of good parts there"))
}

fn mask_files(dataset: &Dataset) -> Result<Vec<PathBuf>> {
    match dataset.layout {
        Layout::Mvtec => mvtec::masks(&dataset.root),
        Layout::Mvtec3d => mvtec3d::masks(&dataset.root),
        Layout::Visa => visa::masks(&dataset.root),
        Layout::Folder => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests;
