//! Verifies that a runtime gives the program's scores, by running the same pictures through both.

use super::Pixels;
use crate::detection::{Detection, Verdict};
use crate::picture::Picture;
use crate::{Error, Result};
use npyz::WriterBuilder;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// The largest relative difference of a score that passes.
pub const TOLERANCE: f64 = 1e-3;

/// Run with Python, in which the runtimes are easiest to install.
const SCRIPT: &str = include_str!("verify.py");

/// What one runtime answered.
#[derive(Clone, Debug, Deserialize)]
struct Said {
    runtime: String,
    scores: Vec<f64>,
    normalized: Vec<f64>,
    anomalous: Vec<bool>,
}

/// How a runtime's answers differ from the program's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Name and version.
    pub runtime: String,
    /// How many pictures were compared.
    pub pictures: usize,
    /// The largest difference of a score, as a share of it.
    pub largest_difference: f64,
    /// The largest difference of a normalized score.
    pub largest_normalized: f64,
    /// Pictures on which the verdicts differ.
    pub other_verdicts: usize,
}

impl Agreement {
    /// Whether all scores are within [`TOLERANCE`] and all verdicts the same.
    pub fn holds(&self) -> bool {
        self.largest_difference <= TOLERANCE
            && self.largest_normalized <= TOLERANCE
            && self.other_verdicts == 0
    }

    fn between(found: &[Detection], said: Said) -> Option<Self> {
        let same = [said.scores.len(), said.normalized.len(), said.anomalous.len()];
        if same != [found.len(); 3] {
            return None;
        }
        // A NaN counts as an infinite difference.
        let largest = |differences: &mut dyn Iterator<Item = f64>| {
            differences.fold(0.0, |most: f64, one| if one.is_nan() { f64::INFINITY } else { most.max(one) })
        };
        Some(Self {
            runtime: said.runtime,
            pictures: found.len(),
            largest_difference: largest(
                &mut found
                    .iter()
                    .zip(&said.scores)
                    .map(|(own, score)| ((own.score - score) / own.score).abs()),
            ),
            largest_normalized: largest(
                &mut found.iter().zip(&said.normalized).map(|(own, score)| (own.normalized - score).abs()),
            ),
            other_verdicts: found
                .iter()
                .zip(&said.anomalous)
                .filter(|&(own, &anomalous)| (own.verdict == Verdict::Anomalous) != anomalous)
                .count(),
        })
    }
}

/// Compares the graph at `path` with what the program `found` in `resized`, pictures of the graph's size, in each
/// runtime that `python` has: ONNX Runtime, OpenVINO.
///
/// # Errors
/// Python or every runtime is missing, or one failed.
pub fn verify(
    path: &Path,
    pixels: Pixels,
    resized: &[Picture],
    found: &[Detection],
    python: &OsStr,
) -> Result<Vec<Agreement>> {
    let folder = tempfile::tempdir().map_err(|e| Error::io(std::env::temp_dir(), e))?;
    let pictures = folder.path().join("pictures.npy");
    write(&pictures, resized).map_err(|e| Error::io(&pictures, e))?;
    let kind = match pixels {
        Pixels::U8 => "u8",
        Pixels::F32 => "f32",
    };
    let named = python.to_string_lossy();
    let output = Command::new(python)
        .args(["-c", SCRIPT])
        .args([path, &pictures])
        .arg(kind)
        .output()
        .map_err(|e| Error::Setting(format!("{named}: {e}; name a Python with `python`")))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last =
            words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned();
        let remedy = match last.contains("No module named") {
            true => "; install it with `pip install onnxruntime numpy`",
            false => "",
        };
        return Err(Error::Setting(format!("{named} failed on {}: {last}{remedy}", path.display())));
    }
    let answers = String::from_utf8_lossy(&output.stdout);
    let agreements = answers
        .lines()
        .map(|line| {
            let said = serde_json::from_str(line).ok();
            said.and_then(|said| Agreement::between(found, said))
                .ok_or_else(|| Error::Setting(format!("{named} answered what is no result: {line}")))
        })
        .collect::<Result<Vec<_>>>()?;
    match agreements.is_empty() {
        true => Err(Error::Setting(format!(
            "{named} has neither ONNX Runtime nor OpenVINO; install one (`pip install onnxruntime`) or name another \
             Python with `python`"
        ))),
        false => Ok(agreements),
    }
}

/// `[count, height, width, 3]`, bytes.
fn write(path: &Path, pictures: &[Picture]) -> std::io::Result<()> {
    let (width, height) = pictures.first().map_or((0, 0), Picture::dimensions);
    let shape = [pictures.len() as u64, u64::from(height), u64::from(width), 3];
    let file = std::io::BufWriter::new(std::fs::File::create(path)?);
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd()?;
    for picture in pictures {
        writer.extend(picture.as_raw().iter().copied())?;
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::judge;
    use crate::picture::ScoreMap;

    fn found(scores: &[f32]) -> Vec<Detection> {
        let map = |&score: &f32| ScoreMap { width: 1, height: 1, data: vec![score] };
        scores.iter().map(|score| judge(map(score), f64::from(*score), 1.0).unwrap()).collect()
    }

    fn said(scores: &[f64], anomalous: &[bool]) -> Said {
        let normalized = scores.iter().map(|score| score / (score + 1.0)).collect();
        Said { runtime: String::new(), scores: scores.to_vec(), normalized, anomalous: anomalous.to_vec() }
    }

    #[test]
    fn a_difference_is_told() {
        let own = found(&[0.5, 2.0]);
        let same = Agreement::between(&own, said(&[0.5, 2.001], &[false, true])).unwrap();
        assert!(same.holds() && (same.largest_difference - 5e-4).abs() < 1e-9, "{same:?}");
        let far = Agreement::between(&own, said(&[0.5, 2.003], &[false, true])).unwrap();
        assert!(!far.holds());
        let turned = Agreement::between(&own, said(&[0.5, 2.0], &[true, true])).unwrap();
        assert_eq!((turned.other_verdicts, turned.holds()), (1, false));
        assert!(!Agreement::between(&own, said(&[f64::NAN, 2.0], &[false, true])).unwrap().holds());
        assert!(Agreement::between(&own, said(&[0.5], &[false])).is_none());
    }

    #[test]
    fn a_missing_python_is_named() {
        let error =
            verify(Path::new("x.onnx"), Pixels::U8, &[], &[], OsStr::new("no-such-python")).unwrap_err();
        assert!(
            error.to_string().contains("no-such-python") && error.to_string().contains("`python`"),
            "{error}"
        );
    }
}
