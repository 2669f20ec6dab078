//! `aand synth DATA --out DIR`: what stage 1 sees, pictures with synthetic anomalies and their masks.

use super::folder::{Folder, is_result};
use super::look::LookArgs;
use super::output::{write_mask, write_picture};
use super::progress::bar;
use super::{Verbosity, skipped, stop};
use crate::dataset::{self, Dataset, Layout};
use crate::files::{exact, text};
use crate::picture::{Mask, Picture, Pooling, RangeChoice, Remarks, Size, open_ranged};
use crate::synthesis::{Foreground, Synthesizer, Textures};
use crate::training::{Extent, Good, Preset, Purpose, Settings, Shown, range_of, stream};
use crate::{Error, Result, terminal};
use clap::Args;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Options of `aand synth`.
#[derive(Debug, Args)]
pub struct SynthArgs {
    /// A category of MVTec AD, VisA or MVTec3D, the root of such a data set, or a folder of good pictures
    data: PathBuf,
    /// The folder to write to: NNN.png, NNN_mask.png and NNN_foreground.png each, and sheet.png with all
    #[arg(long)]
    out: PathBuf,
    /// How many samples
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// Decides everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    look: LookArgs,
    // The help is an attribute, since brackets in a doc comment would be links.
    #[arg(long, help = "Where defects may be made: auto, none, threshold[:T][:invert], disc or rect")]
    foreground: Option<Foreground>,
    /// A folder of texture pictures for the synthetic anomalies; built-in procedural ones unless given
    #[arg(long)]
    textures: Option<PathBuf>,
    /// Stored values that are black and white in pictures of 16 bits or floats, LOW..HIGH or auto, as in training
    #[arg(long, allow_hyphen_values = true)]
    range: Option<RangeChoice>,
    /// paper uses the paper's foreground rule for the category, and its square input
    #[arg(long, value_enum, default_value = "quick")]
    preset: Preset,
    /// The category in a data set's root
    #[arg(long)]
    category: Option<String>,
    /// How the folder is laid out; recognized from its content unless given
    #[arg(long)]
    layout: Option<Layout>,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// The most samples on the sheet; every sample is also a file of its own.
const MOST_ON_SHEET: usize = 64;

/// File names of sample number `n`: the picture with its synthetic anomaly, the mask, the foreground.
fn names(n: usize, digits: usize) -> [String; 3] {
    ["", "_mask", "_foreground"].map(|ending| format!("{n:0digits$}{ending}.png"))
}

/// The files of earlier samples in a folder, by their names.
fn samples(folder: &Path) -> HashSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let is_sample = |name: &String| {
        let Some(stem) = name.strip_suffix(".png") else { return false };
        let number = stem.strip_suffix("_mask").or(stem.strip_suffix("_foreground")).unwrap_or(stem);
        number.len() >= 3 && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    names.filter(|name| is_sample(name) && is_result(&folder.join(name))).collect()
}

/// What is reported at the end.
#[derive(Default)]
struct Count {
    made: usize,
    clean: usize,
    uncovered: usize,
    failed: usize,
    first: Option<Error>,
}

/// Runs `aand synth`.
pub fn run(args: &SynthArgs) -> Result<()> {
    let mut sets = dataset::open(&args.data, args.layout, args.category.as_deref())?;
    if sets.len() > 1 {
        return Err(Error::dataset(&args.data, "choose one category with --category NAME"));
    }
    let set = sets.remove(0);
    let paper = (args.preset == Preset::Paper).then(|| Foreground::paper(&set.name)).flatten();
    let foreground = args.foreground.or(paper).unwrap_or_default();
    let (size, view) = args.look.choose(&set, Extent::of(&set).as_ref(), args.preset, Pooling::default())?;
    let mut settings = Settings { size, view, foreground, seed: args.seed, ..Settings::default() };
    settings.check()?;
    let count = args.count as usize;
    let digits = (count - 1).to_string().len().max(3);
    let folder = Folder::open(&args.out)?;
    let mut files: Vec<String> = (0..count).flat_map(|n| names(n, digits)).collect();
    files.push("sheet.png".into());
    folder.check(&files, &HashSet::new())?;
    args.verbosity.advise(&set.advice());
    args.verbosity.advise_on_textures(args.textures.as_deref());
    let textures = match &args.textures {
        Some(folder) => Textures::open(folder, size.longer())?,
        None => Textures::builtin(),
    };
    let synthesizer = Synthesizer::new(size, textures);
    let old = samples(&args.out);
    if !old.is_empty() {
        args.verbosity.say(format!("replaces the samples in {}", args.out.display()));
    }
    folder.remove_stale(&old, &files);
    stop::listen();
    settings.range = range_of(args.range, &set);
    let mut remarks = Remarks::new(settings.range);
    let sheet = Sheet::new(count.min(MOST_ON_SHEET), size);
    let mut maker = Maker { args, set: &set, settings, synthesizer, sheet };
    let bar = bar(args.verbosity, args.count.into(), "samples");
    let mut done = Count::default();
    for n in 0..count {
        if stop::asked() {
            break;
        }
        let made = maker.sample(n, &names(n, digits), &mut remarks, &mut done);
        if let Err(error) = made {
            // An error, so it is said even when quiet.
            bar.suspend(|| terminal::complain(skipped(&error)));
            done.failed += 1;
            done.first.get_or_insert(error);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let Count { made, clean, uncovered, failed, first } = done;
    if made + failed < count {
        // The sheet is written only if it shows all samples.
        return Err(Error::Interrupted(format!(
            "stopped after {made} of {count} samples; they are in {}, run again for all",
            args.out.display()
        )));
    }
    let path = args.out.join("sheet.png");
    write_picture(&path, &maker.sheet.picture)?;
    for warning in remarks.lines() {
        args.verbosity.say(format!("warning: {warning}"));
    }
    if uncovered > 0 {
        args.verbosity.say(format!(
            "warning: no foreground found in {uncovered} of {made} pictures; try --foreground none"
        ));
    }
    args.verbosity.say(format!(
        "{made} samples of {} ({clean} without a defect, as a share is in training), foreground {foreground}; \
         look at {}: good picture, synthetic anomaly, foreground, mask",
        set.name,
        path.display()
    ));
    if args.verbosity.json {
        let mut told = serde_json::json!({
            "name": set.name, "count": made, "clean": clean, "without_foreground": uncovered,
            "foreground": foreground.to_string(), "seed": args.seed, "size": size, "sheet": text(&path),
            "failed": failed, "left_out": set.left_out,
        });
        if let Some(bytes) = exact(&path) {
            told["sheet_bytes"] = bytes.into();
        }
        terminal::print(told);
    }
    match first {
        Some(error) => {
            Err(Error::Incomplete(format!("{failed} of {count} samples failed, the first: {error}")))
        }
        None => Ok(()),
    }
}

/// Everything needed to make samples.
struct Maker<'a> {
    args: &'a SynthArgs,
    set: &'a Dataset,
    settings: Settings,
    synthesizer: Synthesizer,
    sheet: Sheet,
}

impl Maker<'_> {
    /// Makes sample `n` and writes its files.
    fn sample(
        &mut self,
        n: usize,
        names: &[String; 3],
        remarks: &mut Remarks,
        done: &mut Count,
    ) -> Result<()> {
        let (args, set, settings) = (self.args, self.set, &self.settings);
        let (count, size, view) = (args.count as usize, settings.size, &settings.view);
        // Spread over the whole set, so that few samples show what varies in it.
        let index = if count < set.train.len() { n * set.train.len() / count } else { n % set.train.len() };
        let (native, details) = open_ranged(&set.train[index], settings.range)?;
        remarks.add(&details);
        if let Some(reason) = view.misfit(Size::of(&native)) {
            return Err(Error::picture(&set.train[index], reason));
        }
        let good = Good::new(&native, &settings.foreground, size, view);
        let [tile, random] = [Purpose::AmplifyTile, Purpose::Synthesis];
        let rng = &mut stream(args.seed, tile, 0, n);
        let shown = Shown::of(&good.picture, &good.foreground, (size, view), rng);
        let (picture, part) = (shown.picture.as_ref(), shown.foreground.as_ref());
        let place = shown.place(&settings.foreground, n);
        let made = self.synthesizer.sample(picture, &place, &mut stream(args.seed, random, 0, n));
        let [name, mask, area] = names.each_ref().map(|name| args.out.join(name));
        write_picture(&name, &made.picture)?;
        write_mask(&mask, &made.mask)?;
        write_mask(&area, part)?;
        if n < MOST_ON_SHEET {
            self.sheet.place(n, [picture, &made.picture, &as_picture(part), &as_picture(&made.mask)]);
        }
        done.made += 1;
        done.clean += usize::from(made.mask.count() == 0);
        done.uncovered += usize::from(part.count() == 0);
        Ok(())
    }
}

fn as_picture(mask: &Mask) -> Picture {
    RgbImage::from_fn(mask.width as u32, mask.height as u32, |x, y| {
        Rgb([if mask.data[y as usize * mask.width + x as usize] { 255 } else { 0 }; 3])
    })
}

/// A sheet of samples with four panels each: good picture, synthetic anomaly; foreground, mask.
struct Sheet {
    picture: Picture,
    columns: u32,
    /// Width and height of a panel.
    panel: [u32; 2],
}

/// The longer side of a panel and the gap between samples, in pixels.
const PANEL: usize = 128;
const GAP: u32 = 12;

impl Sheet {
    fn new(samples: usize, size: Size) -> Self {
        let samples = samples as u32;
        let columns = samples.clamp(1, 4);
        let panel = [size.width, size.height].map(|side| (side * PANEL / size.longer()).max(1) as u32);
        let side = |count: u32, panel: u32| GAP + count * (2 * panel + GAP);
        let (width, height) = (side(columns, panel[0]), side(samples.div_ceil(columns), panel[1]));
        Self { picture: RgbImage::from_pixel(width, height, Rgb([238; 3])), columns, panel }
    }

    fn place(&mut self, n: usize, panels: [&Picture; 4]) {
        let (column, row) = (n as u32 % self.columns, n as u32 / self.columns);
        let [width, height] = self.panel;
        let at = |index: u32, step: u32, side: u32| i64::from(GAP + index * (2 * side + GAP) + step * side);
        for (place, panel) in (0..).zip(panels) {
            let small = imageops::resize(panel, width, height, FilterType::Triangle);
            let (x, y) = (at(column, place % 2, width), at(row, place / 2, height));
            imageops::replace(&mut self.picture, &small, x, y);
        }
    }
}
