//! `aand eval`.

use super::Saying;
use crate::Result;
use clap::Args;

/// Options of `aand eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    #[command(flatten)]
    saying: Saying,
}

/// Runs `aand eval`.
pub fn run(args: &EvalArgs) -> Result<()> {
    args.saying.say("");
    Ok(())
}
