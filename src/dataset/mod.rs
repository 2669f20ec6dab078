//! Folders of pictures: which layout they have, what is in them, and what is wrong with them (method.md 7).
//!
//! ```no_run
//! let sets = aand::dataset::open("parts/bottle".as_ref(), None, None)?;
//! println!("{}", aand::dataset::inspect(&sets[0]));
//! # Ok::<(), aand::Error>(())
//! ```

mod advice;
mod copies;
mod findings;
mod fingerprint;
mod folder;
mod inspect;
mod masks;
mod mvtec;
mod mvtec3d;
mod recognize;
mod test_only;
mod visa;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use crate::listing::{Advice, LeftOut, Level, Unreadable, pictures_below};
pub use copies::without_copies;
pub use findings::{DefectCount, Findings, OtherSize, Tally};
pub use fingerprint::{content, contents, fingerprint};
pub use inspect::{USUAL_SIZE, inspect};
pub use masks::{MaskFault, open_mask, open_mask_for, shared_masks};

use crate::error::{Error, Result};
use crate::listing::{self, Below, below, counted, natural, real};
use recognize::{Category, FolderKind};
use test_only::NOTHING;

/// How the pictures of a data set are laid out in folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// MVTec AD: train/good, test/KIND, ground_truth/KIND.
    Mvtec,
    /// VisA: Data/Images/Normal and Anomaly, split by split_csv/1cls.csv of the root.
    Visa,
    /// MVTec 3D-AD, color pictures only: train/good/rgb, test/KIND/rgb and gt.
    Mvtec3d,
    /// A plain folder of good pictures, with sub-folders.
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

    /// The least that the layout needs.
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
    /// Labeled pictures for evaluation, in natural order; may be empty.
    pub test: Vec<Sample>,
    /// Everything else in the folder; paths are relative to `root`.
    pub left_out: LeftOut,
}

/// A labeled picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The picture.
    pub path: PathBuf,
    /// The kind of defect; `None` for a good part.
    pub defect: Option<String>,
    /// Where the defect is: a file, or a folder of several (see [`open_mask`]); `None` for a good part, or when there
    /// is no mask.
    pub mask: Option<PathBuf>,
}

impl Dataset {
    /// A path relative to the category's folder, for messages and results.
    pub fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// Folders or files, relative to `root`, whose names say that they are not good parts although they are to be
    /// learned from, and how many pictures that concerns.
    pub fn not_good(&self) -> BTreeMap<PathBuf, usize> {
        listing::names::not_good(&self.train, &self.root)
    }

    /// Refuses to learn from pictures whose names say that they are not good parts.
    ///
    /// # Errors
    /// [`Error::Dataset`] where there are some ([`Dataset::not_good`]), unless all pictures are known to be good.
    pub fn insist_on_good(&self, all_good: bool) -> Result<()> {
        let places = self.not_good();
        if all_good || places.is_empty() {
            return Ok(());
        }
        let reason = format!(
            "{}; give the folder of the good parts, move these away, or say --all-good if they are good",
            self.doubt(&places)
        );
        Err(Error::dataset(&self.root, reason))
    }

    fn doubt(&self, places: &BTreeMap<PathBuf, usize>) -> String {
        let count = counted(places.values().sum(), "picture");
        format!(
            "{count} of {} called like defects or masks, not like good parts: {}",
            self.train.len(),
            listing::by_folder(places)
        )
    }

    /// Advice to read before the pictures are used: what was left out, and names that contradict the labels.
    pub fn advice(&self) -> Vec<Advice> {
        let mut advice = self.left_out.advice();
        let mut warn = |text: String| advice.push(Advice { level: Level::Warning, text });
        let places = self.not_good();
        if !places.is_empty() {
            warn(self.doubt(&places));
        }
        let good =
            self.test.iter().filter(|sample| sample.defect.is_none()).map(|sample| sample.path.clone());
        let places = listing::names::not_good(&good.collect::<Vec<_>>(), &self.root);
        if !places.is_empty() {
            let count = counted(places.values().sum(), "picture");
            warn(format!(
                "{count} taken for good in test and called like defects or masks: {}",
                listing::by_folder(&places)
            ));
        }
        // A hidden folder was named by a program, so its name says nothing.
        let named = !self.name.starts_with('.') && listing::names::means_not_good(&self.name);
        if self.layout == Layout::Folder && !self.train.is_empty() && named {
            warn(format!(
                "the folder is called `{}`, and all pictures in it are taken for good parts",
                self.name
            ));
        }
        advice.sort_by_key(|advice| advice.level);
        advice
    }
}

