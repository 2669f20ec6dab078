//! `aand render`: the rendered product lines alone, as data sets in MVTec layout.

use super::output::{check_file, check_folder, is_own_png, write_picture};
use super::{Verbosity, one_line, skipped};
use crate::files::{check_replace, exact, text};
use crate::render::{Counts, ProductLine, check_rendered, contact_sheet, write_in_light};
use crate::{Error, Result, terminal};
use clap::Args;
use std::path::PathBuf;

/// Options of `aand render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Which lines: cloth, washers, circuit, or strip, whose pictures are 2,000 x 800 with defects of 6 to 12 pixels; the
    /// first three unless given
    lines: Vec<ProductLine>,
    /// The folder to write a folder per line to
    #[arg(long, default_value = "rendered")]
    out: PathBuf,
    /// Good parts to learn from, per line
    #[arg(long, default_value_t = 48)]
    train: usize,
    /// Good parts in the test set, per line
    #[arg(long, default_value_t = 20)]
    test_good: usize,
    /// Defective parts in the test set, per kind of defect
    #[arg(long, default_value_t = 10)]
    test_per_defect: usize,
    /// Change the light: multiply all values by 1 + LIGHT, for example -0.3 or 0.2
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true, value_parser = light)]
    light: f64,
    /// Also write LINE.png, a sheet of good and defective parts
    #[arg(long)]
    sheet: bool,
    /// Decides everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    verbosity: Verbosity,
}

fn light(text: &str) -> std::result::Result<f64, String> {
    let light = text.parse().ok().filter(|light| (-0.9..=1.0).contains(light));
    light.ok_or_else(|| "must be from -0.9 to 1".into())
}

/// Runs `aand render`.
pub fn run(args: &RenderArgs) -> Result<()> {
    let lines = if args.lines.is_empty() { ProductLine::all().to_vec() } else { args.lines.clone() };
    let counts =
        Counts { train: args.train, test_good: args.test_good, test_per_defect: args.test_per_defect };
    check_folder(&args.out)?;
    for line in &lines {
        check_rendered(&args.out.join(line.name()))?;
        if args.sheet {
            let sheet = args.sheet_of(*line);
            check_file(&sheet)?;
            check_replace(&sheet, "sheet", "--out", is_own_png)?;
        }
    }
    let (count, mut failed) = (lines.len(), Vec::new());
    for line in lines {
        match args.one(line, counts) {
            Ok(()) => {}
            Err(error) if count == 1 => return Err(error),
            Err(error) => {
                terminal::complain(skipped(format!("{line}: {}", one_line(&error))));
                failed.push(line.name());
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let (some, names) = (failed.len(), failed.join(", "));
    Err(Error::Incomplete(format!(
        "{some} of {count} lines could not be rendered, each is named above: {names}"
    )))
}

impl RenderArgs {
    fn sheet_of(&self, line: ProductLine) -> PathBuf {
        self.out.join(format!("{line}.png"))
    }

    fn one(&self, line: ProductLine, counts: Counts) -> Result<()> {
        let folder = self.out.join(line.name());
        if folder.exists() {
            self.verbosity.say(format!(
                "{}: replaces what was rendered into {}",
                line.title(),
                folder.display()
            ));
        }
        write_in_light(line, &folder, counts, self.seed, self.light)?;
        if self.sheet {
            write_picture(
                &self.sheet_of(line),
                &contact_sheet(line, if line.size().is_square() { 6 } else { 1 }, self.seed)?,
            )?;
        }
        self.verbosity.say(format!("{}: rendered into {}", line.title(), folder.display()));
        if self.verbosity.json {
            let mut told = serde_json::json!({ "line": line.name(), "path": text(&folder) });
            if let Some(bytes) = exact(&folder) {
                told["path_bytes"] = bytes.into();
            }
            terminal::print(told);
        }
        Ok(())
    }
}
