//! What a listing left out; the one place where that is reported.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::order::natural;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Training fails, or its numbers are wrong.
    Error,
    /// Results may be worse than they could be.
    Warning,
    /// Good to know.
    Note,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// One finding, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// How much it matters.
    pub level: Level,
    /// One line.
    pub text: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.level, self.text)
    }
}

/// Everything that was found but is not used, so that nothing is left out silently.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Files that are not readable pictures, by ending.
    pub other_kinds: BTreeMap<String, usize>,
    /// Links that lead nowhere.
    pub broken_links: Vec<BrokenLink>,
    /// Folders and pictures that cannot be opened.
    pub unreadable: Vec<Unreadable>,
    /// Results of this program, by folder.
    #[serde(serialize_with = "lossy_counts")]
    pub own_results: BTreeMap<PathBuf, usize>,
    /// Masks that lie among the pictures.
    #[serde(serialize_with = "lossy_paths")]
    pub masks: Vec<PathBuf>,
    /// Pictures in folders that the layout does not use, by folder.
    #[serde(serialize_with = "lossy_counts")]
    pub elsewhere: BTreeMap<PathBuf, usize>,
    /// Pictures with several pages or frames, of which only one is read.
    pub more_pages: Vec<MorePages>,
    /// Folders of the system: bins, thumbnails, files recovered by a disk repair.
    #[serde(serialize_with = "lossy_paths")]
    pub system_folders: Vec<PathBuf>,
    /// Pictures whose name begins with a dot.
    #[serde(serialize_with = "lossy_paths")]
    pub hidden: Vec<PathBuf>,
    /// Pictures that were given again under another spelling.
    pub given_again: usize,
    /// Copies of pictures that are used, where each counts once.
    #[serde(serialize_with = "lossy_paths")]
    pub copies: Vec<PathBuf>,
    /// Other remarks on how the pictures were found.
    pub remarks: Vec<String>,
    /// Files of the system, by ending, which are not reported.
    #[serde(skip)]
    pub(crate) system_files: BTreeMap<String, usize>,
}

/// A file or folder that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// The file.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Why, and what to do.
    pub reason: String,
}

/// A link that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokenLink {
    /// The link.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// Where it should lead.
    #[serde(serialize_with = "lossy")]
    pub target: PathBuf,
}

/// A picture of which only the first page is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MorePages {
    /// The file.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// How many there are.
    pub pages: usize,
}

/// Endings of pictures that are not read, but could be converted.
const PICTURES: [&str; 41] = [
    "3fr", "arw", "avif", "bpg", "cr2", "cr3", "dcm", "dds", "dng", "emf", "eps", "exr", "fits", "gif",
    "hdr", "heic", "heif", "hif", "ico", "j2c", "j2k", "jp2", "jpf", "jpx", "jxl", "jxr", "nef", "orf",
    "pam", "pbm", "pcx", "pgm", "pnm", "ppm", "psd", "raf", "raw", "rw2", "svg", "tga", "xcf",
];

/// What a picture can be converted to.
pub(crate) const FORMATS: &str = "JPEG, PNG, BMP, TIFF or WebP";

/// How many items are named.
const NAMED: usize = 3;

impl LeftOut {
    /// Adds what was left out elsewhere.
    pub fn add(&mut self, other: Self) {
        add_counts(&mut self.other_kinds, other.other_kinds);
        add_counts(&mut self.system_files, other.system_files);
        add_counts(&mut self.own_results, other.own_results);
        add_counts(&mut self.elsewhere, other.elsewhere);
        self.broken_links.extend(other.broken_links);
        self.unreadable.extend(other.unreadable);
        self.masks.extend(other.masks);
        self.more_pages.extend(other.more_pages);
        self.system_folders.extend(other.system_folders);
        self.hidden.extend(other.hidden);
        self.copies.extend(other.copies);
        self.remarks.extend(other.remarks);
        self.given_again += other.given_again;
    }

    /// In natural order, whatever order the file system has.
    pub(super) fn sort(&mut self) {
        [&mut self.masks, &mut self.system_folders, &mut self.hidden]
            .into_iter()
            .for_each(|paths| paths.sort_by(|a, b| natural(a, b)));
        self.broken_links.sort_by(|a, b| natural(&a.path, &b.path));
        self.unreadable.sort_by(|a, b| natural(&a.path, &b.path));
    }

    /// With all paths relative to `root`.
    pub(crate) fn relative_to(mut self, root: &Path) -> Self {
        let short = |path: &mut PathBuf| {
            if let Ok(rest) = path.strip_prefix(root) {
                *path = rest.into();
            }
        };
        let lists = [&mut self.masks, &mut self.system_folders, &mut self.hidden, &mut self.copies];
        lists.into_iter().flatten().for_each(short);
        self.broken_links.iter_mut().map(|link| &mut link.path).for_each(short);
        self.unreadable.iter_mut().map(|file| &mut file.path).for_each(short);
        self.more_pages.iter_mut().map(|file| &mut file.path).for_each(short);
        for counts in [&mut self.own_results, &mut self.elsewhere] {
            let old = std::mem::take(counts);
            counts.extend(old.into_iter().map(|(mut folder, count)| {
                short(&mut folder);
                (folder, count)
            }));
        }
        self
    }

    /// All other files in words, for example `12 heic, 1 txt`; including those of the system.
    pub(super) fn others_in_words(&self) -> String {
        let mut all = self.other_kinds.clone();
        add_counts(&mut all, self.system_files.clone());
        in_words(&all)
    }

