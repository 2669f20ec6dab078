//! `aand render`: the rendered product lines alone, as data sets in MVTec layout.

use super::Saying;
use super::output::write_picture;
use crate::Result;
use crate::render::{Counts, Line, contact_sheet, write};
use clap::Args;
use std::path::PathBuf;

/// Options of `aand render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Which lines: cloth, washers, circuit; all of them unless given
    lines: Vec<Line>,
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
    /// Also write LINE.png, a sheet of good and defective parts
    #[arg(long)]
    sheet: bool,
    /// Decides everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    saying: Saying,
}

/// Runs `aand render`.
pub fn run(args: &RenderArgs) -> Result<()> {
    let lines = if args.lines.is_empty() { Line::all().to_vec() } else { args.lines.clone() };
    let counts =
        Counts { train: args.train, test_good: args.test_good, test_per_defect: args.test_per_defect };
    for line in lines {
        let folder = args.out.join(line.name());
        write(line, &folder, counts, args.seed)?;
        if args.sheet {
            write_picture(&args.out.join(format!("{line}.png")), &contact_sheet(line, 6, args.seed)?)?;
        }
        args.saying.say(format!("{}: rendered into {}", line.title(), folder.display()));
        if args.saying.json {
            println!("{}", serde_json::json!({ "line": line.name(), "path": folder }));
        }
    }
    Ok(())
}
