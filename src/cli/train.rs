//! `aand train DATA --out part.aand`: both stages.

use super::choices::ScoreChoice;
use super::film::FilmArgs;
use super::flags::with_flags;
use super::look::LookArgs;
use super::training_watch::{TrainingObserver, check_beside};
use super::{DeviceArgs, Verbosity, one_line, skipped, task};
use crate::amplification::{RaaOptions, Residual};
use crate::dataset::{self, Dataset, Layout};
use crate::files::{Lock, exact, text};
use crate::gpu::Processor;
use crate::model::{Precision, Selection, save, write_atomically};
use crate::perturbation::Perturbation;
use crate::picture::RangeChoice;
use crate::synthesis::Foreground;
use crate::teacher::{Backbone, Teacher};
use crate::training::{
    Extent, Objective, Preset, Settings, TeacherKind, TrainingJob, checkpoint_path, claim, range_of, train,
};
use crate::{Error, Result, terminal};
use burn::tensor::Device;
use clap::Args;
use std::path::{Path, PathBuf};

/// Options of `aand train`.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// A category of MVTec AD, VisA or MVTec3D, the root of such a data set, or a folder of good pictures
    pub data: PathBuf,
    /// A detector in seconds instead of a training: compares patches with those of the good pictures. For a first look,
    /// and for few pictures
    #[arg(long, conflicts_with_all = [
        "weights", "backbone", "textures", "foreground", "preset", "epochs_amplify", "epochs_distill", "tile", "seed",
        "batch", "lr", "beta1", "alpha", "amplification_weight", "hardest", "memory_items", "holdout", "augment", "select",
        "precision", "keep", "cache_memory", "resume", "film", "no_gate", "no_generator", "residual", "objective",
        "teacher",
    ])]
    instant: bool,
    /// The model file to write (with --category all or --category-index: the folder for the models, one for each
    /// category)
    #[arg(long, default_value = "part.aand")]
    out: PathBuf,
    /// The category in a data set's root, or all
    #[arg(long)]
    category: Option<String>,
    /// The I-th category in a data set's root, from 1, in the order of `aand inspect ROOT --category all`; auto for the
    /// number of this task in a SLURM job array or a Kubernetes Indexed Job
    #[arg(long, value_name = "I", conflicts_with = "category", value_parser = task::parse_number)]
    category_index: Option<usize>,
    /// How the folder is laid out; recognized from its content unless given
    #[arg(long)]
    layout: Option<Layout>,
    /// Learn from all pictures, even those in folders or files named like defects, masks or labels
    #[arg(long)]
    all_good: bool,
    /// The teacher's weights, .safetensors or torchvision's .pth; the embedded teacher unless given
    #[arg(long)]
    weights: Option<PathBuf>,
    /// The teacher's network; read from the weights unless given
    #[arg(long)]
    backbone: Option<Backbone>,
    /// A folder of texture pictures for the synthetic anomalies; built-in procedural ones unless given
    #[arg(long)]
    textures: Option<PathBuf>,
    // The help is an attribute, since brackets in a doc comment would be links.
    #[arg(long, help = "Where defects may be made: auto, none, threshold[:T][:invert], disc or rect")]
    foreground: Option<Foreground>,
    /// Stored values that are black and white in pictures of 16 bits or floats, LOW..HIGH, or auto to take them
    /// from the good pictures; their full scale unless given. Kept in the model
    #[arg(long, allow_hyphen_values = true)]
    range: Option<RangeChoice>,
    /// How long to train: quick takes minutes, paper 100 + 120 epochs
    #[arg(long, value_enum, default_value = "quick")]
    preset: Preset,
    /// Epochs of stage 1, instead of the preset's; 0 leaves it out
    #[arg(long)]
    epochs_amplify: Option<usize>,
    /// Epochs of stage 2, instead of the preset's
    #[arg(long)]
    epochs_distill: Option<usize>,
    #[command(flatten)]
    look: LookArgs,
    /// Decides everything random
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Pictures per step
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Learning rate; times 0.2 after 80 % and 90 % of each stage
    #[arg(long, default_value_t = 0.005)]
    lr: f64,
    /// Adam's first decay
    #[arg(long, default_value_t = 0.5)]
    beta1: f64,
    /// Margin of the amplification loss
    #[arg(long, default_value_t = 0.3)]
    alpha: f64,
    /// Weight of the amplification loss beside the focal loss
    #[arg(long, default_value_t = 0.1, value_parser = weight, allow_negative_numbers = true)]
    amplification_weight: f64,
    /// K_h, hardest positions per picture and level in HKD; 0 turns HKD off
    #[arg(long, default_value_t = 10)]
    hardest: usize,
    /// L, memory items per memory
    #[arg(long, default_value_t = 50)]
    memory_items: usize,
    /// Ablation: apply the residual everywhere (generator only, Table V (b))
    #[arg(long)]
    no_gate: bool,
    /// Ablation: no residual (gate only; with --score gate, Table V (a))
    #[arg(long)]
    no_generator: bool,
    /// Ablation: the form of the residual (Table VII)
    #[arg(long, value_enum, default_value = "tanh")]
    residual: Residual,
    /// Ablation: the stage-1 loss (contrastive: Table VI (a))
    #[arg(long, value_enum, default_value = "amplify")]
    objective: Objective,
    /// Ablation: what the student learns from (Table I)
    #[arg(long, value_enum, default_value = "advanced")]
    teacher: TeacherKind,
    /// How the map gives the score: max, or top:P% for the mean of the highest P percent. Ablation: gate for a map of
    /// the gate alone, also as gate,top:P%
    #[arg(long, default_value = "max")]
    score: ScoreChoice,
    /// The share of good parts that may be called anomalous: the threshold keeps it, or states what so few pictures
    /// support
    #[arg(long, default_value = "1%", value_parser = share, allow_negative_numbers = true)]
    false_alarms: f64,
    /// Base the threshold only on this share of the good pictures, 0 to 0.5, held out of the training. Unless given, it
    /// is based on all of them: a tenth is held out, and each of the others is judged by a briefly trained student that
    /// never saw it
    #[arg(long)]
    holdout: Option<f64>,
    /// Changes of good pictures in training that the model should ignore, separated by commas: lighting, contrast,
    /// blur, noise, jpeg, shift, rotation. The teacher's features are then computed again in each step
    #[arg(long, value_delimiter = ',', value_name = "KIND,…")]
    augment: Vec<Perturbation>,
    /// Which weights to keep; test selects on test pictures as the paper's code does, and the model says so
    #[arg(long, value_enum, default_value = "last")]
    select: Selection,
    /// How to store the model
    #[arg(long, value_enum, default_value = "f32")]
    precision: Precision,
    /// Good pictures that stay in the model file as the network sees them, at most 10 MB, chosen so that each of the
    /// others resembles one of them: `aand refine` needs them so as not to forget. 0 for none
    #[arg(long, value_name = "PICTURES", default_value_t = 24)]
    keep: usize,
    /// Gigabytes of features kept in memory; the rest goes to a temporary file
    #[arg(long, default_value_t = 4.0)]
    cache_memory: f64,
    /// Continue from the checkpoint beside the model file
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    film: FilmArgs,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// Runs `aand train`.
pub fn run(args: &TrainArgs) -> Result<()> {
    if args.instant {
        super::instant::check(args.device.device, args.score.score)?;
    }
    super::allocator::keep();
    let sets = match args.category_index {
        Some(number) => vec![dataset::open_numbered(&args.data, args.layout, number)?],
        None => dataset::open(&args.data, args.layout, args.category.as_deref())?,
    };
    let usable = |set: Dataset| set.insist_on_good(args.all_good).map(|()| set.without_copies());
    let sets = sets.into_iter().map(usable).collect::<Result<Vec<_>>>()?;
    let all = args.category.as_deref() == Some("all") || args.category_index.is_some();
    let out =
        |set: &Dataset| if all { args.out.join(format!("{}.aand", set.name)) } else { args.out.clone() };
    args.film.check(&sets)?;
    let mut locks = Vec::new();
    let mut all_settings = Vec::new();
    for set in &sets {
        let (settings, extent) = args.settings(set)?;
        settings.check()?;
        all_settings.push((settings, extent));
        locks.push(args.claim(&out(set))?);
    }
    let trainer = if args.instant { None } else { Some(Trainer::new(args)?) };
    let mut failed: Vec<(&str, Error)> = Vec::new();
    for (set, (settings, extent)) in sets.iter().zip(all_settings) {
        let out = out(set);
        let done = match &trainer {
            Some(trainer) => one(args, (set, settings, extent), &out, trainer),
            None => super::instant::one(args.verbosity, (set, args.range), settings, &out),
        };
        match done {
            Ok(()) => {}
            // A request to stop means all categories.
            Err(error @ Error::Interrupted(_)) => return Err(error),
            Err(error) if sets.len() == 1 => return Err(error),
            Err(error) => {
                // An error, so it is said even when quiet.
                terminal::complain(skipped(format!("{}: {}", set.name, one_line(&error))));
                failed.push((&set.name, error));
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let names = failed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let (count, all) = (failed.len(), sets.len());
    // If one of them may succeed next time, the run is worth repeating.
    let passing = failed.iter().any(|(_, error)| error.is_temporary());
    let kind = if passing { Error::Temporary } else { Error::Incomplete };
    Err(kind(format!("{count} of {all} categories failed, each is named above: {names}")))
}

/// Trains all categories.
struct Trainer {
    processor: Processor,
    teacher: Teacher,
    /// Where the teacher comes from.
    source: String,
}

impl Trainer {
    fn new(args: &TrainArgs) -> Result<Self> {
        let (processor, device) = (args.device.choose(args.verbosity)?, Device::flex());
        let (teacher, source) = match args.teacher {
            TeacherKind::Random => {
                let backbone = args.backbone.unwrap_or(Backbone::Resnet18);
                (Teacher::random(backbone, args.seed, &device)?, "random initialization".into())
            }
            _ => Teacher::resolve(args.backbone, args.weights.as_deref(), &device)?,
        };
        Ok(Self { processor, teacher, source })
    }
}

fn one(
    args: &TrainArgs,
    (set, settings, extent): (&Dataset, Settings, Option<Extent>),
    out: &Path,
    Trainer { processor, teacher, source }: &Trainer,
) -> Result<()> {
    let verbosity = args.verbosity;
    verbosity.advise(&set.advice());
    verbosity.advise_on_textures(args.textures.as_deref());
    let settings = Settings { range: range_of(args.range, set), ..settings };
    args.tell_of_size(set, &settings, extent);
    if settings.selection == Selection::Test && !set.test.iter().any(|s| s.defect.is_some()) {
        let reason = "--select test needs labeled test pictures, and there are none; drop it";
        return Err(Error::dataset(&set.root, reason));
    }
    let mut job = TrainingJob::prepare(set, settings, teacher.clone(), source.clone())?;
    job.cache_budget = (args.cache_memory.max(0.0) * f64::from(1 << 30)) as u64;
    job.checkpoint = Some(checkpoint_path(out));
    job.resume = args.resume;
    job.processor = processor.clone();
    if let (Objective::Contrastive, Processor::Gpu(_)) = (job.settings.objective, processor) {
        verbosity.say("the contrastive objective trains on the CPU; the threshold is judged on the GPU");
    }
    verbosity.say(format!(
        "{}: {} good pictures to train on, {} held out for the threshold; teacher {} from {source}; about {:.1} GB of memory",
        set.name,
        job.pictures.len(),
        job.held_out.len(),
        teacher.backbone,
        job.memory_estimate() as f64 / 1e9
    ));
    for warning in job.warnings() {
        verbosity.say(format!("warning: {}", with_flags(&warning)));
    }
    if settings_select(&job) {
        verbosity.say(format!("warning: {}", Selection::Test.describe()));
    }
    args.tell_earlier(out);
    let mut watch = TrainingObserver::new(verbosity, out, set, &job)?;
    watch.film = args.film.open(set, &job.settings)?;
    let result = train(&job, &mut watch);
    let time = watch.time();
    let model = result?;
    save(&model, out)?;
    if let (Some(path), Some(film)) = (&args.film.film, &watch.film) {
        let written = film.encode(&model.info).and_then(|bytes| write_atomically(path, &bytes));
        written
            .map_err(|error| Error::Incomplete(format!("the model is written, but not the film: {error}")))?;
        verbosity.say(format!("wrote {}", path.display()));
    }
    // The model is safe on disk; a checkpoint that cannot be removed does no harm.
    let _ = std::fs::remove_file(checkpoint_path(out));
    let drawn = watch.finish(&model.info.history);
    let threshold = &model.info.threshold;
    verbosity
        .say(format!("threshold {:.4}: {}; {}", threshold.value, threshold.method, threshold.reliability));
    verbosity.say(format!("wrote {} ({time})", out.display()));
    if verbosity.json {
        let mut summary = serde_json::json!({
            "model": text(out), "name": model.info.name, "backbone": model.info.backbone,
            "training_pictures": model.info.training_pictures, "threshold": model.info.threshold,
            "selection": model.info.selection, "seed": model.info.seed,
            "epochs_amplify": model.info.history.amplify.len(),
            "epochs_distill": model.info.history.distill.len(), "left_out": set.left_out,
        });
        if let Some(bytes) = exact(out) {
            summary["model_bytes"] = bytes.into();
        }
        terminal::print(summary);
    }
    drawn.map_err(|error| {
        Error::Incomplete(format!("the model is written, but not what lies beside it: {error}"))
    })
}

/// A weight of a loss.
fn weight(text: &str) -> std::result::Result<f64, String> {
    let weight = text.parse().ok().filter(|weight: &f64| weight.is_finite() && *weight >= 0.0);
    weight.ok_or_else(|| "must be a number, 0 or more".into())
}

/// A share as `1%`, `1 %` or `0.01`.
pub(super) fn share(text: &str) -> std::result::Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(number) => (number.trim_end(), 100.0),
        None => (text, 1.0),
    };
    let share = number.parse::<f64>().ok().map(|number| number / unit);
    share
        .filter(|share| *share > 0.0 && *share < 1.0)
        .ok_or_else(|| "must be above 0 % and below 100 %, for example 1% or 0.01".into())
}

fn settings_select(job: &TrainingJob) -> bool {
    job.settings.selection == Selection::Test
}

impl TrainArgs {
    /// Locks `out` and the files beside it for this training.
    fn claim(&self, out: &Path) -> Result<Lock> {
        let lock = claim(out, "--out")?;
        check_beside(out)?;
        Ok(lock)
    }

    /// Says what becomes of the files of an earlier training.
    fn tell_earlier(&self, out: &Path) {
        let (verbosity, checkpoint) = (self.verbosity, checkpoint_path(out));
        match (self.resume, checkpoint.exists()) {
            (true, false) => {
                verbosity.say(format!("warning: no checkpoint at {}; starting anew", checkpoint.display()));
            }
            (false, true) => verbosity.say(format!(
                "replaces the checkpoint of an unfinished training, {}; stop now and give --resume to go on with it",
                checkpoint.display()
            )),
            _ => {}
        }
        if out.exists() {
            verbosity.say(format!("replaces the model {} when it is done", out.display()));
        }
    }

    /// Says which size was chosen, and what is lost at that size.
    fn tell_of_size(&self, set: &Dataset, settings: &Settings, extent: Option<Extent>) {
        let (size, view) = (settings.size, &settings.view);
        if self.look.finds_size() && size != Settings::default().size {
            self.verbosity.say(format!(
                "{}: input {size}, by the pictures' aspect ({})",
                set.name,
                view.words(size)
            ));
        }
        let whole = extent.filter(|_| view.tiles.is_none());
        if let Some(pixels) = whole.and_then(|extent| extent.vanishing(size)) {
            self.verbosity.say(format!(
                "defects smaller than {pixels} pixels of the picture vanish at {size}; --tile 256 keeps them"
            ));
        }
    }

    /// All settings for one category, and how large its pictures are.
    fn settings(&self, set: &Dataset) -> Result<(Settings, Option<Extent>)> {
        let extent = Extent::of(set);
        let (size, view) = self.look.choose(set, extent.as_ref(), self.preset, self.score.pooling)?;
        let paper = (self.preset == Preset::Paper).then(|| Foreground::paper(&set.name)).flatten();
        let foreground = self.foreground.or(paper).unwrap_or_default();
        let settings = Settings {
            size,
            view,
            seed: self.seed,
            // The preset's numbers depend on how many pictures are held out, so they are set below.
            epochs_amplify: self.epochs_amplify.unwrap_or_default(),
            epochs_distill: self.epochs_distill.unwrap_or_default(),
            batch: self.batch,
            lr: self.lr,
            beta1: self.beta1,
            alpha: self.alpha,
            amplification_weight: self.amplification_weight,
            hardest: self.hardest,
            raa: RaaOptions {
                gate: !self.no_gate,
                generator: !self.no_generator,
                residual: self.residual,
                memory_items: self.memory_items,
            },
            teacher: self.teacher,
            objective: self.objective,
            score: self.score.score,
            holdout: self.holdout,
            false_alarms: self.false_alarms,
            augment: self.augment.clone(),
            foreground,
            textures: self.textures.as_ref().map_or("built-in".into(), |t| t.display().to_string()),
            range: None,
            selection: self.select,
            precision: self.precision,
            keep: self.keep,
        };
        let native = extent.as_ref().map(|extent| extent.native);
        let [amplify, distill] = settings.usual_epochs(self.preset, set.train.len(), native);
        let settings = Settings {
            epochs_amplify: self.epochs_amplify.unwrap_or(amplify),
            epochs_distill: self.epochs_distill.unwrap_or(distill),
            ..settings
        };
        Ok((settings, extent))
    }
}
