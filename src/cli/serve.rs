//! `aand serve MODEL…`: models over HTTP.

use super::{DeviceArgs, Verbosity, stop};
use crate::model::Precision;
use crate::serve::{Host, Limits, Options, Token, Ui, serve};
use crate::{Error, Result, terminal};
use clap::Args;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The environment variable that holds the token.
const TOKEN: &str = "AAND_TOKEN";

/// The folder that web/build makes.
const PAGE: &str = "dist";

/// Pixels of a megapixel.
const MEGAPIXEL: u64 = 1_000_000;

/// The default limits.
fn usual() -> Limits {
    Limits::default()
}

/// Options of `aand serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The model files; each is called by its name without the ending, and read again when it changes
    #[arg(required_unless_present = "ui")]
    models: Vec<PathBuf>,
    /// Serve the page too, which can then train on this machine: the folder that web/build made; unless given, dist
    /// beside this program or in the current folder
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, require_equals = true)]
    ui: Option<Option<PathBuf>>,
    /// Where the page's trainings keep their pictures and models; the models there are served. The user's data
    /// folder unless given
    #[arg(long = "models", value_name = "FOLDER", requires = "ui")]
    folder: Option<PathBuf>,
    /// Address to listen on: reachable from this machine only unless given; any other address needs a token
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "IP")]
    address: IpAddr,
    /// Port to listen on; 0 for any free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// A file with the token that requests must have (Authorization: Bearer TOKEN); the environment variable AAND_TOKEN
    /// unless given
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A name by which requests may address this machine, besides IP addresses and localhost
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Pictures computed at once
    #[arg(
        long, default_value_t = usual().batch as u16,
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    batch: u16,
    /// Milliseconds that a picture waits for others still being decoded, to be computed together with them
    #[arg(
        long, default_value_t = usual().wait.as_millis() as u64, value_name = "MS",
        value_parser = clap::value_parser!(u64).range(..=10_000)
    )]
    wait: u64,
    /// Pictures being decoded, waiting or being computed at a time; more are answered 429
    #[arg(long, default_value_t = usual().queue as u32, value_parser = clap::value_parser!(u32).range(1..))]
    queue: u32,
    /// Mebibytes of a request's body; more is answered 413
    #[arg(
        long, default_value_t = (usual().body >> 20) as u32, value_name = "MIB",
        value_parser = clap::value_parser!(u32).range(1..=4096)
    )]
    max_body: u32,
    /// Megapixels of a picture; more is answered 422
    #[arg(
        long, default_value_t = (usual().pixels / MEGAPIXEL) as u32, value_name = "MEGAPIXELS",
        value_parser = clap::value_parser!(u32).range(1..=300)
    )]
    max_pixels: u32,
    /// Mebibytes of all bodies and waiting pictures together, at least as many as one request may need; more is
    /// answered 429
    #[arg(
        long, default_value_t = (usual().memory >> 20) as u32, value_name = "MIB",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    max_memory: u32,
    /// Open connections; further ones wait
    #[arg(
        long, default_value_t = usual().connections as u32,
        value_parser = clap::value_parser!(u32).range(1..=65_536)
    )]
    connections: u32,
    /// Seconds that a client may be silent while it sends or receives
    #[arg(
        long, default_value_t = usual().patience.as_secs(), value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    timeout: u64,
    /// What a GPU computes with: f32, or f16 where the GPU has it (less memory to move; scores within 1 %)
    #[arg(long, value_enum, default_value = "f32")]
    precision: Precision,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// The service's host is this program.
struct Program(Verbosity);

impl Host for Program {
    fn ready(&self, address: SocketAddr, models: &[String]) {
        let address = format!("http://{address}");
        match self.0.json {
            true => terminal::print(serde_json::json!({ "address": address, "models": models })),
            false if models.is_empty() => terminal::print(format!("serving the page at {address}")),
            false => terminal::print(format!("serving {} at {address}", models.join(", "))),
        }
    }

    fn say(&self, line: &str) {
        self.0.say(line);
    }

    fn ends(&self) -> bool {
        stop::asked()
    }
}

/// Runs `aand serve`.
pub fn run(args: ServeArgs) -> Result<()> {
    let token = args.token()?;
    let ui = args.ui()?;
    stop::listen();
    let (processor, device) = args.device.choose_named(args.verbosity)?;
    let mebibytes = |count: u32| usize::try_from(u64::from(count) << 20).unwrap_or(usize::MAX);
    let limits = Limits {
        body: mebibytes(args.max_body),
        memory: mebibytes(args.max_memory),
        pixels: u64::from(args.max_pixels) * MEGAPIXEL,
        queue: args.queue as usize,
        batch: args.batch.into(),
        wait: Duration::from_millis(args.wait),
        connections: args.connections as usize,
        patience: Duration::from_secs(args.timeout),
        ..usual()
    };
    let options = Options {
        address: SocketAddr::new(args.address, args.port),
        token,
        hosts: args.allow_host,
        processor,
        device,
        ui,
        precision: args.precision,
        limits,
        models: args.models,
    };
    let host: Arc<dyn Host> = Arc::new(Program(args.verbosity));
    serve(options, &host)?;
    args.verbosity.say("ended");
    Ok(())
}

impl ServeArgs {
    /// The page, and where its trainings go.
    fn ui(&self) -> Result<Option<Ui>> {
        let Some(asked) = &self.ui else { return Ok(None) };
        // Without the equals sign, the folder counts as a model.
        if let Some(folder) = self.models.iter().find(|path| path.is_dir()) {
            let reason = "is a folder, not a model; the page's folder is given as --ui=FOLDER";
            return Err(Error::Usage(format!("{}: {reason}", folder.display())));
        }
        let beside = || Some(std::env::current_exe().ok()?.with_file_name(PAGE)).filter(|path| path.is_dir());
        let page = asked.clone().or_else(beside).unwrap_or_else(|| PAGE.into());
        if !page.is_dir() {
            let reason = "there is no page here; make one with web/build, or name its folder with `ui`";
            return Err(Error::Setting(format!("{}: {reason}", page.display())));
        }
        let own =
            || directories::ProjectDirs::from("", "", "aand").map(|dirs| dirs.data_dir().join("models"));
        let none =
            || Error::Setting("there is no home folder for models; name a folder with `models`".into());
        let models = self.folder.clone().or_else(own).ok_or_else(none)?;
        self.verbosity.say(format!("what the page trains is kept in {}", models.display()));
        Ok(Some(Ui { page, models }))
    }

    fn token(&self) -> Result<Option<Token>> {
        let text = match &self.token_file {
            Some(path) => Some(std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?),
            None => std::env::var(TOKEN).ok().filter(|text| !text.is_empty()),
        };
        text.map(|text| Token::new(&text)).transpose()
    }
}
