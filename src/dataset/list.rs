//! Listing folders: pictures by extension, hidden files left out, natural order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Extensions that mark a file as a picture (what is inside is judged when it is decoded).
const EXTENSIONS: [&str; 10] = ["bmp", "dib", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp"];

/// Deeper than any data set; a loop of links ends here at the latest.
const MAX_DEPTH: usize = 32;

/// Names of a folder of good pictures.
pub(super) fn is_good(folder: &Path) -> bool {
    let name = name(folder).to_lowercase();
    ["good", "ok", "normal"].contains(&name.as_str())
}

/// The last part of a path, as text.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or(OsStr::new("")).to_string_lossy().into_owned()
}

fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        EXTENSIONS.iter().any(|known| extension.to_string_lossy().eq_ignore_ascii_case(known))
    })
}

/// Files and folders directly in `folder`, hidden ones left out.
fn entries(folder: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(|source| Error::io(folder, source))? {
        let path = entry.map_err(|source| Error::io(folder, source))?.path();
        if name(&path).starts_with('.') || name(&path) == "__MACOSX" {
            continue;
        }
        // A broken link is neither.
        match fs::metadata(&path) {
            Ok(facts) if facts.is_dir() => folders.push(path),
            Ok(_) => files.push(path),
            Err(_) => {}
        }
    }
    files.sort_by(|a, b| natural(a, b));
    folders.sort_by(|a, b| natural(a, b));
    Ok((files, folders))
}

/// Sub-folders in natural order.
pub(super) fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    entries(folder).map(|(_, folders)| folders)
}

/// Pictures directly in `folder`, in natural order; none when there is no such folder.
pub(super) fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let (files, _) = entries(folder)?;
    Ok(files.into_iter().filter(|file| is_picture(file)).collect())
}

/// What lies below a folder.
#[derive(Default)]
pub(super) struct Below {
    /// Pictures, in natural order.
    pub pictures: Vec<PathBuf>,
    /// Other files, counted by extension.
    pub others: BTreeMap<String, usize>,
}

impl Below {
    /// The other files in words, for example `12 heic, 1 txt`.
    pub fn others_in_words(&self) -> String {
        let words: Vec<String> =
            self.others.iter().map(|(extension, count)| format!("{count} {extension}")).collect();
        words.join(", ")
    }
}

/// Everything below `folder`; none when there is no such folder.
pub(super) fn below(folder: &Path) -> Result<Below> {
    let mut found = Below::default();
    if folder.is_dir() {
        descend(folder, 0, &mut BTreeSet::new(), &mut found)?;
    }
    found.pictures.sort_by(|a, b| natural(a, b));
    Ok(found)
}

/// All pictures below `folder`, told by their file endings, in natural order; hidden files are left out.
///
/// # Errors
/// [`Error::Io`] when a folder cannot be read.
pub fn pictures_below(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(below(folder)?.pictures)
}

fn descend(folder: &Path, depth: usize, seen: &mut BTreeSet<PathBuf>, found: &mut Below) -> Result<()> {
    let real = fs::canonicalize(folder).map_err(|source| Error::io(folder, source))?;
    if depth > MAX_DEPTH || !seen.insert(real) {
        return Ok(());
    }
    let (files, folders) = entries(folder)?;
    for file in files {
        if is_picture(&file) {
            found.pictures.push(file);
        } else {
            let extension = file.extension().map_or("without extension".into(), OsStr::to_string_lossy);
            *found.others.entry(extension.to_lowercase()).or_default() += 1;
        }
    }
    folders.iter().try_for_each(|folder| descend(folder, depth + 1, seen, found))
}

/// Masks by the stem of their picture: `003_mask.png` and `003.png` both belong to `003`.
pub(super) struct Masks(BTreeMap<String, PathBuf>);

impl Masks {
    /// The masks directly in `folder`; none when there is no such folder.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        Ok(Self(pictures(folder)?.into_iter().map(|path| (stem(&path), path)).collect()))
    }

    /// The mask of a picture.
    pub fn of(&self, picture: &Path) -> Option<PathBuf> {
        let stem = stem(picture);
        self.0.get(&format!("{stem}_mask")).or_else(|| self.0.get(&stem)).cloned()
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(OsStr::new("")).to_string_lossy().into_owned()
}

/// Folder by folder, numbers by value: `part2` before `part10`, `a/z` before `b/a`.
pub(super) fn natural(a: &Path, b: &Path) -> Ordering {
    let mut parts = (a.components(), b.components());
    loop {
        let order = match (parts.0.next(), parts.1.next()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => {
                natural_text(&a.as_os_str().to_string_lossy(), &b.as_os_str().to_string_lossy())
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

fn natural_text(mut a: &str, mut b: &str) -> Ordering {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    while let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (x, rest_a) = a.split_at(digits(a));
            let (y, rest_b) = b.split_at(digits(b));
            let (short_x, short_y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            let order = short_x.len().cmp(&short_y.len()).then_with(|| short_x.cmp(short_y));
            if order.is_ne() {
                return order;
            }
            (a, b) = (rest_a, rest_b);
        } else {
            if x != y {
                return x.cmp(&y);
            }
            (a, b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]);
        }
    }
    a.len().cmp(&b.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_by_value_and_folders_stay_together() {
        let mut paths: Vec<&Path> = ["b/1.png", "a/part10.png", "a/part2.png", "a/part02.png", "a.b/x.png"]
            .iter()
            .map(Path::new)
            .collect();
        paths.sort_by(|a, b| natural(a, b));
        let sorted = ["a/part02.png", "a/part2.png", "a/part10.png", "a.b/x.png", "b/1.png"];
        assert!(paths.iter().zip(sorted).all(|(path, expected)| *path == Path::new(expected)), "{paths:?}");
    }

    #[test]
    fn hidden_files_and_other_kinds_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for file in [".hidden.png", "b.PNG", "a10.jpeg", "a9.TIF", "notes.txt", "Thumbs.db", "deep/c.webp"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        let names = |paths: Vec<PathBuf>| paths.iter().map(|path| name(path)).collect::<Vec<_>>();
        assert_eq!(names(pictures(folder.path()).unwrap()), ["a9.TIF", "a10.jpeg", "b.PNG"]);
        let below = below(folder.path()).unwrap();
        assert_eq!(below.others_in_words(), "1 db, 1 txt");
        assert_eq!(names(below.pictures), ["a9.TIF", "a10.jpeg", "b.PNG", "c.webp"]);
        assert!(pictures(&folder.path().join("nowhere")).unwrap().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_loop_of_links_ends() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.png"), b"x").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
        assert_eq!(below(folder.path()).unwrap().pictures.len(), 1);
    }
}
