//! `aand inspect`.

use super::Saying;
use crate::Result;
use clap::Args;

/// Options of `aand inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    #[command(flatten)]
    saying: Saying,
}

/// Runs `aand inspect`.
pub fn run(args: &InspectArgs) -> Result<()> {
    args.saying.say("");
    Ok(())
}
