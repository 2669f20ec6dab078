//! `aand detect MODEL IMAGES… --out DIR`: heat maps, overlays, scores and verdicts.
//!
//! Pictures stream through in batches: one thread reads, decodes and resizes ahead while this one computes and
//! writes, so that a thousand pictures take no more memory than ten. A picture that fails gets a line that says why;
//! the others go on.

use super::batch::{Job, Looking, Prepared, file, one_batch};
use super::folder::Folder;
use super::inputs::{Input, find};
use super::line::{Count, ResultLine};
use super::part::{self, Part};
use super::progress::bar;
use super::results::{Earlier, RESULTS, Results, fingerprint};
use super::shard::Shard;
use super::{DeviceArgs, Verbosity, region, skipped, stop};
use crate::detection::Detector;
use crate::embedding::Familiar;
use crate::gpu::{MatrixUnits, Processor};
use crate::model::{self, Info, Precision, Selection, StoredModel, Threshold};
use crate::nearest::Gallery;
use crate::picture::{Remarks, Size, open_size};
use crate::training::prefetch_few;
use crate::{Error, Result, terminal};
use clap::{Args, ValueEnum};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Options of `aand detect`.
#[derive(Debug, Args)]
pub struct DetectArgs {
    /// The model file
    model: PathBuf,
    /// Pictures, and folders of pictures with their sub-folders
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// The folder for heat maps, overlays, what else is asked for, results.csv and results.jsonl
    #[arg(long)]
    pub(super) out: PathBuf,
    /// Also write the raw anomaly map at the model's input size: npy (f32), png16 (16 bit, 65535 is twice the
    /// threshold), or both
    #[arg(long, value_enum, value_delimiter = ',')]
    raw: Vec<Raw>,
    /// Call pictures with a higher score anomalous, instead of using the model's own threshold
    #[arg(long, value_parser = positive)]
    threshold: Option<f64>,
    /// Report no region with fewer pixels of the picture than this; it still counts for the score
    #[arg(long, value_name = "PIXELS", default_value_t = 0.0, value_parser = pixels)]
    min_area: f64,
    /// Pixels that a tile shares with the next, instead of the model's; for models that look at tiles
    #[arg(long, value_name = "PIXELS")]
    overlap: Option<usize>,
    /// The region of the pictures that counts, instead of the model's: a mask's file, x,y,width,height, or a
    /// polygon's .json
    #[arg(long, value_name = "REGION")]
    roi: Option<String>,
    /// Write no heat maps
    #[arg(long)]
    no_heat: bool,
    /// Report how far each picture is from those of the training, for `aand watch`. The teacher computes this on the
    /// CPU: a third more time than detection on the CPU, a larger share beside a GPU
    #[arg(long)]
    distance: bool,
    /// Write no overlays
    #[arg(long)]
    no_overlay: bool,
    /// Of each anomalous picture, show the worst patch beside the patch of the good pictures that is most like it
    /// (NAME_why.png); for models that keep good pictures. The teacher looks once more at these pictures, on the CPU
    #[arg(long)]
    why: bool,
    /// Judge only part I of N of the pictures, I from 1 to N; `aand merge` joins all parts. A picture's part depends on
    /// its path alone, so new pictures move none of the others. auto takes I and N from a SLURM job array; auto/N takes
    /// only I, also from a Kubernetes Indexed Job
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Leave out how long each picture took, so that the same pictures give the same bytes
    #[arg(long)]
    pub(super) no_times: bool,
    /// Judge all pictures again, even those that an earlier run with the same model and settings has judged
    #[arg(long)]
    again: bool,
    /// Pictures computed at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// What a GPU computes with: f32, or f16 where the GPU has it (less memory to move; scores within 1 %)
    #[arg(long, value_enum, default_value = "f32")]
    precision: Precision,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// The form of a raw map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Raw {
    /// NumPy, f32.
    Npy,
    /// PNG, 16 bit.
    Png16,
}

fn positive(text: &str) -> std::result::Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err("must be positive".into()) }
}

fn pixels(text: &str) -> std::result::Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("must be 0 or more".into()) }
}

