//! Walks through folders: finds pictures by their ending, in natural order; visits each folder once, however many
//! links lead to it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::left_out::{BrokenLink, FORMATS, LeftOut, MorePages, Unreadable};
use super::order::natural;
use super::{masks, own, pages};
use crate::error::{Error, Result};
use crate::render::is_rendered;

/// Extensions that mark a file as a picture (its content is checked when it is decoded).
const EXTENSIONS: [&str; 10] = ["bmp", "dib", "jfif", "jpe", "jpeg", "jpg", "png", "tif", "tiff", "webp"];

/// The deepest nesting; more than any data set has.
const MAX_DEPTH: usize = 32;

/// Folders made by file systems, servers and archives: bins, thumbnails, lost files.
const SYSTEM_FOLDERS: [&str; 17] = [
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "@__thumb",
    "@eadir",
    "@recently-snapshot",
    "@recycle",
    "@tmp",
    "__macosx",
    "found.000",
    "lost+found",
    "network trash folder",
    "recycled",
    "recycler",
    "system volume information",
    "temporary items",
    "theVolumeSettingsFolder",
];

/// Files made by them.
const SYSTEM_FILES: [&str; 5] = ["desktop.ini", "ehthumbs.db", "ehthumbs_vista.db", "icon\r", "thumbs.db"];

/// The last part of a path, as text.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap_or(OsStr::new("")).to_string_lossy().into_owned()
}

fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        EXTENSIONS.iter().any(|known| extension.to_string_lossy().eq_ignore_ascii_case(known))
    })
}

fn is_one_of(name: &str, known: &[&str]) -> bool {
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Pictures and folders directly in a folder, in natural order; everything else is left out and counted.
#[derive(Default)]
struct Entries {
    pictures: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    left_out: LeftOut,
}

impl Entries {
    fn of(folder: &Path) -> io::Result<Self> {
        let mut found = Self::default();
        for entry in fs::read_dir(folder)? {
            found.take(entry?.path());
        }
        found.pictures.sort_by(|a, b| natural(a, b));
        found.folders.sort_by(|a, b| natural(a, b));
        Ok(found)
    }

    fn take(&mut self, path: PathBuf) {
        let (name, left_out) = (name(&path), &mut self.left_out);
        if name.starts_with('.') {
            // `._part.png` is a Mac's metadata of `part.png`.
            if is_picture(&path) && !name.starts_with("._") && path.is_file() {
                left_out.hidden.push(path);
            }
            return;
        }
        match fs::metadata(&path) {
            Ok(facts) if facts.is_dir() && is_one_of(&name, &SYSTEM_FOLDERS) => {
                left_out.system_folders.push(path)
            }
            Ok(facts) if facts.is_dir() => self.folders.push(path),
            // Reading a pipe or a device might block for ever.
            Ok(facts) if facts.is_file() && is_picture(&path) => self.pictures.push(path),
            Ok(_) if own::is_written(&path) => own_result(left_out, &path),
            Ok(_) => {
                let ending =
                    path.extension().map_or("without ending".into(), OsStr::to_string_lossy).to_lowercase();
                let readme = name == "README.txt" && path.parent().is_some_and(is_rendered);
                let system = readme || is_one_of(&name, &SYSTEM_FILES);
                let kinds = if system { &mut left_out.system_files } else { &mut left_out.other_kinds };
                *kinds.entry(ending).or_default() += 1;
            }
            Err(error) => match fs::read_link(&path) {
                Ok(target) => left_out.broken_links.push(BrokenLink { path, target }),
                Err(_) => left_out.unreadable.push(unreadable(path, &error)),
            },
        }
    }
}

fn own_result(left_out: &mut LeftOut, path: &Path) {
    *left_out.own_results.entry(path.parent().unwrap_or(path).into()).or_default() += 1;
}

fn unreadable(path: PathBuf, error: &io::Error) -> Unreadable {
    Unreadable { path, reason: error.to_string() }
}

/// Sub-folders in natural order, except those of the system.
pub(crate) fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    Entries::of(folder).map(|found| found.folders).map_err(|source| Error::io(folder, source))
}

/// Everything below a folder.
#[derive(Debug, Default)]
pub struct Below {
    /// Pictures of parts, in natural order.
    pub pictures: Vec<PathBuf>,
    /// Everything else.
    pub left_out: LeftOut,
    /// Files that are left out although they have a picture's ending, by their real path.
    rejected: HashSet<PathBuf>,
}

impl Below {
    /// The pictures that lie below `folder`; none if there is no such folder. If a link leads to a folder, its
    /// pictures are found under the link's name too.
    pub(crate) fn under(&self, folder: &Path) -> Vec<PathBuf> {
        let mut pictures = walk(folder, &|_| false).map(|found| found.pictures).unwrap_or_default();
        pictures.retain(|picture| self.keeps(picture));
        pictures
    }

