//! `aand train`.
use super::Saying;
use crate::Result;
use clap::Args;
/// Options.
#[derive(Debug, Args)]
pub struct TrainArgs {
    #[command(flatten)]
    saying: Saying,
}
/// Runs it.
pub fn run(args: &TrainArgs) -> Result<()> {
    args.saying.say("");
    Ok(())
}
