//! Which mask belongs to which picture, and what can be wrong with a mask.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Sample;
use crate::error::{Error, Result};
use crate::listing::{Advice, Below, Level, counted, pictures_below};
use crate::picture::Size;
use crate::picture::{Mask, is_drawn_in_alpha};

/// The masks of one kind of defect, by their path without ending: `003_mask.png` and `003.png` both belong to `003`,
/// in a sub-folder named like the picture's or in none. So do all files in a folder `003` (MVTec LOCO).
pub(super) struct Masks {
    files: BTreeMap<PathBuf, PathBuf>,
    folders: BTreeMap<PathBuf, PathBuf>,
}

impl Masks {
    /// The masks in `folder`; none when there is no such folder.
    pub fn in_folder(all: &Below, folder: &Path) -> Self {
        let (mut files, mut folders) = (BTreeMap::new(), BTreeMap::new());
        for path in all.under(folder) {
            let relative = path.strip_prefix(folder).unwrap_or(&path).with_extension("");
            if let Some(inner) = relative.parent().filter(|inner| !inner.as_os_str().is_empty()) {
                folders.insert(inner.to_path_buf(), folder.join(inner));
            }
            files.insert(relative, path);
        }
        Self { files, folders }
    }

    /// The mask of a picture of the folder `kind`: a file, or a folder of several.
    pub fn of(&self, kind: &Path, picture: &Path) -> Option<PathBuf> {
        let relative = picture.strip_prefix(kind).unwrap_or(picture).with_extension("");
        let mut masked = OsString::from(relative.file_name()?);
        masked.push("_mask");
        let alone = |path: &Path| path.file_name().map(PathBuf::from);
        let file = |path: PathBuf| self.files.get(&path);
        file(relative.with_file_name(&masked))
            .or_else(|| file(relative.clone()))
            .or_else(|| self.folders.get(&relative).filter(|_| !kind.join(&relative).is_dir()))
            .or_else(|| file(masked.into()))
            .or_else(|| file(alone(&relative)?))
            .cloned()
    }
}

/// The pictures of the folder `kind` as samples; good ones if `defect` is `None`.
pub(super) fn samples(all: &Below, kind: &Path, defect: Option<&str>, truth: &Path) -> Vec<Sample> {
    let masks = defect.map(|_| Masks::in_folder(all, truth));
    let sample = |path: PathBuf| Sample {
        mask: masks.as_ref().and_then(|masks| masks.of(kind, &path)),
        defect: defect.map(str::to_owned),
        path,
    };
    all.under(kind).into_iter().map(sample).collect()
}

/// Reads the mask of a sample; if it is a folder, the union of the masks in it.
///
/// # Errors
/// As [`open_mask`](crate::picture::open_mask); [`Error::Picture`] where they differ in size.
pub fn open_mask(path: &Path) -> Result<Mask> {
    if !path.is_dir() {
        return crate::picture::open_mask(path);
    }
    let mut whole: Option<Mask> = None;
    for file in pictures_below(path)? {
        let mask = crate::picture::open_mask(&file)?;
        match &mut whole {
            None => whole = Some(mask),
            Some(whole) if (whole.width, whole.height) == (mask.width, mask.height) => {
                whole.data.iter_mut().zip(mask.data).for_each(|(all, marked)| *all |= marked);
            }
            Some(_) => {
                return Err(Error::picture(
                    file,
                    "of another size than the masks beside it; export it again",
                ));
            }
        }
    }
    whole.ok_or_else(|| Error::dataset(path, "there is no mask in this folder"))
}

/// As [`open_mask`], of a picture with so many pixels.
///
/// # Errors
/// As [`open_mask`]; [`Error::Picture`] where the mask has another size than its picture.
pub fn open_mask_for(path: &Path, picture: Size) -> Result<Mask> {
    let mask = open_mask(path)?;
    if (mask.width, mask.height) != (picture.width, picture.height) {
        let reason = format!(
            "the mask is {} x {}, its picture {} x {}; export the mask at the picture's size",
            mask.width, mask.height, picture.width, picture.height
        );
        return Err(Error::picture(path, reason));
    }
    Ok(mask)
}

/// What is wrong with a mask that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MaskFault {
    /// Nothing is marked.
    Empty,
    /// Most of the picture is marked, as if black and white were swapped.
    Inverted,
    /// The defect is in the alpha channel, which is not read.
    Alpha,
    /// Too small for the model's input: nothing of it is left at that size.
    Vanishing,
    /// The mask of another picture as well.
    Shared,
}

impl MaskFault {
    /// What is wrong with `mask`, read from `path`, of a defective picture; `size` is the model's input size.
    pub fn of(path: &Path, mask: &Mask, size: Option<Size>) -> Option<Self> {
        let (marked, all) = (mask.count(), mask.data.len());
        if (marked == 0 || marked == all) && path.is_file() && is_drawn_in_alpha(path) {
            return Some(Self::Alpha);
        }
        match marked {
            0 => Some(Self::Empty),
            _ if 2 * marked > all => Some(Self::Inverted),
            _ => size
                .filter(|size| mask.resize_pil_nearest(size.width, size.height).count() == 0)
                .map(|_| Self::Vanishing),
        }
    }