/// Opens one category or all categories of a data set, or a plain folder of good pictures.
///
/// The layout is recognized from what is in the folder; `layout` overrides that. `category` picks one
/// category of a root by name, or `all` of them.
///
/// # Errors
/// [`Error::Io`] when a folder cannot be read; [`Error::Dataset`] when it holds no good pictures or no
/// category of that name, or several categories and none was named.
pub fn open(root: &Path, layout: Option<Layout>, category: Option<&str>) -> Result<Vec<Dataset>> {
    open_as(root, layout, category, Purpose::Train)
}

/// Opens category `number` of a data set, from 1, in natural order of their names; a folder that is itself one category is
/// number 1. None of the others is read.
///
/// # Errors
/// As [`open`]; [`Error::Usage`] when there are fewer than that.
pub fn open_numbered(root: &Path, layout: Option<Layout>, number: usize) -> Result<Dataset> {
    insist_on_folder(root)?;
    let found = match recognize::recognize(root, layout, Some("all"), Purpose::Train)? {
        FolderKind::Category(found) => vec![found],
        FolderKind::Root(found) => found,
    };
    let (count, at) = (counted_categories(found.len()), number.wrapping_sub(1));
    let chosen = found.into_iter().nth(at).ok_or_else(|| {
        let reason = format!("there {count} here, counted from 1, and none is number {number}");
        Error::Usage(format!("{}: {reason}", root.display()))
    })?;
    load(chosen, Purpose::Train)
}

fn counted_categories(count: usize) -> String {
    if count == 1 { "is 1 category".into() } else { format!("are {count} categories") }
}

/// As [`open`], for evaluation: there must be labeled pictures, and there need not be any to train on. A
/// folder with one sub-folder of good pictures and others of defects is enough, or one whose sub-folder
/// `test` is such a folder.
///
/// # Errors
/// As [`open`], with labeled pictures in place of good ones.
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
    insist_on_folder(root)?;
    match recognize::recognize(root, layout, category, purpose)? {
        FolderKind::Category(found) => match category {
            Some(wanted) if wanted != "all" && !wanted.eq_ignore_ascii_case(&found.name) => {
                let what = match found.layout {
                    Layout::Folder => "it is a plain folder of pictures without categories".into(),
                    _ => format!("it is itself the category `{}`, without a category `{wanted}`", found.name),
                };
                Err(Error::dataset(root, format!("{what}; leave --category out or give the data set's root")))
            }
            _ => load(found, purpose).map(|dataset| vec![dataset]),
        },
        FolderKind::Root(found) => {
            let categories: Vec<PathBuf> = found.iter().map(|category| category.folder.clone()).collect();
            let chosen = choose(root, found, category)?.into_iter();
            let mut sets: Vec<Dataset> =
                chosen.map(|category| load(category, purpose)).collect::<Result<_>>()?;
            if let (None | Some("all"), Some(first)) = (category, sets.first_mut()) {
                first.left_out.add(beside(root, &categories)?);
            }
            Ok(sets)
        }
    }
}

fn insist_on_folder(root: &Path) -> Result<()> {
    let facts = std::fs::metadata(root).map_err(|source| Error::io(root, source))?;
    match facts.is_dir() {
        true => Ok(()),
        false => Err(Error::dataset(root, "it is a file; give the folder of the pictures")),
    }
}

