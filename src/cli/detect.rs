//! `aand detect`.

use super::Saying;
use crate::Result;
use clap::Args;

/// Options of `aand detect`.
#[derive(Debug, Args)]
pub struct DetectArgs {
    #[command(flatten)]
    saying: Saying,
}

/// Runs `aand detect`.
pub fn run(args: &DetectArgs) -> Result<()> {
    args.saying.say("");
    Ok(())
}