    /// A line for each thing that was left out, the gravest first.
    pub fn advice(&self) -> Vec<Advice> {
        let mut advice = Vec::new();
        let mut say = |level, text| advice.push(Advice { level, text });
        let own: usize = self.own_results.values().sum();
        let elsewhere: usize = self.elsewhere.values().sum();
        if !self.other_kinds.is_empty() {
            let count: usize = self.other_kinds.values().sum();
            let pictures = self.other_kinds.keys().any(|ending| PICTURES.contains(&ending.as_str()));
            let (level, remedy) = match pictures {
                true => (Level::Warning, format!(" unless converted to {FORMATS}")),
                false => (Level::Note, String::new()),
            };
            let words = in_words(&self.other_kinds);
            say(level, format!("{} of other kinds: {words}; left out{remedy}", counted(count, "file")));
        }
        if !self.broken_links.is_empty() {
            let links = self
                .broken_links
                .iter()
                .map(|link| format!("{} -> {}", shown(&link.path), shown(&link.target)));
            let count = counted(self.broken_links.len(), "broken link");
            let remedy = "fetch or mount what they lead to, or remove them";
            say(Level::Warning, format!("{count} left out: {}; {remedy}", few(links)));
        }
        if !self.unreadable.is_empty() {
            let files = self.unreadable.iter().map(|file| format!("{} ({})", shown(&file.path), file.reason));
            let count = counted(self.unreadable.len(), "file or folder");
            say(Level::Warning, format!("{count} that cannot be opened left out: {}", few(files)));
        }
        if elsewhere > 0 {
            let count = counted(elsewhere, "picture");
            say(
                Level::Warning,
                format!(
                    "{count} left out, where the layout has no use for them: {}",
                    by_folder(&self.elsewhere)
                ),
            );
        }
        if !self.masks.is_empty() {
            let count = counted(self.masks.len(), "mask");
            let named = few(self.masks.iter().map(|path| shown(path)));
            say(Level::Warning, format!("{count} among the pictures left out, told by name: {named}"));
        }
        if !self.copies.is_empty() {
            let count = counted(self.copies.len(), "picture");
            let copies = if self.copies.len() == 1 { "a copy of another" } else { "copies of others" };
            let named = few(self.copies.iter().map(|path| shown(path)));
            say(Level::Warning, format!("{count} left out, {copies}: {named}"));
        }
        if !self.more_pages.is_empty() {
            let count = counted(self.more_pages.len(), "picture");
            let named = few(self
                .more_pages
                .iter()
                .map(|file| format!("{} ({} pages)", shown(&file.path), file.pages)));
            say(
                Level::Warning,
                format!(
                    "{count} of several pages or frames, of which one is read, the first at full size: {named}"
                ),
            );
        }
        for remark in &self.remarks {
            say(Level::Warning, remark.clone());
        }
        if own > 0 {
            let count = counted(own, "file");
            say(
                Level::Note,
                format!("{count} that aand itself wrote left out: {}", by_folder(&self.own_results)),
            );
        }
        if !self.system_folders.is_empty() {
            let count = counted(self.system_folders.len(), "folder");
            let names: BTreeSet<String> = self.system_folders.iter().map(|path| shown(path)).collect();
            say(Level::Note, format!("{count} of the system left out: {}", few(names.into_iter())));
        }
        if !self.hidden.is_empty() {
            let count = counted(self.hidden.len(), "hidden picture");
            say(
                Level::Note,
                format!("{count} left out: {}", few(self.hidden.iter().map(|path| shown(path)))),
            );
        }
        if self.given_again > 0 {
            let count = counted(self.given_again, "picture");
            say(Level::Note, format!("{count} given more than once, used once"));
        }
        advice.sort_by_key(|advice| advice.level);
        advice
    }

    /// [`LeftOut::advice`] for use within a sentence; empty if nothing was left out.
    pub fn in_brackets(&self) -> String {
        let lines: Vec<String> = self.advice().into_iter().map(|advice| advice.text).collect();
        if lines.is_empty() { String::new() } else { format!(" ({})", lines.join("; ")) }
    }
}

fn add_counts<K: Ord>(counts: &mut BTreeMap<K, usize>, more: BTreeMap<K, usize>) {
    more.into_iter().for_each(|(key, count)| *counts.entry(key).or_default() += count);
}

/// Counts in words, the most frequent first.
fn in_words(counts: &BTreeMap<String, usize>) -> String {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    sorted.iter().map(|(ending, count)| format!("{count} {ending}")).collect::<Vec<_>>().join(", ")
}

/// The folders, and how many in each.
pub(crate) fn by_folder(counts: &BTreeMap<PathBuf, usize>) -> String {
    few(counts.iter().map(|(folder, count)| match folder.as_os_str().is_empty() {
        true => format!("the folder itself ({count})"),
        false => format!("{} ({count})", shown(folder)),
    }))
}

/// The first few, and how many more there are.
fn few(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(NAMED);
    let named = items.take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

/// `1 file`, `2 files`; `2 files or folders`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {}s", thing.replace(" or", "s or")),
    }
}

/// A path on one line.
fn shown(path: &Path) -> String {
    crate::error::line(path.display())
}

/// Writes a path to JSON, which allows only UTF-8.
pub(crate) fn lossy<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&path.display())
}

/// As [`lossy`], for a list.
pub(crate) fn lossy_paths<S: Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}

/// As [`lossy`], for counts by folder.
pub(crate) fn lossy_counts<S: Serializer>(
    counts: &BTreeMap<PathBuf, usize>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(counts.iter().map(|(path, count)| (path.to_string_lossy(), count)))
}