    /// A line on `count` masks with this fault.
    pub fn advice(self, count: usize) -> Advice {
        let text = match self {
            Self::Empty => "of anomalous pictures with nothing marked; check them",
            Self::Inverted => {
                "marking most of the picture: inverted? Defects must be white and all else black"
            }
            Self::Alpha => "drawn in the alpha channel, which is not read; save as white on black",
            Self::Vanishing => {
                "vanishing at the model's size: in the pixel metrics nothing is marked there; train with a greater --size"
            }
            Self::Shared => "belonging to several pictures by name; give each picture a mask of its own",
        };
        let text = match self {
            // The wording of earlier versions.
            Self::Empty => format!("{count} mask(s) {text}"),
            _ => format!("{} {text}", counted(count, "mask")),
        };
        Advice { level: Level::Warning, text }
    }

    /// A line for each kind of fault.
    pub fn all_advice(faults: &[Self]) -> Vec<Advice> {
        let kinds: BTreeSet<Self> = faults.iter().copied().collect();
        kinds
            .into_iter()
            .map(|kind| kind.advice(faults.iter().filter(|fault| **fault == kind).count()))
            .collect()
    }
}

/// Masks that several pictures share, each listed once.
pub fn shared_masks(test: &[Sample]) -> Vec<PathBuf> {
    let mut uses: BTreeMap<&Path, usize> = BTreeMap::new();
    for mask in test.iter().filter_map(|sample| sample.mask.as_deref()) {
        *uses.entry(mask).or_default() += 1;
    }
    uses.into_iter().filter(|(_, count)| *count > 1).map(|(mask, _)| mask.into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgba, RgbaImage};

    fn put(path: &Path, marked: impl Fn(u32, u32) -> bool) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        GrayImage::from_fn(8, 6, |x, y| Luma([if marked(x, y) { 236 } else { 0 }])).save(path).unwrap();
    }

    #[test]
    fn several_masks_of_a_picture_are_united() {
        let folder = tempfile::tempdir().unwrap();
        let truth = folder.path().join("truth/000");
        put(&truth.join("000.png"), |x, y| (x, y) == (1, 1));
        put(&truth.join("001.png"), |x, y| (x, y) == (5, 2));
        let all = crate::listing::below(folder.path()).unwrap();
        let masks = Masks::in_folder(&all, &folder.path().join("truth"));
        let kind = folder.path().join("test");
        let found = masks.of(&kind, &kind.join("000.png")).unwrap();
        let mask = open_mask(&found).unwrap();
        assert_eq!((mask.count(), mask.data[8 + 1], mask.data[16 + 5]), (2, true, true));
        assert_eq!(masks.of(&kind, &kind.join("002.png")), None);
        GrayImage::new(3, 3).save(truth.join("002.png")).unwrap();
        assert!(open_mask(&found).unwrap_err().to_string().contains("002.png"));
    }

    #[test]
    fn faults_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let fault = |name: &str, size| {
            let path = folder.path().join(name);
            MaskFault::of(&path, &open_mask(&path).unwrap(), size)
        };
        put(&folder.path().join("small.png"), |x, y| (x, y) == (1, 1));
        put(&folder.path().join("none.png"), |_, _| false);
        put(&folder.path().join("most.png"), |x, _| x > 2);
        put(&folder.path().join("half.png"), |x, _| x > 3);
        for (name, color) in [("white.png", 255), ("black.png", 0)] {
            let picture =
                RgbaImage::from_fn(8, 6, |x, _| Rgba([color, color, color, if x == 2 { 255 } else { 0 }]));
            picture.save(folder.path().join(name)).unwrap();
        }
        RgbaImage::from_pixel(8, 6, Rgba([255; 4])).save(folder.path().join("opaque.png")).unwrap();
        let found = ["small.png", "none.png", "most.png", "half.png", "white.png", "black.png", "opaque.png"];
        let (alpha, inverted) = (Some(MaskFault::Alpha), Some(MaskFault::Inverted));
        let expected = [None, Some(MaskFault::Empty), inverted, None, alpha, alpha, inverted];
        assert_eq!(found.map(|name| fault(name, None)), expected);
        assert_eq!(
            (fault("small.png", Some(8.into())), fault("small.png", Some(2.into()))),
            (None, Some(MaskFault::Vanishing))
        );
        let lines = MaskFault::all_advice(&[MaskFault::Alpha, MaskFault::Inverted, MaskFault::Alpha]);
        assert!(
            lines[0].text.starts_with("1 mask marking") && lines[1].text.starts_with("2 masks drawn"),
            "{lines:?}"
        );
    }
}