    /// Whether a picture below the folder is kept.
    pub(crate) fn keeps(&self, picture: &Path) -> bool {
        self.rejected.is_empty() || !self.rejected.contains(&real(picture))
    }

    /// Leaves out the pictures for which `told` returns true after recording them.
    pub(crate) fn reject(&mut self, mut told: impl FnMut(&Path, &mut LeftOut) -> bool) {
        let Self { pictures, left_out, rejected } = self;
        pictures.retain(|picture| {
            let out = told(picture, left_out);
            if out {
                rejected.insert(real(picture));
            }
            !out
        });
    }

    /// Adds back the pictures that cannot be opened.
    pub(crate) fn with_unreadable(mut self) -> Self {
        let (files, folders): (Vec<_>, Vec<_>) = std::mem::take(&mut self.left_out.unreadable)
            .into_iter()
            .partition(|file| !self.keeps(&file.path));
        self.left_out.unreadable = folders;
        self.pictures.extend(files.into_iter().map(|file| file.path));
        self.pictures.sort_by(|a, b| natural(a, b));
        self
    }

    /// Why there are no pictures here, and what to do.
    pub(crate) fn why_none(&self) -> String {
        let others = self.left_out.others_in_words();
        let only_others = LeftOut { other_kinds: self.left_out.other_kinds.clone(), ..LeftOut::default() };
        let told = self.left_out.in_brackets();
        match told == only_others.in_brackets() {
            true if others.is_empty() => "the folder is empty; put pictures of good parts there".into(),
            true => format!(
                "there are no pictures here, only other files ({others}); convert them to {FORMATS}, or give another folder"
            ),
            false => format!("there are no pictures of parts here{told}; give another folder"),
        }
    }
}

/// The real path, with all links resolved.
pub(crate) fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.into())
}

/// Everything below `folder`; nothing if there is no such folder.
///
/// Results of this program, and pictures that cannot be opened, are left out.
///
/// # Errors
/// [`Error::Io`] when the folder itself cannot be read; an unreadable folder below it is left out and named.
pub fn below(folder: &Path) -> Result<Below> {
    if !folder.is_dir() {
        return Ok(Below::default());
    }
    below_except(folder, |_| false)
}

/// As [`below`], without the sub-folders that `skip` names.
pub(crate) fn below_except(folder: &Path, skip: impl Fn(&Path) -> bool) -> Result<Below> {
    Ok(sift(walk(folder, &skip).map_err(|source| Error::io(folder, source))?))
}

/// As [`below`], for a folder whose pictures are to be judged: masks are left out too, and pictures that cannot be
/// opened stay, so that each can be reported.
///
/// # Errors
/// As [`below`].
pub fn to_judge(folder: &Path) -> Result<Below> {
    let mut found = below(folder)?.with_unreadable();
    let masks = masks::among(&found.pictures, folder);
    found.reject(|picture, left_out| {
        left_out.masks.extend(masks.get(picture).cloned());
        masks.contains(picture)
    });
    Ok(found)
}

/// As [`to_judge`], for a file named by the user: only a result of this program is left out.
pub fn given(file: &Path) -> Below {
    if own::made(file) {
        let mut result = Below::default();
        own_result(&mut result.left_out, file);
        return result;
    }
    sift(Entries { pictures: vec![file.into()], ..Entries::default() }).with_unreadable()
}

/// All pictures of parts below `folder`, recognized by their endings, in natural order; see [`below`].
///
/// # Errors
/// [`Error::Io`] when the folder cannot be read.
pub fn pictures_below(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(below(folder)?.pictures)
}

/// Finds files and folders by their names only; no file is opened.
fn walk(folder: &Path, skip: &dyn Fn(&Path) -> bool) -> io::Result<Entries> {
    let mut found = Entries::of(folder)?;
    let mut seen = BTreeSet::from([real(folder)]);
    for inner in std::mem::take(&mut found.folders) {
        descend(inner, 1, skip, &mut seen, &mut found);
    }
    found.pictures.sort_by(|a, b| natural(a, b));
    Ok(found)
}

