//! VisA: `Data/Images/{Normal,Anomaly}`, `Data/Masks/Anomaly`, and the split in the root's
//! `split_csv/1cls.csv` (method.md 7).
//!
//! Without the split, or when it does not name the category, Normal is for training and Anomaly for testing.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::Sample;
use super::list::{Masks, pictures};
use crate::error::{Error, Result};

/// VisA does not tell kinds of defect apart.
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

/// Good pictures for training, and labelled pictures.
pub(super) fn split(folder: &Path, category: &str) -> Result<(Vec<PathBuf>, Vec<Sample>)> {
    let masks = Masks::in_folder(&folder.join("Data").join("Masks").join("Anomaly"))?;
    let root = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let table =
        root.map_or_else(|| PathBuf::from(".."), Path::to_path_buf).join("split_csv").join("1cls.csv");
    let rows = if table.is_file() { read(&table, category)? } else { Vec::new() };
    if rows.is_empty() {
        return by_folder(folder, &masks);
    }

    let (mut train, mut test, mut absent) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let path = inside(folder, &row.image, &table)?;
        if !path.is_file() {
            absent.push(path);
            continue;
        }
        let good = row.label.eq_ignore_ascii_case("normal");
        if row.split.eq_ignore_ascii_case("test") {
            let mask = match row.mask.filter(|mask| !mask.trim().is_empty() && !good) {
                Some(mask) => Some(inside(folder, &mask, &table)?).filter(|mask| mask.is_file()),
                None => None,
            };
            let mask = mask.or_else(|| masks.of(&path).filter(|_| !good));
            test.push(Sample { path, defect: (!good).then(|| DEFECT.into()), mask });
        } else if good {
            train.push(path);
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
    Ok((train, test))
}

fn by_folder(folder: &Path, masks: &Masks) -> Result<(Vec<PathBuf>, Vec<Sample>)> {
    let images = folder.join("Data").join("Images");
    let sample = |path: PathBuf| Sample { mask: masks.of(&path), defect: Some(DEFECT.into()), path };
    let test = pictures(&images.join("Anomaly"))?.into_iter().map(sample).collect();
    Ok((pictures(&images.join("Normal"))?, test))
}

fn read(table: &Path, category: &str) -> Result<Vec<Row>> {
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
    let mut rows = Vec::new();
    for row in reader.deserialize::<Row>() {
        let row = row.map_err(wrong)?;
        if row.object == category {
            rows.push(row);
        }
    }
    Ok(rows)
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

/// The file a table means by `<category>/...`, which must lie inside the category.
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

/// Every mask there is, with or without a picture.
pub(super) fn masks(folder: &Path) -> Result<Vec<PathBuf>> {
    let root = folder.join("Data").join("Masks");
    let mut found = pictures(&root)?;
    found.extend(pictures(&root.join("Anomaly"))?);
    Ok(found)
}
