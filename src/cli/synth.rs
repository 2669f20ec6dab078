//! `aand synth`.

use super::Saying;
use crate::Result;
use clap::Args;

/// Options of `aand synth`.
#[derive(Debug, Args)]
pub struct SynthArgs {
    #[command(flatten)]
    saying: Saying,
}

/// Runs `aand synth`.
pub fn run(args: &SynthArgs) -> Result<()> {
    args.saying.say("");
    Ok(())
}
