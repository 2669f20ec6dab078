//! `aand synth DATA --out DIR`: what stage 1 sees, pictures with made defects and their masks.

use super::Saying;
use super::output::{check_folder, print_line, write_mask, write_picture};
use super::progress::bar;
use crate::dataset::{self, Layout};
use crate::picture::{Mask, Picture, RangeChoice, Remarks, open_ranged, resize};
use crate::synthesis::{Foreground, Synthesizer, Textures};
use crate::training::{Preset, Purpose, range_of, stream};
use crate::{Error, Result};
use clap::Args;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use std::path::PathBuf;

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
    /// Side of the samples in pixels, as in training
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(32..=4096))]
    size: u32,
    /// Where defects may be made: auto, none, threshold[:T][:invert], disc or rect
    #[arg(long)]
    foreground: Option<Foreground>,
    /// A folder of texture pictures for the made defects; built-in procedural ones unless given
    #[arg(long)]
    textures: Option<PathBuf>,
    /// Stored values that are black and white in pictures of 16 bits or floats, LOW..HIGH or auto, as in training
    #[arg(long, allow_hyphen_values = true)]
    range: Option<RangeChoice>,
    /// paper takes the paper's foreground rule for the category
    #[arg(long, value_enum, default_value = "quick")]
    preset: Preset,
    /// The category in a data set's root
    #[arg(long)]
    category: Option<String>,
    /// How the folder is laid out; recognised from its content unless given
    #[arg(long)]
    layout: Option<Layout>,
    #[command(flatten)]
    saying: Saying,
}

/// Samples on the sheet at most; every one is a file of its own as well.
const MOST_ON_SHEET: usize = 64;

/// Runs `aand synth`.
pub fn run(args: &SynthArgs) -> Result<()> {
    let mut sets = dataset::open(&args.data, args.layout, args.category.as_deref())?;
    if sets.len() > 1 {
        return Err(Error::dataset(&args.data, "choose one category with --category NAME"));
    }
    let set = sets.remove(0);
    check_folder(&args.out)?;
    args.saying.advise(&set.advice());
    args.saying.advise_on_textures(args.textures.as_deref());
    let paper = (args.preset == Preset::Paper).then(|| Foreground::paper(&set.name)).flatten();
    let foreground = args.foreground.or(paper).unwrap_or_default();
    let size = args.size as usize;
    let textures = match &args.textures {
        Some(folder) => Textures::open(folder, size)?,
        None => Textures::builtin(),
    };
    let synthesizer = Synthesizer::new(size, textures);
    let count = args.count as usize;
    let digits = (count - 1).to_string().len().max(3);
    let mut sheet = Sheet::new(count.min(MOST_ON_SHEET));
    let range = range_of(args.range, &set);
    let mut remarks = Remarks::new(range);
    let bar = bar(args.saying, args.count.into(), "samples");
    let (mut clean, mut uncovered) = (0, 0);
    for n in 0..count {
        // Spread over the whole set, so that few samples show what varies in it.
        let index = if count < set.train.len() { n * set.train.len() / count } else { n % set.train.len() };
        let (native, details) = open_ranged(&set.train[index], range)?;
        remarks.add(&details);
        let picture = resize(&native, args.size, args.size);
        let part = foreground.mask(&native).resize_torch_nearest(size, size);
        let place = foreground.place(&part, n);
        let made = synthesizer.sample(&picture, &place, &mut stream(args.seed, Purpose::Synthesis, 0, n));
        clean += usize::from(made.mask.count() == 0);
        uncovered += usize::from(part.count() == 0);
        let file = |ending: &str| args.out.join(format!("{n:0digits$}{ending}.png"));
        write_picture(&file(""), &made.picture)?;
        write_mask(&file("_mask"), &made.mask)?;
        write_mask(&file("_foreground"), &part)?;
        if n < MOST_ON_SHEET {
            sheet.place(n, [&picture, &made.picture, &as_picture(&part), &as_picture(&made.mask)]);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let path = args.out.join("sheet.png");
    write_picture(&path, &sheet.picture)?;
    for warning in remarks.lines() {
        args.saying.say(format!("warning: {warning}"));
    }
    if uncovered > 0 {
        args.saying.say(format!(
            "warning: no foreground found in {uncovered} of {count} pictures; try --foreground none"
        ));
    }
    args.saying.say(format!(
        "{count} samples of {} ({clean} without a defect, as a share is in training), foreground {foreground}; \
         look at {}: good picture, made defect, foreground, mask",
        set.name,
        path.display()
    ));
    if args.saying.json {
        let foreground = foreground.to_string();
        print_line(serde_json::json!({
            "name": set.name, "count": count, "clean": clean, "without_foreground": uncovered,
            "foreground": foreground, "seed": args.seed, "size": size, "sheet": path, "left_out": set.left_out,
        }))?;
    }
    Ok(())
}

fn as_picture(mask: &Mask) -> Picture {
    RgbImage::from_fn(mask.width as u32, mask.height as u32, |x, y| {
        Rgb([if mask.data[y as usize * mask.width + x as usize] { 255 } else { 0 }; 3])
    })
}

/// A sheet of samples, each four panels: good picture, made defect; foreground, mask.
struct Sheet {
    picture: Picture,
    columns: u32,
}

/// Side of a panel and gap between samples, in pixels.
const PANEL: u32 = 128;
const GAP: u32 = 12;

impl Sheet {
    fn new(samples: usize) -> Self {
        let samples = samples as u32;
        let columns = samples.clamp(1, 4);
        let side = |count: u32| GAP + count * (2 * PANEL + GAP);
        let size = (side(columns), side(samples.div_ceil(columns)));
        Self { picture: RgbImage::from_pixel(size.0, size.1, Rgb([238; 3])), columns }
    }

    fn place(&mut self, n: usize, panels: [&Picture; 4]) {
        let (column, row) = (n as u32 % self.columns, n as u32 / self.columns);
        let start = |index: u32| i64::from(GAP + index * (2 * PANEL + GAP));
        for (place, panel) in (0..).zip(panels) {
            let small = imageops::resize(panel, PANEL, PANEL, FilterType::Triangle);
            let at = |index: u32, step: u32| start(index) + i64::from(step * PANEL);
            imageops::replace(&mut self.picture, &small, at(column, place % 2), at(row, place / 2));
        }
    }
}