/// Runs `aand detect`.
pub fn run(args: &DetectArgs) -> Result<()> {
    let verbosity = args.verbosity;
    let (all, left_out) = find(&args.images, &args.out)?;
    let first = all.first().map(|input| input.path.clone());
    let name_files = all.iter().any(|input| input.renamed);
    let folder = Folder::open(&args.out)?;
    let mut earlier = Earlier::read(&args.out);
    let (inputs, part) = args.own(all);
    let mut files: Vec<String> = inputs.iter().flat_map(|input| args.files(input)).collect();
    files.extend(RESULTS.map(str::to_owned));
    folder.check(&files, &earlier.files)?;
    let advice = left_out.advice();
    verbosity.advise(&advice);
    if verbosity.json && !advice.is_empty() {
        terminal::print(serde_json::json!({ "left_out": left_out }));
    }
    let processor = args.device.choose(verbosity)?;
    let mut detector = Detector::open_in(args.precision, &args.model, &processor)?;
    if args.precision == Precision::F16
        && let Some(units @ MatrixUnits::Failed(_)) = processor.matrix_units()
    {
        verbosity.say(format!("computed {units}"));
    }
    args.prepare(&mut detector, first.as_deref())?;
    let (model, settings) = args.run(&processor, &detector)?;
    let run = format!("{model} {settings}");
    let familiar = args.familiar()?;
    let asked = args.asked()?;
    stop::listen();

    part::clear(&args.out, args.shard.is_some())?;
    let started = Instant::now();
    let (kept, jobs) = args.begin(&mut earlier, &inputs, &run);
    // Where nothing is left to judge nothing is compared.
    let gallery = match asked.filter(|_| !jobs.is_empty()) {
        Some((stored, kept)) => Gallery::new(&stored.info, &stored, kept)?,
        None => None,
    };
    if earlier.any {
        verbosity.say(args.of_earlier(kept.len(), inputs.len()));
    }
    let names = inputs.iter().map(|input| input.path.as_os_str().len() + input.stem.len()).sum();
    let mut results = Results::new(&folder, &files, &kept, (inputs.len(), names))?;
    if name_files {
        results.name_files();
    }
    let mut count = Count::default();
    for (_, line) in &kept {
        let json = serde_json::to_string(line).map_err(|e| Error::io(&args.out, e.into()))?;
        tell(verbosity, line, &json, None, &mut count);
    }
    let removed = folder.remove_stale(&earlier.files, &files);
    if removed > 0 {
        verbosity.say(format!("removed {removed} heat maps and other files of results that are replaced"));
    }
    let looking = Looking { detector: &detector, familiar: familiar.as_ref(), gallery: gallery.as_ref() };
    let end = stream(args, &jobs, looking, &mut results, &mut count);
    // Whatever happened, the results so far are kept.
    let written = results.finish();
    let Count { good, anomalous, failed, passing } = count;
    let done = good + anomalous + failed;
    let out = args.out.display();
    if let Err(Error::Interrupted(_)) = end {
        written?;
        return Err(Error::Interrupted(format!(
            "stopped after {done} of {} pictures; their results are in {out}, run again for the others",
            inputs.len()
        )));
    }
    end.and(written)?;
    let rate = jobs.len() as f64 / started.elapsed().as_secs_f64().max(1e-9);
    verbosity.say(format!(
        "{} pictures: {good} good, {anomalous} anomalous, {failed} failed ({rate:.1} a second); results in {out}",
        inputs.len(),
    ));
    let told = || {
        let (count, table) = (inputs.len(), args.out.join(RESULTS[1]));
        format!("{failed} of {count} pictures failed; each is named above and in {}", table.display())
    };
    if passing > 0 {
        return Err(Error::Temporary(format!("{}; run again for these", told())));
    }
    if let Some(part) = part {
        let results = crate::weights::sha256(&args.out.join(RESULTS[0]))?;
        Part { model, settings: args.with_files(settings), name_files, results, ..part }.write(&args.out)?;
    }
    if failed > 0 { Err(Error::Incomplete(told())) } else { Ok(()) }
}

/// A line of an earlier run that is still valid, with its picture's number.
type Kept = (usize, ResultLine);

impl DetectArgs {
    /// The pictures of this run's part, and the record of the part; without --shard all pictures and no record.
    fn own(&self, all: Vec<Input>) -> (Vec<Input>, Option<Part>) {
        let Some(shard) = self.shard else { return (all, None) };
        let pictures = all.len();
        let listing = part::listing(all.iter().map(|input| (input.path.as_path(), input.stem.as_str())));
        let own = all.into_iter().enumerate().filter(|(_, input)| shard.holds(input.key));
        let (order, inputs): (Vec<usize>, Vec<Input>) = own.unzip();
        self.verbosity.say(format!("part {shard}: {} of {pictures} pictures", inputs.len()));
        (inputs, Some(Part { pictures, listing, order, ..Part::new(shard) }))
    }

    /// The settings of the results, with the kinds of files to write.
    fn with_files(&self, settings: String) -> String {
        let files = self.endings().collect::<Vec<_>>().join(",");
        format!("{settings} {files}{}", if self.no_times { " no times" } else { "" })
    }

    /// The names of all result files of a picture.
    pub(super) fn files(&self, input: &Input) -> Vec<String> {
        self.endings().map(|ending| file(&input.stem, ending)).collect()
    }

