//! A line of `aand detect`'s results: what was found in a picture, or why nothing was.

use crate::detection::{Detection, Found, Verdict, told_ms};
use crate::files::{exact, text};
use crate::nearest::Likeness;
use crate::report::cell;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A line of the results. Fields that do not apply are left out: a picture that could not be judged has no score; one
/// whose heat map could not be written has both a score and an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResultLine {
    /// The picture's path as given; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// The exact path where it is not UTF-8, percent-encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_bytes: Option<String>,
    /// The raw score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The score on the scale where 0.5 is the threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalized: Option<f64>,
    /// Whether the score exceeds the threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Distance of its embedding from the nearest one of the training; only if the model keeps some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
    /// The regions above the threshold, in pixels of the picture; none in a good one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<Vec<Found>>,
    /// Milliseconds of decoding, resizing and computing; writing the results is not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<f64>,
    /// The heat map, within the output folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heat: Option<String>,
    /// The overlay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlay: Option<String>,
    /// The raw map as NumPy array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map_npy: Option<String>,
    /// The raw map as 16-bit PNG.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map_png: Option<String>,
    /// The worst patch of an anomalous picture and what it is most like, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// What went wrong, and the remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether the error may be temporary; for this run only.
    #[serde(skip)]
    pub passing: bool,
    /// By this a later run recognizes that picture, model and settings are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// How the name of a picture of two patches ends.
pub const WHY: &str = "_why.png";

/// The worst patch of a picture, and the one of the good pictures that is most like it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Why {
    /// Around the worst patch: left edge, upper edge, width and height in pixels of the picture.
    #[serde(rename = "box")]
    pub bounds: [u32; 4],
    /// Which of the good pictures that the model keeps, counted from 1.
    pub good: usize,
    /// Around the good patch, in pixels of that picture.
    pub good_box: [u32; 4],
    /// How far they are apart: 1 - the cosine of the teacher's features.
    pub distance: f64,
    /// The picture of both, within the output folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

impl From<&Likeness> for Why {
    fn from(found: &Likeness) -> Self {
        Self {
            bounds: found.odd.bounds,
            good: found.picture + 1,
            good_box: found.good.bounds,
            distance: found.distance(),
            file: None,
        }
    }
}

/// The columns of `results.csv`; [`MORE`] only if a picture's name alone does not identify it and its results.
const COLUMNS: [&str; 6] = ["path", "score", "normalized", "verdict", "ms", "error"];
/// The regions as JSON; comes after the columns that older tables have too.
const REGIONS: &str = "regions";
const MORE: [&str; 4] = ["path_bytes", "heat", "overlay", "why"];

impl ResultLine {
    /// A line for a picture about which nothing is known yet.
    pub fn of(path: &Path) -> Self {
        Self { path: text(path), path_bytes: exact(path), ..Self::default() }
    }

    /// Records what was found, and in how many milliseconds if times are wanted.
    pub fn judge(&mut self, found: &Detection, ms: Option<f64>) {
        self.score = Some(found.score);
        self.normalized = Some(found.normalized);
        self.verdict = Some(found.verdict);
        self.regions = Some(found.regions.clone());
        self.ms = ms.map(told_ms);
    }

    /// Whether the line is complete: the picture was judged without an error.
    pub fn is_judged(&self) -> bool {
        let finite = |number: Option<f64>| number.is_some_and(f64::is_finite);
        self.error.is_none() && self.verdict.is_some() && finite(self.score) && finite(self.normalized)
    }

    /// Records an error; the first of several is kept.
    pub fn fail(&mut self, error: &Error) {
        self.passing |= error.is_temporary();
        self.error.get_or_insert(super::one_line(error));
    }

    /// Records the name of a result file that was written, or the error.
    pub fn wrote(&mut self, ending: &str, name: &str, written: Result<()>) {
        let place = match ending {
            "heat.png" => &mut self.heat,
            "overlay.png" => &mut self.overlay,
            "map.npy" => &mut self.map_npy,
            "map.png" => &mut self.map_png,
            _ => match &mut self.why {
                Some(why) => &mut why.file,
                None => return,
            },
        };
        match written {
            Ok(()) => *place = Some(name.into()),
            Err(error) => self.fail(&error),
        }
    }

