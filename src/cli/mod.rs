//! The command line: one file per command, each an `Args` and a `run`.
//!
//! Exit status 0, 1 (something failed; one line on standard error says what, and the remedy), 2 (usage) or 75 (failed
//! for a reason that may be temporary: the same run may be tried again).

mod allocator;
mod batch;
mod bench;
mod calibrate;
mod choices;
mod demo;
mod detect;
mod device;
mod eval;
mod export;
mod film;
mod flags;
mod folder;
mod inputs;
mod inspect;
mod instant;
mod intermediate;
mod learned;
mod line;
mod look;
mod merge;
mod output;
mod part;
mod patch;
mod pretrain;
mod process;
mod progress;
mod refine;
mod region;
mod render;
mod reporting;
mod results;
mod serve;
mod shard;
mod shell;
mod small;
mod stop;
mod stress;
mod synth;
mod task;
mod train;
mod training_watch;
mod watch;
mod weights;

use crate::listing::{Advice, below};
use crate::{Error, Result, terminal};
use clap::{Args, Parser, Subcommand};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

pub use allocator::HugePages;
pub use device::DeviceArgs;
pub use folder::Folder;
pub use line::{ResultLine, Why};
pub use process::prepare_process;
pub use results::Earlier;

/// The exit status, which job queues read.
const STATUS: &str = "Exit status: 0 when all was done; 1 when something failed that will fail again (a damaged \
    picture, a missing file); 2 for a wrong command line; 75 when it may well succeed if it is simply run again (stopped \
    by a signal, disk full, another run at work in the same place, no network). What is done is kept and gone on with.";

/// What [`STATUS`] calls 75: EX_TEMPFAIL of sysexits.h.
const TEMPORARY: u8 = 75;

/// Learns what good looks like from pictures of good parts only, and shows where a new picture deviates.
#[derive(Debug, Parser)]
#[command(name = "aand", version, long_version = long_version(), max_term_width = 100, after_help = STATUS)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a model on good pictures: both stages, resumable
    Train(Box<train::TrainArgs>),
    /// Find anomalies in pictures: heat maps, overlays, scores, verdicts
    Detect(detect::DetectArgs),
    /// Join the parts that `detect --shard` wrote into one folder of results
    Merge(merge::MergeArgs),
    /// Serve models over HTTP: pictures in, scores, regions and heat maps out
    Serve(serve::ServeArgs),
    /// Measure a model on labeled pictures: AUROC, AUPRO, AP, F1
    Eval(eval::EvalArgs),
    /// Write a model for other runtimes (ONNX), and verify that their scores are the same
    Export(export::ExportArgs),
    /// Give a trained model a new threshold from good pictures, without training
    Calibrate(calibrate::CalibrateArgs),
    /// Let a model learn from corrections, pictures that are good after all; or undo that
    Refine(refine::RefineArgs),
    /// Tell from results whether light, camera or product have changed since the training
    Watch(watch::WatchArgs),
    /// Measure what changes of light, focus, noise, storage and place do to a model's verdicts
    Stress(stress::StressArgs),
    /// Measure how fast a model is on this machine: latency, throughput, memory, layers, training steps
    Bench(bench::BenchArgs),
    /// Show what is in a folder of pictures, and what is wrong with it
    Inspect(inspect::InspectArgs),
    /// Show the numbers behind one patch: features, angle, memory items, gate
    Patch(patch::PatchArgs),
    /// Show what stage 1 sees: pictures with synthetic anomalies, and their masks
    Synth(synth::SynthArgs),
    /// Show the whole method on rendered product lines: render, train, evaluate, report
    Demo(demo::DemoArgs),
    /// Render product lines as data sets in MVTec layout
    Render(render::RenderArgs),
    /// List, fetch and convert the official teacher weights
    Weights(weights::WeightsCommand),
    /// Print a completion script: bash, zsh, fish, elvish or PowerShell
    Completions(shell::CompletionsArgs),
    /// Write manual pages, one for each command
    Man(shell::ManArgs),
    /// Make the embedded teacher anew by distillation on procedural pictures
    Pretrain(pretrain::PretrainArgs),
}