    /// The endings of the names of a picture's result files.
    pub(super) fn endings(&self) -> impl Iterator<Item = &'static str> + use<> {
        let wanted = [
            (!self.no_heat, "heat.png"),
            (!self.no_overlay, "overlay.png"),
            (self.raw.contains(&Raw::Npy), "map.npy"),
            (self.raw.contains(&Raw::Png16), "map.png"),
            (self.why, "why.png"),
        ];
        wanted.into_iter().filter_map(|(wanted, ending)| wanted.then_some(ending))
    }

    /// What the results depend on besides the pictures: the content of the model, and the program with its
    /// settings. The kinds of files wanted are not part of it: whether the files exist is checked instead.
    fn run(&self, processor: &Processor, detector: &Detector) -> Result<(String, String)> {
        let model = crate::weights::sha256(&self.model)?;
        let kind = if matches!(processor, Processor::Cpu) { "cpu" } else { "gpu" };
        let version = env!("CARGO_PKG_VERSION");
        let view = serde_json::to_string(&detector.info.view).unwrap_or_default();
        let (precision, threshold, min_area) = (self.precision, self.threshold, self.min_area);
        let distance = self.distance;
        Ok((model, format!("{version} {kind} {precision:?} {threshold:?} {min_area} {distance} {view}")))
    }

    /// Measures how far a picture is from those of the training, if asked for.
    fn familiar(&self) -> Result<Option<Familiar>> {
        if !self.distance {
            return Ok(None);
        }
        let stored = StoredModel::open(&self.model)?;
        // With the model's own view, whatever --roi and --overlap say: the training's embeddings were made
        // with it.
        let familiar = Familiar::new(&stored.info, &stored, stored.embeddings()?)?;
        let reason = "it keeps no pictures of its training, so there is no --distance to them; train anew with --keep 24";
        familiar.map(Some).ok_or_else(|| Error::model(&self.model, reason))
    }

    /// The model and the good pictures that it keeps, by its own view, where it is asked why a patch looks odd.
    fn asked(&self) -> Result<Option<(StoredModel, model::Kept)>> {
        if !self.why {
            return Ok(None);
        }
        let stored = StoredModel::open(&self.model)?;
        let kept = stored.kept()?;
        if kept.pictures.is_empty() {
            let reason = "it keeps no pictures of its training, so there is nothing to show for --why; train anew with --keep 24";
            return Err(Error::model(&self.model, reason));
        }
        Ok(Some((stored, kept)))
    }

    /// Replaces the model's own settings by those asked for, and warns where needed.
    fn prepare(&self, detector: &mut Detector, first: Option<&Path>) -> Result<()> {
        detector.min_area = self.min_area;
        let (verbosity, info) = (self.verbosity, &mut detector.info);
        match (self.overlap, &mut info.view.tiles) {
            (Some(_), None) => {
                let reason = "--overlap: this model looks at whole pictures; train one with --tile";
                return Err(Error::Setting(reason.into()));
            }
            (Some(overlap), Some(_)) if overlap > info.size.shorter() / 2 => {
                let most = info.size.shorter() / 2;
                return Err(Error::Setting(format!("--overlap {overlap}: must be 0 to {most}, half a tile")));
            }
            (Some(overlap), Some(tiles)) => tiles.overlap = overlap,
            (None, _) => {}
        }
        if let (Some(roi), Some(first)) = (&self.roi, first) {
            info.view.region = Some(region::read(roi, open_size(first)?)?);
        }
        if let Some(value) = self.threshold {
            let words = "given by --threshold, not by the model".to_owned();
            info.threshold = Threshold {
                value,
                method: words.clone(),
                reliability: words,
                reliable: true,
                ..Threshold::none()
            };
        }
        let threshold = &info.threshold;
        let stated = match self.threshold {
            Some(_) => String::new(),
            None => format!("; {}", threshold.statement()),
        };
        verbosity.say(format!("threshold {:.4}: {}{stated}", threshold.value, threshold.method));
        if !threshold.reliable {
            verbosity.say(doubt(&threshold.reliability));
        }
        if info.selection == Selection::Test {
            verbosity.say(format!("warning: {}", Selection::Test.describe()));
        }
        Ok(())
    }

    /// Splits the pictures into those an earlier run has judged and those to judge.
    fn begin<'a>(&self, earlier: &mut Earlier, inputs: &'a [Input], run: &str) -> (Vec<Kept>, Vec<Job<'a>>) {
        let (mut kept, mut jobs) = (Vec::new(), Vec::new());
        for (index, input) in inputs.iter().enumerate() {
            let fingerprint = fingerprint(run, &input.path);
            let known = fingerprint.as_deref().filter(|_| !self.again);
            let files = self.files(input);
            match known.and_then(|known| earlier.line(known, &input.path, &files, &self.out)) {
                Some(line) => {
                    let ms = line.ms.filter(|_| !self.no_times);
                    kept.push((index, ResultLine { ms, ..line }));
                }
                None => jobs.push(Job { index, input, fingerprint }),
            }
        }
        (kept, jobs)
    }

    /// Says what becomes of the results of an earlier run.
    fn of_earlier(&self, kept: usize, all: usize) -> String {
        let out = self.out.display();
        match kept {
            0 if self.again => format!("replaces the results in {out}"),
            0 => format!(
                "replaces the results in {out}: they are of other pictures, another model or other settings"
            ),
            kept => format!(
                "goes on: {kept} of {all} pictures are judged already and have not changed (--again judges them anew)"
            ),
        }
    }
}

