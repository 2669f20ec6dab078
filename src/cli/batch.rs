//! A batch of `aand detect`: judges its pictures and writes their heat maps, overlays, raw maps and worst patches.

use super::detect::DetectArgs;
use super::folder::remove_result;
use super::inputs::Input;
use super::line::{ResultLine, Why};
use super::output::{write_npy, write_picture, write_png16};
use super::results::JOURNAL;
use crate::detection::{Detection, Detector, Verdict, draw_boxes, heat_map, overlay};
use crate::embedding::Familiar;
use crate::nearest::{Gallery, Likeness};
use crate::picture::{Picture, Seen, Size};
use crate::{Error, Result};
use rayon::prelude::*;
use std::borrow::Cow;
use std::path::Path;
use std::time::Instant;

/// A picture ready to be judged.
pub struct Prepared {
    /// As it was read.
    pub native: Picture,
    /// As the model sees it; none if it looks at tiles of the picture itself.
    pub seen: Option<Seen<'static>>,
    /// Milliseconds that this took.
    pub ms: f64,
}

impl Prepared {
    fn seen(&self) -> Seen<'_> {
        let picture = self.seen.as_ref().map_or(&self.native, |seen| &seen.picture);
        Seen { picture: Cow::Borrowed(picture), native: Size::of(&self.native) }
    }
}

/// What looks at pictures.
#[derive(Clone, Copy)]
pub struct Looking<'a> {
    /// Finds anomalies.
    pub detector: &'a Detector,
    /// Tells how far they are from those of the training, where that is asked for.
    pub familiar: Option<&'a Familiar>,
    /// Shows what their worst patches are like, where that is asked for.
    pub gallery: Option<&'a Gallery>,
}

/// What was found in a picture.
struct Judged {
    found: Detection,
    read: Prepared,
    /// How far it is from those of the training.
    distance: Option<f64>,
    /// What its worst patch is like, and the milliseconds that this took.
    why: Option<(Likeness, f64)>,
}

/// What the worst patch of an anomalous picture is like.
fn likeness(gallery: &Gallery, found: &Detection, read: &Prepared) -> Option<(Likeness, f64)> {
    let started = Instant::now();
    let alike = match found.verdict {
        Verdict::Anomalous => gallery.nearest(&read.seen(), found.map.peak())?,
        Verdict::Good => return None,
    };
    Some((alike, started.elapsed().as_secs_f64() * 1000.0))
}

/// A picture to judge: its number among all, and the fingerprint by which a later run recognizes it.
pub struct Job<'a> {
    /// Its number.
    pub index: usize,
    /// The picture.
    pub input: &'a Input,
    /// See [`fingerprint`](super::results::fingerprint); none if the file cannot be examined.
    pub fingerprint: Option<String>,
}

/// `part` to `part_heat.png`.
pub fn file(stem: &str, ending: &str) -> String {
    format!("{stem}_{ending}")
}

/// Judges a batch and writes its results; returns a line for each picture.
///
/// # Errors
/// The device failed. An error of a single picture goes into its line instead.
pub fn one_batch(
    args: &DetectArgs,
    jobs: &[Job],
    read: Vec<Result<Prepared>>,
    Looking { detector, familiar, gallery }: Looking<'_>,
) -> Result<Vec<ResultLine>> {
    let started = Instant::now();
    let seen: Vec<Seen<'_>> = read.iter().flatten().map(Prepared::seen).collect();
    let mut found = pollster::block_on(detector.look(&seen, &mut |_, _| {}))?.into_iter();
    let distances = familiar.map_or(Ok(Vec::new()), |familiar| familiar.distances(&seen))?;
    let mut distances = distances.into_iter();
    let share = started.elapsed().as_secs_f64() * 1000.0 / seen.len().max(1) as f64;
    drop(seen);
    let mut judged = Vec::with_capacity(jobs.len());
    for read in read {
        judged.push(match read {
            Ok(read) => {
                let map = found.next().ok_or_else(|| Error::Device("a map is missing".into()))?;
                let distance = distances.next();
                detector.judge(map, Size::of(&read.native)).map(|found| {
                    let why = gallery.and_then(|gallery| likeness(gallery, &found, &read));
                    Judged { found, read, distance, why }
                })
            }
            Err(error) => Err(error),
        });
    }
    let threshold = detector.info.threshold.value;
    let line = |(job, judged): (&Job, Result<Judged>)| {
        let mut line = ResultLine { fingerprint: job.fingerprint.clone(), ..ResultLine::of(&job.input.path) };
        match judged {
            Ok(judged) => {
                let ms = judged.read.ms + share + judged.why.as_ref().map_or(0.0, |(_, ms)| *ms);
                line.distance = judged.distance;
                line.judge(&judged.found, (!args.no_times).then_some(ms));
                line.why = judged.why.as_ref().map(|(alike, _)| Why::from(alike));
                let count = gallery.map_or(0, Gallery::len);
                write_results(args, &job.input.stem, &judged, (threshold, count), &mut line);
            }
            Err(error) => line.fail(&named(error, &job.input.path)),
        }
        // What an earlier run made of this picture and this one did not would contradict the line.
        for old in args.files(job.input).iter().filter(|name| !line.files().any(|made| made == *name)) {
            remove_result(&args.out.join(old));
        }
        line
    };
    Ok(jobs.par_iter().zip(judged).map(line).collect())
}

/// Adds the picture's path, which errors of the device lack.
fn named(error: Error, picture: &Path) -> Error {
    match error {
        Error::Device(reason) => Error::picture(picture, reason),
        other => other,
    }
}

/// Writes the pictures of one result, maps at the judged picture's own size; `count` is the number of good pictures that its
/// worst patch was compared with. If one cannot be written, the others still are.
fn write_results(
    args: &DetectArgs,
    stem: &str,
    Judged { found, read, why, .. }: &Judged,
    (threshold, count): (f64, usize),
    line: &mut ResultLine,
) {
    let native = &read.native;
    // Nobody asks why a picture is good.
    for ending in args.endings().filter(|ending| why.is_some() || *ending != "why.png") {
        let name = file(stem, ending);
        let path = args.out.join(&name);
        let written = make_folder(&path, &args.out).and_then(|()| match ending {
            "heat.png" => write_picture(&path, &heat_map(&found.map, Size::of(native), threshold)),
            "overlay.png" => {
                let mut picture = overlay(native, &found.map, threshold);
                draw_boxes(&mut picture, &found.regions, Size::of(native));
                write_picture(&path, &picture)
            }
            "map.npy" => write_npy(&path, &found.map),
            "map.png" => write_png16(&path, &found.map, threshold),
            _ => why.as_ref().map_or(Ok(()), |(alike, _)| write_picture(&path, &alike.beside(count))),
        });
        line.wrote(ending, &name, written);
    }
}

/// Makes the folder of a result within the output folder. The output folder itself is not made again: if it has
/// vanished, so have the earlier results.
fn make_folder(path: &Path, out: &Path) -> Result<()> {
    let folder = crate::files::folder_of(path);
    if !out.join(JOURNAL).exists() {
        return Err(Error::io(out, std::io::ErrorKind::NotFound.into()));
    }
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))
}
