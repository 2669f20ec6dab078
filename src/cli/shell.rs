//! `aand completions SHELL` and `aand man`: completion scripts and manual pages, made from the command line's own
//! description.

use super::Cli;
use super::output::check_folder;
use crate::files::{check_replace, write_whole};
use crate::{Error, Result, terminal};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::path::PathBuf;

/// Options of `aand completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Options of `aand man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder for the pages, `aand.1` and one for each command, for example ~/.local/share/man/man1
    #[arg(long)]
    out: PathBuf,
}

/// Runs `aand completions`.
pub fn completions(args: &CompletionsArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "aand", &mut script);
    terminal::print(String::from_utf8_lossy(&script).trim_end());
    Ok(())
}

/// Runs `aand man`.
pub fn man(args: &ManArgs) -> Result<()> {
    check_folder(&args.out)?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut count = 0;
    for page in std::iter::once(&command).chain(command.get_subcommands()) {
        let name = page.get_display_name().unwrap_or(page.get_name());
        let path = args.out.join(format!("{name}.1"));
        check_replace(&path, "page", "--out", |head| head.windows(6).any(|words| words == b".TH aa"))?;
        let mut text = Vec::new();
        clap_mangen::Man::new(page.clone()).render(&mut text).map_err(|e| Error::io(&path, e))?;
        write_whole(&path, |writer| writer.write_all(&text))?;
        count += 1;
    }
    terminal::complain(format!("{count} pages in {}", args.out.display()));
    Ok(())
}