/// A warning about a threshold, from the words stored in the model: `not reliable: …` or `rests on only …`.
pub(super) fn doubt(reliability: &str) -> String {
    // Older models stated no rate; their words continue a sentence that begins "the threshold".
    match ["not ", "rests ", "a guess"].into_iter().find(|start| reliability.starts_with(start)) {
        Some("rests ") => format!("warning: the threshold {reliability}"),
        Some(_) => format!("warning: the threshold is {reliability}"),
        None => format!("warning: the threshold is rough: {reliability}"),
    }
}

/// Judges all pictures that are left to judge, batch by batch.
fn stream(
    args: &DetectArgs,
    jobs: &[Job],
    looking: Looking<'_>,
    results: &mut Results,
    count: &mut Count,
) -> Result<()> {
    let Info { size, view, range, .. } = looking.detector.info.clone();
    let remarks = Mutex::new(Remarks::new(range));
    let read = |job: &Job| -> Result<Prepared> {
        let started = Instant::now();
        let (native, details) = crate::picture::open_ranged(&job.input.path, range)?;
        remarks.lock().unwrap_or_else(PoisonError::into_inner).add(&details);
        if let Some(reason) = view.misfit(Size::of(&native)) {
            return Err(Error::picture(&job.input.path, reason));
        }
        let seen = view.tiles.is_none().then(|| view.see(&native, size).owned());
        Ok(Prepared { native, seen, ms: started.elapsed().as_secs_f64() * 1000.0 })
    };
    // A picture looked at in tiles is a batch of its own, and may be so large that only a few fit in memory.
    let tiled = view.tiles.is_some();
    let batches: Vec<&[Job]> = jobs.chunks(if tiled { 1 } else { args.batch.into() }).collect();
    let bar = bar(args.verbosity, jobs.len() as u64, "pictures");
    let make = |n: usize| batches[n].par_iter().map(read).collect::<Vec<_>>();
    let result = prefetch_few(if tiled { 0 } else { 2 }, 0..batches.len(), make, |n, read| {
        if stop::asked() {
            return Err(Error::Interrupted("stopped".into()));
        }
        let lines = one_batch(args, batches[n], read, looking)?;
        for (line, job) in lines.iter().zip(batches[n]) {
            let json = results.add(job.index, line)?;
            bar.suspend(|| tell(args.verbosity, line, &json, Some(job.input), count));
            bar.inc(1);
        }
        Ok(())
    });
    bar.finish_and_clear();
    for warning in remarks.into_inner().unwrap_or_else(PoisonError::into_inner).lines() {
        args.verbosity.say(format!("warning: {warning}"));
    }
    result
}

/// Counts a line and shows it. For a line of an earlier run, which comes without an input, shows only the
/// JSON.
fn tell(verbosity: Verbosity, line: &ResultLine, json: &str, input: Option<&Input>, count: &mut Count) {
    count.add(line);
    if let (Some(input), Some(verdict), Some(normalized)) = (input, line.verdict, line.normalized)
        && !verbosity.json
        && !verbosity.quiet
    {
        terminal::print(format!("{:<9} {normalized:.3}  {}", verdict.word(), input.path.display()));
    }
    if let Some(error) = &line.error {
        // An error, so it is said even when quiet.
        terminal::complain(skipped(error));
    }
    if verbosity.json {
        terminal::print(json);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubts_are_whole_sentences() {
        assert_eq!(doubt("not reliable: x"), "warning: the threshold is not reliable: x");
        assert_eq!(doubt("rests on only 4"), "warning: the threshold rests on only 4");
        assert_eq!(doubt("a guess that"), "warning: the threshold is a guess that");
        let few = "31 good pictures support at most 14 %";
        assert_eq!(doubt(few), "warning: the threshold is rough: 31 good pictures support at most 14 %");
    }
}
