//! VisA: `Data/Images/{Normal,Anomaly}`, `Data/Masks/Anomaly`, and the split in the root's
//! `split_csv/1cls.csv` (method.md 7).
//!
//! Without the split, or if it does not name the category, Normal is for training and Anomaly for testing.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::Sample;
use super::masks::{Masks, samples};
use crate::error::{Error, Result};
use crate::listing::Below;

/// The one kind of defect: VisA does not distinguish several.
const DEFECT: &str = "anomaly";

/// Whether `folder` is a category of this layout.
pub(super) fn is_category(folder: &Path) -> bool {
    let images = folder.join("Data").join("Images");
    images.join("Normal").is_dir() || images.join("Anomaly").is_dir()
}

/// A line of `1cls.csv`; the paths are relative to the root and start with the category.
#[derive(Deserialize)]
struct Row {
    object: String,
    split: String,
    label: String,
    image: String,
    mask: Option<String>,
}

/// Good pictures for training, and labeled pictures. If the table is unusable, `all.left_out` says so.
pub(super) fn split(all: &mut Below, folder: &Path, category: &str) -> Result<(Vec<PathBuf>, Vec<Sample>)> {
    let images = folder.join("Data").join("Images");
    let truth = masks_folder(folder);
    let root = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let table =
        root.map_or_else(|| PathBuf::from(".."), Path::to_path_buf).join("split_csv").join("1cls.csv");
    let by_folder = |all: &Below| {
        (all.under(&images.join("Normal")), samples(all, &images.join("Anomaly"), Some(DEFECT), &truth))
    };
    if !table.is_file() {
        return Ok(by_folder(all));
    }
    let (rows, objects) = read(&table, category)?;
    if rows.is_empty() {
        let names = objects.into_iter().take(5).collect::<Vec<_>>().join(", ");
        all.left_out.remarks.push(format!(
            "{} does not name {category} but {}; split by folder instead: Normal for training, Anomaly for testing",
            table.display(),
            if names.is_empty() { "nothing" } else { &names }
        ));
        return Ok(by_folder(all));
    }

    let masks = Masks::in_folder(all, &truth);
    let (mut train, mut test, mut absent, mut unknown) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for row in rows {
        let path = inside(folder, &row.image, &table)?;
        if !path.is_file() {
            absent.push(path);
            continue;
        }
        if !all.keeps(&path) {
            continue;
        }
        let good = row.label.eq_ignore_ascii_case("normal");
        if row.split.eq_ignore_ascii_case("test") {
            let mask = match row.mask.filter(|mask| !mask.trim().is_empty() && !good) {
                Some(mask) => Some(inside(folder, &mask, &table)?).filter(|mask| mask.is_file()),
                None => None,
            };
            let mask = mask.or_else(|| masks.of(&images.join("Anomaly"), &path).filter(|_| !good));
            test.push(Sample { path, defect: (!good).then(|| DEFECT.into()), mask });
        } else if good && row.split.eq_ignore_ascii_case("train") {
            train.push(path);
        } else {
            unknown += 1;
        }
    }
    if let Some(first) = absent.first() {
        return Err(Error::dataset(
            &table,
            format!(
                "it names {} pictures of {category} that are not here, the first is {}; \
                 unpack the data set again, or move the table away to split by folder",
                absent.len(),
                first.display()
            ),
        ));
    }
    if unknown > 0 {
        all.left_out.remarks.push(format!(
            "{} has {unknown} line(s) of {category} that are neither `train, normal` nor `test`; left out",
            table.display()
        ));
    }
    Ok((train, test))
}

/// Where the masks of anomalous pictures lie.
fn masks_folder(folder: &Path) -> PathBuf {
    folder.join("Data").join("Masks").join("Anomaly")
}

/// The lines of a category, and the names of the other categories.
fn read(table: &Path, category: &str) -> Result<(Vec<Row>, BTreeSet<String>)> {
    let wrong = |error: csv::Error| match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::io(table, source),
        kind => Error::dataset(
            table,
            format!(
                "not a split table with the columns object, split, label, image, mask ({}); \
                 unpack the data set again",
                csv_reason(kind)
            ),
        ),
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(table).map_err(wrong)?;
    let (mut rows, mut others) = (Vec::new(), BTreeSet::new());
    for row in reader.deserialize::<Row>() {
        let row = row.map_err(wrong)?;
        if row.object.eq_ignore_ascii_case(category) {
            rows.push(row);
        } else {
            others.insert(row.object);
        }
    }
    Ok((rows, others))
}

fn csv_reason(kind: csv::ErrorKind) -> String {
    match kind {
        csv::ErrorKind::Deserialize { pos, err } => match pos {
            Some(pos) => format!("line {}: {err}", pos.line()),
            None => err.to_string(),
        },
        csv::ErrorKind::UnequalLengths { pos, .. } => match pos {
            Some(pos) => format!("line {} has another number of columns", pos.line()),
            None => "lines of different lengths".into(),
        },
        csv::ErrorKind::Utf8 { err, .. } => err.to_string(),
        _ => "unreadable".into(),
    }
}

/// The file that a table's `<category>/...` refers to, which must lie inside the category.
fn inside(folder: &Path, relative: &str, table: &Path) -> Result<PathBuf> {
    let relative = relative.replace('\\', "/");
    let mut parts = Path::new(&relative).components().filter(|part| *part != Component::CurDir);
    parts.next();
    let rest: PathBuf = parts.collect();
    let plain = Path::new(&relative)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !plain || rest.as_os_str().is_empty() {
        let reason = format!("`{relative}` is no path inside the category; unpack the data set again");
        return Err(Error::dataset(table, reason));
    }
    Ok(folder.join(rest))
}

/// Every mask, with or without a picture.
pub(super) fn masks(all: &Below, folder: &Path) -> Vec<PathBuf> {
    all.under(&folder.join("Data").join("Masks"))
}