/// What `--version` adds to `-V`: the commit the program was built from, if its release states it, the target
/// machine, and the optional features.
fn long_version() -> String {
    let commit = option_env!("AAND_COMMIT").unwrap_or("built from source");
    let features: Vec<&str> = [("burn", cfg!(feature = "burn")), ("burn-wgpu", cfg!(feature = "burn-wgpu"))]
        .into_iter()
        .filter_map(|(name, has)| has.then_some(name))
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("{version} ({commit})\nmachine: {system} {machine}\nfeatures: {}", features.join(", "))
}

/// How much to say, and in which form.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Verbosity {
    /// Say nothing but errors (and, with --json, the result)
    #[arg(long, short)]
    pub quiet: bool,
    /// Print the result as JSON on standard output
    #[arg(long)]
    pub json: bool,
}

impl Verbosity {
    /// A line for people on standard error.
    pub fn say(self, line: impl AsRef<str>) {
        if !self.quiet {
            terminal::complain(line.as_ref());
        }
    }
}

impl Verbosity {
    /// Prints the advice about the pictures, a line each.
    fn advise(self, advice: &[Advice]) {
        advice.iter().for_each(|advice| self.say(advice.to_string()));
    }

    /// Says what was left out of a folder of textures, if one is given.
    fn advise_on_textures(self, folder: Option<&Path>) {
        // An unreadable folder is an error later, where it is opened.
        if let Some(found) = folder.and_then(|folder| below(folder).ok()) {
            found
                .left_out
                .advice()
                .iter()
                .for_each(|advice| self.say(format!("{}: textures: {}", advice.level, advice.text)));
        }
    }
}

/// Runs the command that the program's arguments name.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(words) => return show(&words),
    };
    let done = dispatch(cli.command);
    let unsaid = terminal::failure();
    match done.and(unsaid.map_or(Ok(()), Err)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::complain(format!("aand: {}", one_line(&error)));
            status(&error)
        }
    }
}

fn status(error: &Error) -> ExitCode {
    match error {
        Error::Usage(_) => ExitCode::from(2),
        error if error.is_temporary() => ExitCode::from(TEMPORARY),
        _ => ExitCode::FAILURE,
    }
}

/// Prints help, the version, or what is wrong with the arguments.
fn show(words: &clap::Error) -> ExitCode {
    match words.print().and_then(|()| std::io::stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            terminal::complain(format!("aand: standard output: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::from(u8::try_from(words.exit_code()).unwrap_or(2)),
    }
}

/// What can be told in one line: an error, or words about one.
trait Told {
    fn told(&self) -> String;
}

impl Told for Error {
    /// With flags, if it is a kind of error that names settings; other errors quote names the user chose.
    fn told(&self) -> String {
        let message = self.to_string();
        match self {
            Self::Setting(_)
            | Self::Usage(_)
            | Self::Temporary(_)
            | Self::Training(_)
            | Self::Device(_)
            | Self::Interrupted(_)
            | Self::Weights { .. } => flags::with_flags(&message),
            _ => message,
        }
    }
}

impl Told for String {
    fn told(&self) -> String {
        self.clone()
    }
}

impl<T: Told> Told for &T {
    fn told(&self) -> String {
        (*self).told()
    }
}

/// An error without line breaks, whatever the file is called.
fn one_line(error: impl Told) -> String {
    error.told().replace(['\n', '\r'], " ")
}

/// A line about an item that failed while others go on: an error, so it is said even when quiet.
fn skipped(error: impl Told) -> String {
    format!("skipped: {}", one_line(error))
}

fn dispatch(command: Command) -> Result<()> {
    match command {
        Command::Train(args) => train::run(&args),
        Command::Detect(args) => detect::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::Eval(args) => eval::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Stress(args) => stress::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Refine(args) => refine::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Patch(args) => patch::run(&args),
        Command::Synth(args) => synth::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Render(args) => render::run(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
        Command::Weights(command) => weights::run(command),
        Command::Pretrain(args) => pretrain::run(&args),
    }
}