fn descend(
    folder: PathBuf,
    depth: usize,
    skip: &dyn Fn(&Path) -> bool,
    seen: &mut BTreeSet<PathBuf>,
    found: &mut Entries,
) {
    if skip(&folder) || !seen.insert(real(&folder)) {
        return;
    }
    if depth > MAX_DEPTH {
        let reason = format!("more than {MAX_DEPTH} folders deep");
        found.left_out.unreadable.push(Unreadable { path: folder, reason });
        return;
    }
    match Entries::of(&folder) {
        Ok(inner) => {
            found.pictures.extend(inner.pictures);
            found.left_out.add(inner.left_out);
            inner.folders.into_iter().for_each(|inner| descend(inner, depth + 1, skip, seen, found));
        }
        Err(error) => found.left_out.unreadable.push(unreadable(folder, &error)),
    }
}

/// What the start of a picture file shows.
enum Look {
    Sealed(io::Error),
    Signed,
    Pages(usize),
}

fn look(path: &Path) -> Look {
    let read = || -> io::Result<(File, Vec<u8>)> {
        let (mut file, mut head) = (File::open(path)?, Vec::new());
        file.by_ref().take(own::HEAD).read_to_end(&mut head)?;
        Ok((file, head))
    };
    match read() {
        Err(error) => Look::Sealed(error),
        Ok((_, head)) if own::is_signed(&head) => Look::Signed,
        Ok((mut file, head)) => Look::Pages(pages::count(&mut file, &head)),
    }
}

/// Looks into the files, and leaves out those that are not pictures of parts.
fn sift(found: Entries) -> Below {
    let Entries { pictures, left_out, .. } = found;
    let looks: Vec<Look> = pictures.par_iter().map(|picture| look(picture)).collect();
    let looks: BTreeMap<PathBuf, Look> = pictures.iter().cloned().zip(looks).collect();
    let mut tables = own::Tables::default();
    let mut below = Below { pictures, left_out, ..Below::default() };
    below.reject(|picture, left_out| match looks.get(picture) {
        Some(Look::Sealed(error)) => {
            left_out.unreadable.push(unreadable(picture.into(), error));
            true
        }
        Some(Look::Pages(pages)) if !tables.drew(picture) => {
            if *pages > 1 {
                left_out.more_pages.push(MorePages { path: picture.into(), pages: *pages });
            }
            false
        }
        _ => {
            own_result(left_out, picture);
            true
        }
    });
    below.left_out.sort();
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_files_and_other_kinds_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for file in [".hidden.png", "b.PNG", "a10.jpeg", "a9.TIF", "notes.txt", "Thumbs.db", "deep/c.webp"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        let names = |paths: Vec<PathBuf>| paths.iter().map(|path| name(path)).collect::<Vec<_>>();
        assert_eq!(names(Entries::of(folder.path()).unwrap().pictures), ["a9.TIF", "a10.jpeg", "b.PNG"]);
        let found = below(folder.path()).unwrap();
        assert_eq!(found.left_out.others_in_words(), "1 db, 1 txt");
        assert_eq!(names(found.pictures), ["a9.TIF", "a10.jpeg", "b.PNG", "c.webp"]);
        assert!(below(&folder.path().join("nowhere")).unwrap().pictures.is_empty());
    }

    #[test]
    fn a_file_that_was_named_stays_unless_it_is_a_result() {
        let folder = tempfile::tempdir().unwrap();
        let named = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            given(&path)
        };
        let mut png = io::Cursor::new(Vec::new());
        image::RgbImage::new(2, 2).write_to(&mut png, image::ImageFormat::Png).unwrap();
        let png = png.into_inner();
        // Whatever its name and content: errors are reported when it is read.
        for (name, bytes) in [("a_mask.png", &png[..]), ("a.heic", b"x"), ("a_heat.png", &png)] {
            assert_eq!(named(name, bytes).pictures.len(), 1, "{name}");
        }
        assert_eq!(given(&folder.path().join("gone.png")).pictures.len(), 1);
        for (name, bytes) in [("b.png", own::signed(png.clone())), ("m.aand", b"x".to_vec())] {
            let found = named(name, &bytes);
            assert_eq!((found.pictures.len(), found.left_out.own_results.len()), (0, 1), "{name}");
        }
    }

    #[test]
    fn masks_of_pictures_are_not_judged() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["test/hole/0.png", "ground_truth/hole/0_mask.png", "ground_truth/hole/7_mask.png"] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            image::GrayImage::from_fn(9, 9, |x, _| image::Luma([u8::from(x > 4) * 255])).save(path).unwrap();
        }
        let found = to_judge(root).unwrap();
        // A file named like a mask but without a picture may be anything.
        let names: Vec<_> = found.pictures.iter().map(|path| name(path)).collect();
        assert_eq!(names, ["7_mask.png", "0.png"]);
        assert_eq!(found.left_out.masks, [root.join("ground_truth/hole/0_mask.png")]);
        assert_eq!(to_judge(&root.join("ground_truth")).unwrap().pictures.len(), 2, "asked for");
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
