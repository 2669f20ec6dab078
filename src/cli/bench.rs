//! `aand bench [MODEL]`: how quick a model is on this machine.

use super::output::print_line;
use super::{DeviceArgs, Verbosity};
use crate::amplification::{Amplifier, RaaOptions};
use crate::benchmark::{
    DetectionSpeed, Engine, Extent, Machine, TrainingSpeed, burns_device, detection_speed, reset_peak_memory,
    training_speed,
};
use crate::gpu::Processor;
use crate::model::{Aand, Info, Kept, Precision, StoredModel, save};
use crate::picture::{Size, View};
use crate::student::Student;
use crate::teacher::{Backbone, Teacher};
use crate::{Error, Result};
use burn::tensor::Device;
use clap::Args;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Options of `aand bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// The model file; without it an untrained model, whose answers mean nothing but take as long
    model: Option<PathBuf>,
    /// The untrained model's teacher network
    #[arg(long, value_enum, default_value = "resnet18", conflicts_with = "model")]
    backbone: Backbone,
    /// The untrained model's input size, in multiples of 32: one number, or WIDTHxHEIGHT
    #[arg(long, default_value = "256", value_parser = size, conflicts_with = "model")]
    size: Size,
    /// The untrained model's seed
    #[arg(long, default_value_t = 0, conflicts_with = "model")]
    seed: u64,
    /// Runs at batch 1
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Training steps of each stage that are measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    steps: u16,
    /// What trains on a GPU: the program's own shaders, or Burn's GPU backend for comparison, where it was built in
    /// (feature `burn-wgpu`)
    #[arg(long, value_enum, default_value = "shaders")]
    engine: Engine,
    /// Do not measure training
    #[arg(long)]
    no_training: bool,
    /// Measure nothing but batch 1
    #[arg(long)]
    only_latency: bool,
    /// Show the time of every layer, not only of the model's parts
    #[arg(long)]
    layers: bool,
    /// What a GPU detects with: f32, or f16 where it has that
    #[arg(long, value_enum, default_value = "f32")]
    precision: Precision,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    verbosity: Verbosity,
}

fn size(text: &str) -> std::result::Result<Size, String> {
    let size: Size = text.parse().map_err(|error: Error| error.to_string())?;
    if size.fits_network(4096) { Ok(size) } else { Err("must be multiples of 32 from 32 to 4096".into()) }
}

/// Everything measured.
#[derive(Serialize)]
struct Bench {
    #[serde(flatten)]
    machine: Machine,
    model: ModelFacts,
    #[serde(flatten)]
    detection: DetectionSpeed,
    training: Option<TrainingSpeed>,
}

/// What was measured.
#[derive(Serialize)]
struct ModelFacts {
    name: String,
    untrained: bool,
    backbone: Backbone,
    size: Size,
    file_mb: f64,
    computed_in: Precision,
}

/// Runs `aand bench`.
pub fn run(args: &BenchArgs) -> Result<()> {
    let verbosity = args.verbosity;
    let (processor, mut words) = args.device.choose_named(verbosity)?;
    if let (Processor::Gpu(gpu), Engine::Burn) = (&processor, args.engine) {
        // A missing device is reported before minutes of measuring.
        burns_device(&gpu.info)?;
    }
    let temporary;
    let path: &Path = match &args.model {
        Some(path) => path,
        None => {
            let words = format!("making an untrained {} at {}", args.backbone, args.size);
            verbosity.say(format!("{words}: random weights, only the speed means anything"));
            temporary = tempfile::Builder::new().suffix(".aand").tempfile();
            let file = temporary.as_ref().map_err(|e| Error::io(std::env::temp_dir(), e.kind().into()))?;
            save(&untrained(args)?, file.path())?;
            file.path()
        }
    };
    let model = facts(path, args)?;
    reset_peak_memory();
    verbosity.say("measuring detection");
    let extent = Extent { runs: args.runs.into(), batches: if args.only_latency { 0 } else { 5 } };
    let detection = detection_speed(path, &processor, args.precision, extent)?;
    // Known by now: the first answer included the test of them.
    if let Some(units) = processor.matrix_units().filter(|_| args.precision == Precision::F16) {
        words = format!("{words}, {units}");
    }
    let training = match args.no_training || args.only_latency {
        true => None,
        false => {
            super::allocator::keep();
            verbosity.say("measuring training");
            Some(training_speed(path, args.steps.into(), &processor, args.engine)?)
        }
    };
    let bench = Bench { machine: Machine::this(words), model, detection, training };
    if verbosity.json {
        let wrong = |e: serde_json::Error| Error::io("standard output", e.into());
        return print_line(serde_json::to_string(&bench).map_err(wrong)?);
    }
    table(&bench, args.layers).into_iter().try_for_each(print_line)
}

fn facts(path: &Path, args: &BenchArgs) -> Result<ModelFacts> {
    let bytes = std::fs::metadata(path).map_err(|e| Error::io(path, e))?.len();
    let Info { name, backbone, size, .. } = StoredModel::open(path)?.info;
    let untrained = args.model.is_none();
    Ok(ModelFacts {
        name,
        untrained,
        backbone,
        size,
        file_mb: bytes as f64 / 1e6,
        computed_in: args.precision,
    })
}

/// The measurements for people.
fn table(bench: &Bench, every_layer: bool) -> Vec<String> {
    let Bench { machine, model, detection, training } = bench;
    let line = |name: &str, words: String| format!("{name:<14}{words}");
    let seconds = |ms: f64| format!("{:.2} s", ms / 1000.0);
    let memory = machine.memory_mb.map_or(String::new(), |mb| format!(", {:.0} GB", mb / 1000.0));
    let untrained = if model.untrained { "untrained " } else { "" };
    let mut lines = vec![
        line(
            "machine",
            format!(
                "{}, {} threads, {}{memory}; {}",
                machine.processor, machine.threads, machine.instructions, machine.system
            ),
        ),
        line("device", machine.device.clone()),
        line("versions", format!("aand {}, Burn {}", machine.aand, machine.burn)),
        line(
            "model",
            format!(
                "{untrained}{} at {size}, {:.0} MB, computed in {}",
                model.backbone,
                model.file_mb,
                if model.computed_in == Precision::F16 { "f16" } else { "f32" },
                size = model.size
            ),
        ),
        line(
            "start",
            format!(
                "loaded in {}, first answer after {}, the second time after {}",
                seconds(detection.load_ms),
                seconds(detection.first_answer_ms.cold),
                seconds(detection.first_answer_ms.warm)
            ),
        ),
        line(
            "batch 1",
            format!(
                "median {:.1} ms, 95 % within {:.1} ms, {} runs",
                detection.latency.median_ms,
                detection.latency.p95_ms,
                detection.latency_ms.len()
            ) + &detection.processor_ms.map_or(String::new(), |ms| format!("; processor time {ms:.1} ms")),
        ),
    ];
    for t in &detection.throughput {
        lines.push(line(
            &format!("batch {}", t.batch),
            format!("{:.1} pictures a second", t.pictures_per_second),
        ));
    }
    if let Some(mb) = detection.peak_memory_mb {
        lines.push(line("peak memory", format!("{mb:.0} MB at batch 1")));
    }
    for part in if every_layer { each(detection) } else { parts(detection) } {
        lines.push(line("", format!("{:8.2} ms  {}", part.1, part.0)));
    }
    if let Some(t) = training {
        let [one, two] = [t.stage1_steps_per_second, t.stage2_steps_per_second];
        let by = if t.engine == Engine::Burn { ", by Burn" } else { "" };
        let words = format!("stage 1 {one:.2}, stage 2 {two:.2} steps of {} a second{by}", t.batch);
        lines.push(line("training", words));
        if let Some(work) = &t.work {
            let ([one, two], [first, second]) = (work.dispatches, work.pipelines);
            let words = format!(
                "first step after {}; {one} and {two} dispatches a step, {first} and {second} pipelines",
                seconds(work.first_step_ms)
            );
            lines.push(line("", words));
        }
    }
    lines
}

fn each(detection: &DetectionSpeed) -> Vec<(String, f64)> {
    detection.layers.iter().map(|layer| (layer.name.clone(), layer.ms)).collect()
}

/// The layers' times summed by part of the model, which is the first two words of a layer's name.
fn parts(detection: &DetectionSpeed) -> Vec<(String, f64)> {
    let mut parts: Vec<(String, f64)> = Vec::new();
    for layer in &detection.layers {
        let mut words = layer.name.split('.');
        let part = match (words.next(), words.next()) {
            (Some("student"), Some(second)) => format!("student.{second}"),
            (first, _) => first.unwrap_or_default().to_owned(),
        };
        match parts.iter_mut().find(|(name, _)| *name == part) {
            Some((_, ms)) => *ms += layer.ms,
            None => parts.push((part, layer.ms)),
        }
    }
    parts
}

/// A model with the weights that training would start from.
fn untrained(args: &BenchArgs) -> Result<Aand> {
    let (device, raa) = (Device::flex(), RaaOptions::default());
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    Ok(Aand {
        teacher: Teacher::random(args.backbone, args.seed, &device)?,
        amplifier: Amplifier::new(args.backbone, args.size, raa.memory_items, &mut rng, &device),
        student: Student::new(args.backbone, &mut rng, &device),
        info: Info {
            teacher: format!("random, seed {}", args.seed),
            seed: args.seed,
            ..Info::new("untrained", args.backbone, args.size, View::default())
        },
        kept: Kept::default(),
    })
}
