//! The pictures named on a command line, and what their results are to be called.

use crate::listing::{LeftOut, given, to_judge};
use crate::{Error, Result};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A picture and the name of its results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Where it is, as the person wrote it.
    pub path: PathBuf,
    /// Its results' path within the output folder, without ending; unlike all others'.
    pub stem: PathBuf,
}

/// All pictures of files and folders (with their sub-folders), each once. Results of an earlier run, where the
/// output folder lies within a folder of pictures, are left out.
///
/// # Errors
/// A folder cannot be read or holds no pictures, or is itself the output folder.
pub fn find(arguments: &[PathBuf], out: &Path) -> Result<(Vec<Input>, LeftOut)> {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.into());
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
            found.retain(|path| !real(path).starts_with(&out));
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
        for path in found {
            if seen.insert(whole(&path)) {
                let stem = unused(path.strip_prefix(base).unwrap_or(&path), &mut taken);
                inputs.push(Input { path, stem });
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

/// The same for every spelling of a path. Links to one file under several names are several pictures.
fn whole(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.into());
    folder.join(path.file_name().unwrap_or_default())
}

/// `part.png` to `part`, and if that is taken `part_png`, then `part_png_2` and so on.
fn unused(relative: &Path, taken: &mut HashSet<String>) -> PathBuf {
    let plain = relative.with_extension("");
    let word = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let ending = relative.extension().unwrap_or_default().to_string_lossy();
    let longer = plain.with_file_name(format!("{}_{ending}", word(&plain)));
    let numbered = (2..).map(|n| longer.with_file_name(format!("{}_{n}", word(&longer))));
    let mut names = [plain.clone(), longer.clone()].into_iter().chain(numbered);
    // Some file systems do not tell capitals apart.
    let free = names.find(|name| taken.insert(name.to_string_lossy().to_lowercase()));
    free.unwrap_or(plain)
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
        let stems: Vec<String> = inputs.iter().map(|i| i.stem.to_string_lossy().replace('\\', "/")).collect();
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
        assert_eq!(find(&["gone/x.png".into()], out).unwrap().0[0].stem, Path::new("x"));
    }
}
