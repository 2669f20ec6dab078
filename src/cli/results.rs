//! `results.csv` and `results.jsonl`: written line by line, visible under their names when all are there.

use super::output::temporary;
use crate::detection::{Detection, Verdict};
use crate::{Error, Result};
use serde::Serialize;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A line of the results: `path score normalized verdict ms`, or `path error`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Line {
    /// A picture that was judged.
    Judged {
        /// The picture, as it was given.
        path: String,
        /// The raw score.
        score: f64,
        /// The score on the scale where 0.5 is the threshold.
        normalized: f64,
        /// Whether the score exceeds the threshold.
        verdict: Verdict,
        /// Milliseconds of decoding, resizing and computing; writing the results is not counted.
        ms: f64,
    },
    /// A picture that could not be judged.
    Failed {
        /// The picture, as it was given.
        path: String,
        /// Why, and what to do.
        error: String,
    },
}

impl Line {
    /// What was found in the picture `path`.
    pub fn judged(path: &Path, found: &Detection, ms: f64) -> Self {
        Self::Judged {
            path: path.display().to_string(),
            score: found.score,
            normalized: found.normalized,
            verdict: found.verdict,
            ms: (ms * 100.0).round() / 100.0,
        }
    }

    /// What went wrong with the picture `path`.
    pub fn failed(path: &Path, error: &Error) -> Self {
        Self::Failed { path: path.display().to_string(), error: error.to_string() }
    }

    fn csv(&self) -> [String; 6] {
        match self {
            Self::Judged { path, score, normalized, verdict, ms } => [
                path.clone(),
                score.to_string(),
                normalized.to_string(),
                word(*verdict).into(),
                ms.to_string(),
                String::new(),
            ],
            Self::Failed { path, error } => {
                let none = String::new;
                [path.clone(), none(), none(), none(), none(), error.clone()]
            }
        }
    }
}

/// A verdict as results have it.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Anomalous => "anomalous",
    }
}

/// Both files while they are written.
pub struct Results {
    folder: PathBuf,
    json: BufWriter<NamedTempFile>,
    csv: csv::Writer<NamedTempFile>,
}

impl Results {
    /// Starts both in `folder`.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn new(folder: &Path) -> Result<Self> {
        let json = BufWriter::new(temporary(folder)?);
        let mut csv = csv::Writer::from_writer(temporary(folder)?);
        csv.write_record(["path", "score", "normalized", "verdict", "ms", "error"])
            .map_err(|e| Error::io(folder, e.into()))?;
        Ok(Self { folder: folder.into(), json, csv })
    }

    /// Adds a line; returns it as JSON.
    ///
    /// # Errors
    /// The disk is full.
    pub fn add(&mut self, line: &Line) -> Result<String> {
        let wrong = |e: std::io::Error| Error::io(&self.folder, e);
        let text = serde_json::to_string(line).map_err(|e| wrong(e.into()))?;
        writeln!(self.json, "{text}").map_err(wrong)?;
        self.csv.write_record(line.csv()).map_err(|e| wrong(e.into()))?;
        Ok(text)
    }

    /// Gives both their names.
    ///
    /// # Errors
    /// They cannot be written or renamed.
    pub fn finish(self) -> Result<()> {
        let Self { folder, json, csv } = self;
        let wrong = |e: std::io::Error| Error::io(&folder, e);
        let json = json.into_inner().map_err(|e| wrong(e.into_error()))?;
        let csv = csv.into_inner().map_err(|e| wrong(e.into_error()))?;
        for (file, name) in [(json, "results.jsonl"), (csv, "results.csv")] {
            let path = folder.join(name);
            file.as_file().sync_all().map_err(|e| Error::io(&path, e))?;
            file.persist(&path).map_err(|e| Error::io(&path, e.error))?;
        }
        Ok(())
    }
}
