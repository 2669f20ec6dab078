//! `aand inspect DATA`: what is in a folder, and what is wrong with it.

use super::Verbosity;
use super::output::print_line;
use crate::dataset::{self, Findings, Layout, Level};
use crate::{Error, Result};
use clap::Args;
use std::path::PathBuf;

/// Options of `aand inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A category of MVTec AD, VisA or MVTec3D, the root of such a data set, or a folder of good pictures
    data: PathBuf,
    /// The category in a data set's root, or all
    #[arg(long)]
    category: Option<String>,
    /// How the folder is laid out; recognized from its content unless given
    #[arg(long)]
    layout: Option<Layout>,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// Runs `aand inspect`. Its JSON is one object, or with `--category all` a list of them.
pub fn run(args: &InspectArgs) -> Result<()> {
    let sets = dataset::open(&args.data, args.layout, args.category.as_deref())?;
    let mut all = Vec::new();
    for set in &sets {
        let found = dataset::inspect(set);
        if !args.verbosity.json && !args.verbosity.quiet {
            print_line(&found)?;
        }
        all.push(found);
    }
    if args.verbosity.json {
        let text = match all.as_slice() {
            [only] if args.category.as_deref() != Some("all") => serde_json::to_string(only),
            several => serde_json::to_string(several),
        };
        print_line(text.map_err(|e| Error::io("standard output", e.into()))?)?;
    }
    let unsound: Vec<&Findings> = all.iter().filter(|found| !found.is_sound()).collect();
    match unsound.as_slice() {
        [] => Ok(()),
        [one, ..] => {
            let errors = one.advice.iter().filter(|advice| advice.level == Level::Error);
            let mut words = errors.map(|advice| advice.text.as_str()).collect::<Vec<_>>().join("; and ");
            if unsound.len() > 1 {
                words += &format!(" (and {} more categories with errors)", unsound.len() - 1);
            }
            Err(Error::dataset(&one.root, words))
        }
    }
}