/// Pictures in `root` that belong to no category.
fn beside(root: &Path, categories: &[PathBuf]) -> Result<LeftOut> {
    let mut found =
        listing::below_except(root, |folder| categories.iter().any(|category| category == folder))?;
    folder::leave_out_rendered(&mut found, root);
    let LeftOut { broken_links, unreadable, own_results, .. } = found.left_out;
    let elsewhere = by_parent(&found.pictures);
    Ok(LeftOut { broken_links, unreadable, own_results, elsewhere, ..LeftOut::default() })
}

fn by_parent(pictures: &[PathBuf]) -> BTreeMap<PathBuf, usize> {
    let mut folders = BTreeMap::new();
    for picture in pictures {
        *folders.entry(picture.parent().unwrap_or(picture).into()).or_default() += 1;
    }
    folders
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
    let mut all = below(&root)?;
    let (train, mut test) = match layout {
        Layout::Mvtec => (mvtec::train(&all, &root), mvtec::test(&all, &root)?),
        Layout::Mvtec3d => (mvtec3d::train(&all, &root), mvtec3d::test(&all, &root)?),
        Layout::Visa => visa::split(&mut all, &root, &name)?,
        Layout::Folder if purpose == Purpose::Test => (Vec::new(), test_only::samples(&all, &root)?),
        Layout::Folder => (folder::train(&mut all, &root), Vec::new()),
    };
    let paths: Vec<PathBuf> = test.iter().map(|sample| sample.path.clone()).collect();
    let masks = listing::masks::among(&paths, &root);
    test.retain(|sample| !masks.contains(&sample.path));
    all.left_out.masks.extend(paths.into_iter().filter(|path| masks.contains(path)));
    if purpose == Purpose::Test && test.is_empty() {
        return Err(Error::dataset(
            &root,
            format!("{NOTHING}{}", all.left_out.relative_to(&root).in_brackets()),
        ));
    }
    if purpose == Purpose::Train && train.is_empty() {
        return Err(Error::dataset(&root, why_none(all, &root, layout)));
    }
    test.sort_by(|a, b| natural(&a.path, &b.path));
    let mut set = Dataset { name, root, layout, train, test, left_out: LeftOut::default() };
    all.left_out.elsewhere = elsewhere(&all, &set)?;
    set.left_out = all.left_out.relative_to(&set.root);
    Ok(set)
}

/// Pictures that are neither used nor masks nor left out for another reason, by folder.
fn elsewhere(all: &Below, set: &Dataset) -> Result<BTreeMap<PathBuf, usize>> {
    let mut used: HashSet<PathBuf> = set.train.iter().map(|path| real(path)).collect();
    used.extend(set.test.iter().map(|sample| real(&sample.path)));
    used.extend(all.left_out.masks.iter().map(|path| real(path)));
    used.extend(mask_files(all, set)?.iter().map(|path| real(path)));
    let unused = |path: &PathBuf| {
        let known = match set.layout {
            Layout::Mvtec3d => mvtec3d::is_beside_the_point(&set.root, path),
            Layout::Mvtec => path.starts_with(mvtec::truth(&set.root)),
            Layout::Folder => path.starts_with(set.root.join("ground_truth")),
            Layout::Visa => false,
        };
        !known && !used.contains(&real(path))
    };
    Ok(by_parent(&all.pictures.iter().filter(|path| unused(path)).cloned().collect::<Vec<_>>()))
}

fn why_none(mut all: Below, root: &Path, layout: Layout) -> String {
    all.left_out = std::mem::take(&mut all.left_out).relative_to(root);
    let place = match layout {
        Layout::Mvtec => "train/good",
        Layout::Mvtec3d => "train/good/rgb",
        Layout::Visa => "Data/Images/Normal",
        Layout::Folder => return all.why_none(),
    };
    let told = all.left_out.in_brackets();
    format!("there are no good pictures in {place}{told}; put pictures of good parts there")
}

fn mask_files(all: &Below, set: &Dataset) -> Result<Vec<PathBuf>> {
    match set.layout {
        Layout::Mvtec => Ok(mvtec::masks(all, &set.root)),
        Layout::Mvtec3d => mvtec3d::masks(all, &set.root),
        Layout::Visa => Ok(visa::masks(all, &set.root)),
        Layout::Folder => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests;