    /// The picture's result files.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        [&self.heat, &self.overlay, &self.map_npy, &self.map_png, self.why_file()]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    fn why_file(&self) -> &Option<String> {
        self.why.as_ref().map_or(&None, |why| &why.file)
    }

    /// The table's first row.
    pub fn head(more: bool) -> Vec<String> {
        let more = if more { MORE.as_slice() } else { &[] };
        COLUMNS.iter().chain([&REGIONS]).chain(more).map(|&name| name.into()).collect()
    }

    /// Its row of the table; fields that do not apply are empty.
    pub fn row(&self, more: bool) -> Vec<String> {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let words = |value: &Option<String>| value.as_deref().map(cell).unwrap_or_default();
        let mut row = vec![
            cell(&self.path),
            number(self.score),
            number(self.normalized),
            self.verdict.map(Verdict::word).unwrap_or_default().into(),
            number(self.ms),
            words(&self.error),
            self.regions.as_ref().and_then(|regions| serde_json::to_string(regions).ok()).unwrap_or_default(),
        ];
        if more {
            row.extend([&self.path_bytes, &self.heat, &self.overlay, self.why_file()].map(words));
        }
        row
    }
}

/// Whether a file that begins with `head` is one of the tables of results.
pub fn is_own_table(head: &[u8]) -> bool {
    head.starts_with(COLUMNS.join(",").as_bytes()) || head.starts_with(b"{\"path\":\"")
}

/// How many pictures there were of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Judged good.
    pub good: usize,
    /// Judged anomalous.
    pub anomalous: usize,
    /// Not judged, or their results could not be written.
    pub failed: usize,
    /// How many of the failed ones failed for a reason that may be temporary, such as a full disk.
    pub passing: usize,
}

impl Count {
    /// Counts one more line.
    pub fn add(&mut self, line: &ResultLine) {
        match line.verdict.filter(|_| line.error.is_none()) {
            Some(Verdict::Good) => self.good += 1,
            Some(Verdict::Anomalous) => self.anomalous += 1,
            None => {
                self.failed += 1;
                self.passing += usize::from(line.passing);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_survives_as_json_and_says_only_what_applies() {
        let mut line = ResultLine::of(Path::new("=a.png"));
        line.fail(&Error::Setting("first".into()));
        line.fail(&Error::Setting("second".into()));
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(text, r#"{"path":"=a.png","error":"first"}"#);
        assert_eq!(serde_json::from_str::<ResultLine>(&text).unwrap(), line);
        assert_eq!(line.row(false), ["'=a.png", "", "", "", "", "first", ""]);
        assert!(!line.is_judged());
        let judged = r#"{"path":"a","score":1.5,"normalized":0.5,"verdict":"good"}"#;
        assert!(serde_json::from_str::<ResultLine>(judged).unwrap().is_judged());
        for part in [r#","score":1.5"#, r#","normalized":0.5"#, r#","verdict":"good""#] {
            assert!(
                !serde_json::from_str::<ResultLine>(&judged.replace(part, "")).unwrap().is_judged(),
                "{part}"
            );
        }
        let mut count = Count::default();
        let good = serde_json::from_str(judged).unwrap();
        let unwritten = ResultLine { verdict: Some(Verdict::Anomalous), passing: true, ..line.clone() };
        [&good, &line, &unwritten].into_iter().for_each(|line| count.add(line));
        assert_eq!(count, Count { good: 1, anomalous: 0, failed: 2, passing: 1 });
        line.score = Some(-0.5);
        line.wrote("heat.png", "a_heat.png", Ok(()));
        assert!(is_own_table(text.as_bytes()) && is_own_table(ResultLine::head(true).join(",").as_bytes()));
        assert!(!is_own_table(b"path,x") && !is_own_table(b"{}"));
        assert_eq!(line.row(true)[1], "-0.5");
        assert_eq!(
            (line.files().next(), line.row(true).len()),
            (Some("a_heat.png"), ResultLine::head(true).len())
        );
        // Where nothing was asked about a patch no file of it is told of.
        line.wrote("why.png", "a_why.png", Ok(()));
        assert_eq!(line.files().count(), 1);
        line.why =
            Some(Why { bounds: [1, 2, 3, 4], good: 5, good_box: [6, 7, 8, 9], distance: 0.25, file: None });
        line.wrote("why.png", "a_why.png", Ok(()));
        assert_eq!(line.files().collect::<Vec<_>>(), ["a_heat.png", "a_why.png"]);
        assert_eq!(line.row(true).last().unwrap(), "a_why.png");
        let text = serde_json::to_string(&line).unwrap();
        let told =
            r#""why":{"box":[1,2,3,4],"good":5,"good_box":[6,7,8,9],"distance":0.25,"file":"a_why.png"}"#;
        assert!(text.contains(told), "{text}");
        assert_eq!(serde_json::from_str::<ResultLine>(&text).unwrap().why, line.why);
    }
}
