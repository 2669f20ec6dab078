//! `aand patch MODEL PICTURE`: the numbers behind one patch, as the page's drill-down shows them.

use super::Verbosity;
use crate::files::text;
use crate::inference::{Engine, Plan};
use crate::model::StoredModel;
use crate::picture::{normalize, open_ranged};
use crate::{Error, Result, terminal};
use clap::Args;
use std::path::PathBuf;

/// Options of `aand patch`.
#[derive(Debug, Args)]
pub struct PatchArgs {
    /// The model file
    model: PathBuf,
    /// The picture
    picture: PathBuf,
    /// The level
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=3))]
    level: u8,
    /// The patch, from 0 at the top left
    #[arg(long)]
    row: usize,
    /// The patch, from 0 at the top left
    #[arg(long)]
    column: usize,
    /// Leave the residual out: show the plain teacher
    #[arg(long)]
    plain: bool,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// Runs `aand patch`.
pub fn run(args: &PatchArgs) -> Result<()> {
    let stored = StoredModel::open(&args.model)?;
    let (info, engine) = (stored.info.clone(), Engine::new(Plan::new(&stored.info, &stored)?));
    let picture = info.view.input_of(&open_ranged(&args.picture, info.range)?.0, info.size);
    let levels = engine.look(&normalize(&picture), !args.plain);
    let level = &levels[usize::from(args.level) - 1];
    let [_, height, width] = level.shape;
    let inside = args.row < height && args.column < width;
    let patch = level.patch(args.row * width + args.column).filter(|_| inside).ok_or_else(|| {
        let (row, column) = (args.row, args.column);
        Error::Setting(format!(
            "there is no patch in row {row}, column {column}: level {} has {height} rows and {width} columns, counted from 0",
            args.level
        ))
    })?;
    let angle = patch.cosine.clamp(-1.0, 1.0).acos().to_degrees();
    if !args.verbosity.json {
        let gate = patch.gate.as_ref().map_or("no gate".into(), |gate| format!("gate {:.4}", gate.weight));
        terminal::print(format!(
            "level {}, row {}, column {}: cosine {:.4}, angle {angle:.1} degrees, discrepancy {:.4}, {gate}",
            args.level,
            args.row,
            args.column,
            patch.cosine,
            1.0 - patch.cosine
        ));
        return Ok(());
    }
    let [advanced, student] = patch.compared.unwrap_or_default();
    terminal::print(serde_json::json!({
        "model": text(&args.model), "picture": text(&args.picture), "level": args.level, "row": args.row,
        "column": args.column, "teacher": patch.teacher, "advanced": advanced, "student": student,
        "cosine": patch.cosine, "angle": angle, "discrepancy": 1.0 - patch.cosine,
        "memory_cosines": patch.gate.as_ref().map(|gate| &gate.cosines),
        "memory_shares": patch.gate.as_ref().map(|gate| &gate.shares),
        "gate": patch.gate.as_ref().map(|gate| gate.weight),
    }));
    Ok(())
}
