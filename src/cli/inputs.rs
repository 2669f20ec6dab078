//! The pictures named on a command line, and the names of their results.

use super::shard::key;
use crate::files::{folder_of, plain_name, real, shortened};
use crate::listing::{LeftOut, given, to_judge};
use crate::{Error, Result};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// A picture and the name of its results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Where it is, as the person wrote it.
    pub path: PathBuf,
    /// Its results' path within the output folder, without ending; unique.
    pub stem: String,
    /// Whether the stem differs from the picture's name without its ending.
    pub renamed: bool,
    /// Decides which part of the pictures it belongs to: see [`key`].
    pub key: u64,
}

/// All pictures of files and folders (with their sub-folders), each once. Results of earlier runs, which may lie
/// within a folder of pictures, are left out.
///
/// # Errors
/// A folder cannot be read, holds no pictures, or is itself the output folder.
pub fn find(arguments: &[PathBuf], out: &Path) -> Result<(Vec<Input>, LeftOut)> {
    let out = real(out);
    let (mut inputs, mut seen, mut taken) = (Vec::new(), HashSet::new(), HashSet::new());
    let mut left_out = LeftOut::default();
    for argument in arguments {
        let (found, base) = if argument.is_dir() {
            if real(argument) == out {
                let reason = "is the folder of the pictures, too; choose another one with --out";
                return Err(Error::Setting(format!("--out {}: {reason}", argument.display())));
            }
            let below = to_judge(argument)?;
            let mut found = below.pictures;
            if out.starts_with(real(argument)) {
                let listed = found.len();
                found.retain(|path| !real(path).starts_with(&out));
                if found.len() < listed {
                    let count = listed - found.len();
                    left_out.remarks.push(format!("{count} pictures in the output folder left out"));
                }
            }
            if found.is_empty() {
                let told = below.left_out.in_brackets();
                return Err(Error::dataset(
                    argument,
                    format!(
                        "there are no pictures here{told}; give a folder of JPEG, PNG, BMP, TIFF or WebP"
                    ),
                ));
            }
            left_out.add(below.left_out);
            (found, argument.as_path())
        } else {
            let file = given(argument);
            left_out.add(file.left_out);
            (file.pictures, argument.parent().unwrap_or(Path::new("")))
        };
        let listed = base == argument;
        for path in found {
            // Links found in a folder count as pictures of their own, since stores of large files consist of them.
            // A link named on the command line beside its file is the same picture again.
            let place = path.file_name().filter(|_| listed).map(|name| real(folder_of(&path)).join(name));
            if seen.insert(place.unwrap_or_else(|| real(&path))) {
                let relative = path.strip_prefix(base).unwrap_or(&path);
                let (stem, renamed) = unused(relative, &mut taken);
                let key = key(relative);
                inputs.push(Input { path, stem, renamed, key });
            } else {
                left_out.given_again += 1;
            }
        }
    }
    if inputs.is_empty() {
        let told = left_out.in_brackets();
        return Err(Error::Setting(format!("there is nothing to judge{told}; give pictures of parts")));
    }
    Ok((inputs, left_out))
}

/// The most bytes that are added to a stem: `_overlay.png`.
const ENDING: usize = 12;

/// `part.png` to `part`, and if that is taken `part_png`, then `part_png_2` and so on; whether it had to be changed.
/// Names are shortened and spelled so that every file system accepts them.
fn unused(relative: &Path, taken: &mut HashSet<String>) -> (String, bool) {
    let mut folder = String::new();
    for part in relative.parent().into_iter().flat_map(Path::components) {
        if let Component::Normal(part) = part {
            folder += &shortened(&plain_name(part), 0);
            folder.push('/');
        }
    }
    let part = |part: Option<&OsStr>| part.map(plain_name).unwrap_or_default();
    let plain = part(relative.file_stem());
    let longer = format!("{plain}_{}", part(relative.extension()));
    let numbered = (2..).map(|n| format!("{longer}_{n}"));
    let names = [plain, longer.clone()].into_iter().chain(numbered);
    let mut stems = names.map(|name| folder.clone() + &shortened(&name, ENDING));
    // Some file systems ignore case.
    let stem = stems.find(|stem| taken.insert(stem.to_lowercase())).unwrap_or_default();
    let renamed = Path::new(&stem) != relative.with_extension("");
    (stem, renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_picture_once_and_every_name_once() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for file in ["a.png", "A.jpg", "sub/a.png", "b10.png", "b9.png", "out/a_heat.png", "note.txt"] {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let other = root.join("sub/a.png");
        let again = root.join("sub/../sub/./a.png");
        let arguments = [root.into(), root.join("a.png"), other.clone(), again];
        let (inputs, left_out) = find(&arguments, &root.join("out")).unwrap();
        assert_eq!(left_out.given_again, 3);
        let stems: Vec<String> = inputs.iter().map(|i| i.stem.clone()).collect();
        assert_eq!(stems.len(), 5, "{stems:?}");
        assert!(stems.contains(&"sub/a".into()) && stems.contains(&"b9".into()), "{stems:?}");
        let lower: HashSet<String> = stems.iter().map(|s| s.to_lowercase()).collect();
        assert_eq!(lower.len(), 5);
        assert!(stems.iter().position(|s| s == "b9") < stems.iter().position(|s| s == "b10"));
        assert!(find(&[root.into()], root).is_err());
    }

    #[test]
    fn an_empty_folder_is_an_error_and_a_missing_file_is_not_yet() {
        let folder = tempfile::tempdir().unwrap();
        let out = Path::new("nowhere");
        assert!(find(&[folder.path().into()], out).is_err());
        assert_eq!(find(&["gone/x.png".into()], out).unwrap().0[0].stem, "x");
    }

    #[cfg(unix)]
    #[test]
    fn one_file_by_several_spellings_is_one_picture() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir(root.join("sub")).unwrap();
        std::fs::write(root.join("a.png"), "x").unwrap();
        for (link, to) in [("b.png", "a.png"), ("here", ".")] {
            std::os::unix::fs::symlink(to, root.join(link)).unwrap();
        }
        let ways = ["a.png", "./a.png", "sub/../a.png", "b.png", "here/a.png"].map(|way| root.join(way));
        let (inputs, left_out) = find(&ways, &root.join("out")).unwrap();
        assert_eq!((inputs.len(), left_out.given_again), (1, 4));
        // Two names in a folder that link to one stored file are two pictures.
        assert_eq!(find(&[root.into()], &root.join("out")).unwrap().0.len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn any_name_gets_a_stem_that_can_be_written_and_found() {
        use std::os::unix::ffi::OsStrExt;
        let mut taken = HashSet::new();
        let mut of = |bytes: &[u8]| unused(Path::new(OsStr::from_bytes(bytes)), &mut taken);
        assert_eq!(of(b"d/a.png"), ("d/a".into(), false));
        assert_eq!(of(b"caf\xe9.png"), ("caf%E9".into(), true));
        assert_eq!(of(b"caf\xe8.png"), ("caf%E8".into(), true));
        let long = [b"x".repeat(250), b"y.png".to_vec()].concat();
        let (stem, renamed) = of(&long);
        assert!(renamed && stem.len() + ENDING == 255 && of(&long).0 != stem);
    }
}
