//! `aand weights list | fetch | convert`.

use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::Result;
use crate::terminal::{complain, print};
use crate::weights::{
    BASE_URL, FetchEvent, FetchOptions, OFFICIAL, cache_dir, cached_in, convert, converted_path, fetch,
    official,
};

/// Fetch, list and convert teacher weights.
#[derive(Clone, Debug, clap::Args)]
pub struct WeightsCommand {
    /// What to do.
    #[command(subcommand)]
    pub action: WeightsAction,
}

/// What `aand weights` can do.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum WeightsAction {
    /// Show the official weight files and which of them are on this machine.
    List {
        /// Folder in which the files are kept [default: the platform's cache, or $AAND_WEIGHTS_DIR]
        #[arg(long, value_name = "DIR")]
        cache: Option<PathBuf>,
    },
    /// Download official weights (the only command that uses the network); prints the file.
    Fetch {
        /// resnet18, resnet34, resnet50 or wide_resnet50_2
        name: String,
        /// Folder in which the files are kept [default: the platform's cache, or $AAND_WEIGHTS_DIR]
        #[arg(long, value_name = "DIR")]
        cache: Option<PathBuf>,
        /// Server and folder to fetch from, for use of a mirror
        #[arg(long, value_name = "URL", default_value = BASE_URL)]
        url: String,
        /// Seconds that the server may be silent
        #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
        timeout: u64,
    },
    /// Convert a .pth or .safetensors file into a small safetensors file: stem to layer3, batch normalization
    /// folded in.
    Convert {
        /// The file to read
        file: PathBuf,
        /// The file to write [default: NAME_to_layer3.safetensors beside FILE]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Half precision: half the size
        #[arg(long)]
        f16: bool,
    },
}

/// Runs the command; results go to standard output, progress to standard error.
///
/// # Errors
/// Those of [`fetch`], [`convert`] and [`cache_dir`].
pub fn run(command: WeightsCommand) -> Result<()> {
    match command.action {
        WeightsAction::List { cache } => list(cache),
        WeightsAction::Fetch { name, cache, url, timeout } => run_fetch(&name, cache, url, timeout),
        WeightsAction::Convert { file, out, f16 } => {
            let out = out.unwrap_or_else(|| converted_path(&file, f16));
            let done = convert(&file, &out, f16)?;
            print(format!(
                "{}: {} convolutions, {} parameters, {}",
                out.display(),
                done.convolutions,
                done.parameters,
                megabytes(done.bytes)
            ));
            Ok(())
        }
    }
}

fn list(cache: Option<PathBuf>) -> Result<()> {
    let dir = cache_dir(cache.as_deref())?;
    print(format!("{:<17} {:>9}  {:<12} file", "name", "size", "state"));
    for official in &OFFICIAL {
        let state = match cached_in(official.name, &dir) {
            Some(_) => "here",
            None if dir.join(official.file).exists() => "damaged",
            None if dir.join(format!("{}.part", official.file)).exists() => "partly here",
            None => "not fetched",
        };
        print(format!(
            "{:<17} {:>9}  {state:<12} {}",
            official.name,
            megabytes(official.size),
            official.url(BASE_URL)
        ));
        print(format!("{:>41} sha256 {}", "", official.sha256));
    }
    print(format!("\nkept in {}; `aand weights fetch NAME` downloads one", dir.display()));
    Ok(())
}

fn run_fetch(name: &str, cache: Option<PathBuf>, url: String, timeout: u64) -> Result<()> {
    let official = official(name)?;
    let bar = ProgressBar::new(official.size);
    let style =
        ProgressStyle::with_template("{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.set_prefix(official.file);
    let mut started = false;
    let mut show = |event| match event {
        FetchEvent::Bytes { done, .. } => {
            if !started {
                // The bytes that an earlier run fetched must not count toward the rate.
                bar.reset_eta();
                started = true;
            }
            bar.set_position(done);
        }
        FetchEvent::Retry(reason) => {
            bar.suspend(|| complain(format!("{}: {reason}; trying again", official.file)));
            started = false;
        }
        FetchEvent::Checking => bar.set_message("checking"),
    };
    let options = FetchOptions {
        base_url: Some(url),
        cache_dir: cache,
        stall_timeout: Duration::from_secs(timeout),
        progress: Some(&mut show),
        ..FetchOptions::default()
    };
    let fetched = fetch(name, options);
    bar.finish_and_clear();
    print(fetched?.display());
    Ok(())
}

/// Decimal megabytes, as file managers and servers count.
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct WeightsLine {
        #[command(flatten)]
        command: WeightsCommand,
    }

    #[test]
    fn the_command_line_is_understood() {
        let line = WeightsLine::try_parse_from(["weights", "fetch", "resnet18", "--cache", "/c"]).unwrap();
        let WeightsAction::Fetch { name, cache, url, timeout } = line.command.action else {
            panic!("not a fetch");
        };
        assert_eq!(
            (name.as_str(), cache, url.as_str(), timeout),
            ("resnet18", Some("/c".into()), BASE_URL, 30)
        );
        assert!(WeightsLine::try_parse_from(["weights", "list"]).is_ok());
        assert!(WeightsLine::try_parse_from(["weights", "convert", "a.pth", "--f16"]).is_ok());
        assert!(WeightsLine::try_parse_from(["weights", "fetch"]).is_err());
        assert!(WeightsLine::try_parse_from(["weights", "fetch", "resnet18", "--timeout", "0"]).is_err());
    }

    #[test]
    fn an_unknown_name_is_an_error_of_the_command_too() {
        let action =
            WeightsAction::Fetch { name: "vgg".into(), cache: None, url: BASE_URL.into(), timeout: 1 };
        assert!(run(WeightsCommand { action }).unwrap_err().to_string().contains("'vgg'"));
    }
}
