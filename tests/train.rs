//! `aand train` end to end, through the library and through the program.

use aand::dataset::{self, Dataset};
use aand::model::{Aand, encode, open};
use aand::teacher::Teacher;
use aand::training::{Event, Observer, Settings, TrainingJob, checkpoint_path, train};
use burn::tensor::Device;
use image::{Rgb, RgbImage};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder of `count` good parts: a disc on a plain ground, each a little different.
fn good_parts(count: u32) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..count {
        let picture = RgbImage::from_fn(80, 72, |x, y| {
            let inside = (x as f32 - 40.0).hypot(y as f32 - 36.0) < 24.0 + (i % 3) as f32;
            let grain = ((x * 7 + y * 13 + i * 29) % 11) as u8;
            if inside { Rgb([150 + grain, 120, 60 + i as u8]) } else { Rgb([30, 34 + grain, 40]) }
        });
        picture.save(dir.path().join(format!("{i}.png"))).unwrap();
    }
    dir
}

fn small(settings: Settings) -> Settings {
    Settings {
        size: 64.into(),
        batch: 4,
        epochs_amplify: 2,
        epochs_distill: 3,
        holdout: Some(0.4),
        ..settings
    }
}

fn job(data: &Dataset, settings: Settings) -> TrainingJob {
    let teacher = Teacher::embedded(&Device::flex()).unwrap();
    TrainingJob::prepare(data, settings, teacher, "the embedded teacher".into()).unwrap()
}

/// Stops after so many steps; never, if there are more.
struct StopAfter(usize);

impl Observer for StopAfter {
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        if matches!(event, Event::Step { .. }) {
            self.0 = self.0.saturating_sub(1);
        }
        if self.0 == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Runs `work` on three threads wherever the test runs: their scheduling must not show in any bit.
fn on_threads(work: impl FnOnce() + Send) {
    rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap().install(work);
}

#[test]
fn a_resumed_training_ends_in_the_same_weights_bit_for_bit() {
    on_threads(resumed_equals_uninterrupted);
}

fn resumed_equals_uninterrupted() {
    let folder = good_parts(10);
    let data = dataset::open(folder.path(), None, None).unwrap().remove(0);
    let whole = train(&job(&data, small(Settings::default())), &mut StopAfter(usize::MAX)).unwrap();
    let whole = encode(&whole).unwrap();

    // 10 pictures, 4 held out, in batches of 4: 2 steps an epoch; these stops lie within, and at the end of, epochs of both
    // stages.
    for stops in [[1, 4], [2, 3], [5, 2]] {
        let place = tempfile::tempdir().unwrap();
        let mut job = job(&data, small(Settings::default()));
        job.checkpoint = Some(checkpoint_path(&place.path().join("part.aand")));
        job.resume = true;
        for stop in stops {
            let error = train(&job, &mut StopAfter(stop)).unwrap_err();
            assert!(error.to_string().contains("`resume`"), "{error}");
        }
        let resumed = train(&job, &mut StopAfter(usize::MAX)).unwrap();
        assert!(encode(&resumed).unwrap() == whole, "stopped after {stops:?} steps");
    }
}

#[test]
fn a_resumed_training_has_the_same_threshold_from_students_that_leave_pictures_out() {
    on_threads(resumed_threshold_equals_uninterrupted);
}

fn resumed_threshold_equals_uninterrupted() {
    let folder = good_parts(12);
    let data = dataset::open(folder.path(), None, None).unwrap().remove(0);
    // The students go on from the second of eight epochs: before and after a stop; the pictures vary.
    let augment = vec!["lighting".parse().unwrap(), "shift".parse().unwrap()];
    let settings = Settings {
        epochs_amplify: 1,
        epochs_distill: 8,
        holdout: None,
        augment,
        ..small(Settings::default())
    };
    let whole = train(&job(&data, settings.clone()), &mut StopAfter(usize::MAX)).unwrap();
    let stated = whole.info.threshold.stated.unwrap();
    assert_eq!((whole.info.training_pictures, stated.basis), (8, aand::model::Basis::LeftOut));
    assert_eq!(whole.info.threshold.scores.len(), 12);
    let place = tempfile::tempdir().unwrap();
    let mut job = job(&data, settings);
    job.checkpoint = Some(checkpoint_path(&place.path().join("part.aand")));
    job.resume = true;
    for stop in [4, 9] {
        train(&job, &mut StopAfter(stop)).unwrap_err();
    }
    let resumed = train(&job, &mut StopAfter(usize::MAX)).unwrap();
    assert!(encode(&resumed).unwrap() == encode(&whole).unwrap());
}

#[test]
fn the_seed_decides_everything() {
    on_threads(same_seed_same_file);
}

fn same_seed_same_file() {
    let folder = good_parts(6);
    let data = dataset::open(folder.path(), None, None).unwrap().remove(0);
    let run = |seed| {
        let settings = Settings { seed, epochs_amplify: 1, epochs_distill: 1, ..small(Settings::default()) };
        encode(&train(&job(&data, settings), &mut StopAfter(usize::MAX)).unwrap()).unwrap()
    };
    let first = run(1);
    assert!(first == run(1));
    assert!(first != run(2));
}

#[test]
fn features_beyond_the_budget_change_nothing() {
    on_threads(memory_or_disk_is_the_same);
}

fn memory_or_disk_is_the_same() {
    let folder = good_parts(6);
    let data = dataset::open(folder.path(), None, None).unwrap().remove(0);
    let settings = Settings { epochs_amplify: 1, epochs_distill: 1, ..small(Settings::default()) };
    let run = |budget| {
        let mut job = job(&data, settings.clone());
        job.cache_budget = budget;
        encode(&train(&job, &mut StopAfter(usize::MAX)).unwrap()).unwrap()
    };
    assert!(run(u64::MAX) == run(0));
}

#[test]
fn every_switch_of_the_paper_trains() {
    use aand::amplification::{RaaOptions, Residual};
    use aand::model::Score;
    use aand::training::{Objective, TeacherKind};
    let folder = good_parts(5);
    let data = dataset::open(folder.path(), None, None).unwrap().remove(0);
    let base = Settings { epochs_amplify: 1, epochs_distill: 1, ..small(Settings::default()) };
    let raa = RaaOptions::default();
    let switches = [
        Settings { teacher: TeacherKind::Random, ..base.clone() },
        Settings { teacher: TeacherKind::Pretrained, hardest: 0, ..base.clone() },
        Settings { score: Score::Gate, raa: RaaOptions { generator: false, ..raa }, ..base.clone() },
        Settings { raa: RaaOptions { gate: false, ..raa }, hardest: 0, ..base.clone() },
        Settings { objective: Objective::Contrastive, ..base.clone() },
        Settings { raa: RaaOptions { residual: Residual::Learnable, ..raa }, ..base.clone() },
        Settings { raa: RaaOptions { residual: Residual::Sigmoid, ..raa }, ..base.clone() },
        Settings { raa: RaaOptions { memory_items: 10, ..raa }, hardest: 50, alpha: 0.5, ..base.clone() },
    ];
    let mut files = Vec::new();
    for settings in switches {
        let model = train(&job(&data, settings.clone()), &mut StopAfter(usize::MAX)).unwrap();
        assert!(model.info.threshold.value.is_finite() && model.info.threshold.value > 0.0);
        let again = aand::model::decode(&encode(&model).unwrap(), Path::new("m"), &Device::flex()).unwrap();
        assert_eq!(scores(&again, &data), scores(&model, &data), "{settings:?}");
        files.push(scores(&model, &data));
    }
    for (i, a) in files.iter().enumerate() {
        assert!(files[i + 1..].iter().all(|b| a != b), "two switches gave the same scores");
    }
}

/// Stage 1 without a gate has nothing to learn from a batch without a made defect, and nothing at all without
/// both parts.
#[test]
fn a_batch_without_pairs_is_no_step_where_there_is_no_gate_to_train() {
    use aand::amplification::{Amplifier, RaaOptions};
    use aand::model::{NamedTensor, collect};
    use aand::picture::Mask;
    use aand::training::{AmplifyBatch, AmplifyLoss, AmplifyStage, Objective, Purpose, stream};
    let teacher = Teacher::embedded(&Device::flex()).unwrap();
    let base = Settings { size: 32.into(), ..Settings::default() };
    let no_gate = RaaOptions { gate: false, ..RaaOptions::default() };
    for settings in [
        Settings { raa: no_gate, ..base.clone() },
        Settings { objective: Objective::Contrastive, ..base.clone() },
    ] {
        let mut rng = stream(0, Purpose::Amplifier, 0, 0);
        let mut stage = AmplifyStage::new(&teacher, &settings, &mut rng, &Device::flex());
        let weights = |a: &Amplifier| -> Vec<NamedTensor> { collect(a, "amplifier").unwrap() };
        let before = weights(&stage.amplifier);
        let data = AmplifyBatch {
            pixels: vec![0.25; 3 * 32 * 32],
            masks: vec![Mask::filled(32, 32, false)],
            foregrounds: vec![Mask::filled(32, 32, true)],
        };
        let loss = stage.step(&teacher, data, &settings, 0.005, &mut rng).unwrap();
        assert_eq!(loss, AmplifyLoss::default());
        assert!(weights(&stage.amplifier) == before);
    }
}

/// Wants the model after every epoch.
#[derive(Default)]
struct Collector {
    epoch_ended: bool,
    models: Vec<Vec<u8>>,
}

impl Observer for Collector {
    fn event(&mut self, event: Event<'_>) -> ControlFlow<()> {
        self.epoch_ended = matches!(event, Event::Amplified(_) | Event::Distilled(_));
        ControlFlow::Continue(())
    }

    fn wants_model(&self) -> bool {
        self.epoch_ended
    }

    fn model(&mut self, bytes: Vec<u8>) {
        self.models.push(bytes);
    }
}

#[test]
fn models_that_are_handed_out_on_the_way_are_whole_and_change_nothing() {
    on_threads(handed_out_models);
}

fn handed_out_models() {
    use aand::model::{decode, tensors};
    let folder = good_parts(6);
    let data = dataset::open(folder.path(), None, None).unwrap().remove(0);
    let job = job(&data, small(Settings::default()));
    let mut collector = Collector::default();
    let trained = train(&job, &mut collector).unwrap();
    assert!(encode(&trained).unwrap() == encode(&train(&job, &mut StopAfter(usize::MAX)).unwrap()).unwrap());

    // Two epochs of stage 1 and three of stage 2; the last has the weights of the finished model.
    assert_eq!(collector.models.len(), 5);
    let read = |bytes: &[u8], device| decode(bytes, Path::new("on the way"), &device).unwrap();
    let finished = read(&encode(&trained).unwrap(), Device::flex());
    let last = read(&collector.models[4], Device::flex());
    assert!(tensors(&last).unwrap() == tensors(&finished).unwrap());
    assert_eq!(last.info.history.distill.len(), 3);
    // A checkpoint of stage 1 can be continued.
    let earlier = read(&collector.models[0], Device::flex().autodiff());
    let settings = Settings { epochs_amplify: 1, epochs_distill: 1, ..small(Settings::default()) };
    let mut further = self::job(&data, settings);
    further.start = Some((earlier.amplifier, earlier.student));
    assert!(train(&further, &mut StopAfter(usize::MAX)).is_ok());
}

/// Judges all candidates of a stage alike; there may be nothing to say about the gate.
struct Indifferent;

impl Observer for Indifferent {
    fn event(&mut self, _: Event<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn judge(&mut self, _: &Aand, _: aand::training::Stage) -> aand::Result<f64> {
        Ok(0.0)
    }
}

#[test]
fn a_criterion_that_says_nothing_keeps_the_last_epoch() {
    use aand::model::{NamedTensor, Selection, tensors};
    let folder = good_parts(4);
    let data = dataset::open(folder.path(), None, None).unwrap().remove(0);
    // Candidates are epochs 10 and 15, and the last.
    let settings =
        Settings { epochs_amplify: 15, epochs_distill: 15, size: 32.into(), ..small(Settings::default()) };
    let run = |selection| -> Vec<NamedTensor> {
        let settings = Settings { selection, ..settings.clone() };
        tensors(&train(&job(&data, settings), &mut Indifferent).unwrap()).unwrap()
    };
    assert!(run(Selection::Test) == run(Selection::Last));
}

fn scores(model: &Aand, data: &Dataset) -> Vec<f64> {
    let detector = aand::detection::Detector::new(model.clone()).unwrap();
    let pictures: Vec<_> = data.train.iter().map(|p| aand::picture::open(p).unwrap()).collect();
    detector.detect(&pictures).unwrap().into_iter().map(|d| d.score).collect()
}

fn aand(args: &[&str]) -> Output {
    // Mesa's own complaint when this is not set would be a second line on standard error.
    let folder = std::env::temp_dir();
    let mut program = Command::new(env!("CARGO_BIN_EXE_aand"));
    program.args(args).env("XDG_RUNTIME_DIR", folder).env("RAYON_NUM_THREADS", "1").output().unwrap()
}

const QUICK: [&str; 12] = [
    "--size",
    "64",
    "--batch",
    "4",
    "--epochs-amplify",
    "3",
    "--epochs-distill",
    "4",
    "--device",
    "cpu",
    "--holdout",
    "0.4",
];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Fails with status 1 and one line on standard error that holds all of `parts`.
#[track_caller]
fn fails(output: &Output, parts: &[&str]) {
    fails_with(1, output, parts);
}

/// As [`fails`], with another status.
#[track_caller]
fn fails_with(status: i32, output: &Output, parts: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{stderr} lacks {part}");
    }
}

#[test]
fn the_program_trains_logs_and_goes_on_after_ctrl_c() {
    let (folder, place) = (good_parts(10), tempfile::tempdir().unwrap());
    let whole = place.path().join("whole.aand");
    let mut args = vec!["train", text(folder.path()), "--out", text(&whole)];
    args.extend(QUICK);
    let output = aand(&args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    for word in
        ["device: CPU", "GB of memory", "4 good pictures support a false-alarm rate of 68 %", "threshold"]
    {
        assert!(stderr.contains(word), "{stderr} lacks {word}");
    }
    let log = std::fs::read_to_string(place.path().join("whole.training.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 7);
    assert!(std::fs::read_to_string(place.path().join("whole.training.svg")).unwrap().contains("<svg"));
    assert!(!checkpoint_path(&whole).exists());

    #[cfg(unix)]
    {
        let stopped = place.path().join("stopped.aand");
        let mut args = vec!["train", text(folder.path()), "--out", text(&stopped)];
        args.extend(QUICK);
        let mut program = Command::new(env!("CARGO_BIN_EXE_aand"));
        program.args(&args).arg("--quiet").stderr(std::process::Stdio::piped());
        program.env("RAYON_NUM_THREADS", "1");
        let child = program.spawn().unwrap();
        let log = place.path().join("stopped.training.jsonl");
        for _ in 0..3000 {
            if log.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        fails_with(75, &child.wait_with_output().unwrap(), &["stopped", "--resume"]);
        assert!(!stopped.exists() && checkpoint_path(&stopped).exists());
        args.push("--resume");
        assert!(aand(&args).status.success());
        let device = Device::flex();
        let [whole, stopped] = [whole, stopped].map(|p| encode(&open(&p, &device).unwrap()).unwrap());
        assert!(whole == stopped);
        assert_eq!(std::fs::read_to_string(&log).unwrap().lines().count(), 7);
    }
}

#[test]
fn bad_input_is_told_in_one_line() {
    let (folder, place) = (good_parts(4), tempfile::tempdir().unwrap());
    let data = text(folder.path());
    let out = place.path().join("part.aand");
    let out = text(&out);
    let run = |data: &str, more: &[&str]| {
        let mut args = vec!["train", data, "--quiet"];
        if !more.contains(&"--out") {
            args.extend(["--out", out]);
        }
        args.extend(QUICK);
        args.extend(more);
        aand(&args)
    };
    let empty = tempfile::tempdir().unwrap();
    fails(&run(text(empty.path()), &[]), &[text(empty.path())]);
    fails(&run("/no/such/folder", &[]), &["/no/such/folder"]);
    fails(&run(data, &["--backbone", "resnet34", "--weights", "/no/such/file"]), &["/no/such/file"]);
    let args = ["train", data, "--quiet", "--out", out, "--device", "gpu:99"];
    fails(&aand(&args), &["gpu:99", "--device cpu"]);
    fails(&run(data, &["--select", "test"]), &["--select test"]);
    // A file where a folder should be: not even root can write there.
    let blocked = format!("{data}/0.png/part.aand");
    fails(&run(data, &["--out", &blocked]), &["0.png"]);
    fails(&run(data, &["--out", text(place.path())]), &["is a folder"]);
    let broken = folder.path().join("9.png");
    std::fs::write(&broken, b"\x89PNG\r\n\x1a\n cut off").unwrap();
    fails(&run(data, &[]), &["9.png"]);
    std::fs::remove_file(&broken).unwrap();
    assert!(std::fs::read_dir(place.path()).unwrap().next().is_none(), "something was left behind");

    let usage = aand(&["train", data, "--size", "many"]);
    assert_eq!(usage.status.code(), Some(2));
    let setting = aand(&["train", data, "--quiet", "--out", out, "--size", "100"]);
    fails(&setting, &["--size 100", "multiple of 32"]);
}

/// Weights of another backbone, and truncated ones.
#[test]
fn bad_weights_are_told_in_one_line() {
    let (folder, place) = (good_parts(6), tempfile::tempdir().unwrap());
    let (data, out) = (text(folder.path()), place.path().join("part.aand"));
    let run = |weights: &Path, more: &[&str]| {
        let mut args = vec!["train", data, "--quiet", "--out", text(&out), "--weights", text(weights)];
        args.extend(QUICK);
        args.extend(more);
        aand(&args)
    };
    let good = place.path().join("compact.safetensors");
    std::fs::write(&good, aand::teacher::EMBEDDED).unwrap();
    fails(
        &run(&good, &["--backbone", "resnet18"]),
        &["compact.safetensors", "resnet18", "--backbone compact"],
    );

    let short = place.path().join("short.safetensors");
    std::fs::write(&short, &aand::teacher::EMBEDDED[..100_000]).unwrap();
    fails(&run(&short, &[]), &["short.safetensors"]);

    // A larger relative of a known backbone has all its tensors, and more.
    let file = aand::weights::TensorFile::open(&good).unwrap();
    let more = "layer3.2.conv1.weight";
    let numbers: Vec<(&str, Vec<usize>, Vec<u8>)> = file
        .names()
        .map(|name| {
            let shape = file.shape(name).unwrap().to_vec();
            let bytes = file.get(name, &shape).unwrap().iter().flat_map(|v| v.to_le_bytes()).collect();
            (name, shape, bytes)
        })
        .chain([(more, vec![1], vec![0; 4])])
        .collect();
    let views = numbers.iter().map(|(name, shape, bytes)| {
        let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
        (format!("module.{name}"), view.unwrap())
    });
    let larger = place.path().join("larger.safetensors");
    std::fs::write(&larger, safetensors::serialize(views, None).unwrap()).unwrap();
    fails(&run(&larger, &[]), &["larger.safetensors", more, "compact"]);

    assert!(!out.exists());
}

/// Files of the same name with other contents, and a checkpoint that is not what was written.
#[test]
fn a_resume_with_other_weights_textures_or_a_damaged_checkpoint_is_refused() {
    use aand::synthesis::Textures;
    let (folder, place) = (good_parts(4), tempfile::tempdir().unwrap());
    let data = dataset::open(folder.path(), None, None).unwrap().remove(0);
    let weights = place.path().join("teacher.safetensors");
    let textured = |value| Textures::from_pictures(vec![RgbImage::from_pixel(4, 4, Rgb([value, 90, 30]))]);
    let checkpoint = checkpoint_path(&place.path().join("part.aand"));
    let job = |bytes: &[u8], textures| {
        std::fs::write(&weights, bytes).unwrap();
        let (teacher, words) = Teacher::resolve(None, Some(&weights), &Device::flex()).unwrap();
        let mut job = TrainingJob::prepare(&data, small(Settings::default()), teacher, words).unwrap();
        job.textures = textures;
        job.checkpoint = Some(checkpoint.clone());
        job.resume = true;
        job
    };
    let refused = |job: &TrainingJob| train(job, &mut StopAfter(1)).unwrap_err().to_string();
    let embedded = aand::teacher::EMBEDDED;
    let begun = job(embedded, textured(1));
    assert!(refused(&begun).contains("stopped"));
    // It goes on with the same.
    assert!(refused(&begun).contains("stopped"));

    // The last numbers of the file, in half precision.
    let mut other = embedded.to_vec();
    let end = other.len();
    other[end - 2..].copy_from_slice(&half::f16::from_f32(0.125).to_le_bytes());
    assert!(refused(&job(&other, textured(1))).contains("begun with another teacher"));
    assert!(refused(&job(embedded, textured(2))).contains("begun with other textures"));

    let whole = std::fs::read(&checkpoint).unwrap();
    let begun = job(embedded, textured(1));
    for n in 0..40 {
        let mut flipped = whole.clone();
        // Header, weights, optimizer, sum.
        flipped[n * (whole.len() - 1) / 39] ^= 1 << (n % 8);
        std::fs::write(&checkpoint, flipped).unwrap();
        let error = refused(&begun);
        assert!(error.contains("damaged checkpoint") && error.contains("part.aand.checkpoint"), "{error}");
    }
    std::fs::write(&checkpoint, &whole[..whole.len() - 1]).unwrap();
    assert!(refused(&begun).contains("damaged checkpoint"));
}

/// Values of a camera of 12 bits, in files of 16: the range is told of, taken, kept in the model and used.
#[test]
fn pictures_of_twelve_bits_are_trained_and_judged_in_their_range() {
    use image::{ImageBuffer, ImageFormat, Luma};
    let place = tempfile::tempdir().unwrap();
    let [deep, plain] = ["deep", "plain"].map(|name| place.path().join(name));
    for i in 0..5_u16 {
        let value = |x: u32, y: u32| ((x * 3 + y * 2 + u32::from(i) * 7) % 240) as u16;
        let eight = ImageBuffer::<Luma<u8>, _>::from_fn(40, 40, |x, y| Luma([value(x, y) as u8]));
        // As 0..4095 is to 0..255, rounded to what gives the same again.
        let twelve = ImageBuffer::<Luma<u16>, _>::from_fn(40, 40, |x, y| {
            Luma([(f64::from(value(x, y)) * 4095.0 / 255.0).round() as u16])
        });
        for folder in [&deep, &plain] {
            std::fs::create_dir_all(folder).unwrap();
        }
        twelve.save_with_format(deep.join(format!("{i}.png")), ImageFormat::Png).unwrap();
        eight.save_with_format(plain.join(format!("{i}.png")), ImageFormat::Png).unwrap();
    }
    let model = |folder: &Path, name: &str, more: &[&str]| {
        let out = place.path().join(name);
        let mut args = vec!["train", text(folder), "--out", text(&out)];
        args.extend(["--size", "32", "--batch", "4", "--epochs-amplify", "1", "--epochs-distill", "1"]);
        args.extend(["--device", "cpu"]);
        args.extend(more);
        let output = aand(&args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        (open(&out, &Device::flex()).unwrap(), out, stderr)
    };
    let (unscaled, unscaled_path, said) = model(&deep, "unscaled.aand", &[]);
    assert!(said.contains("warning: 5 picture(s) of 16 bits") && said.contains("--range 0..4095"), "{said}");
    assert_eq!((unscaled.info.format_version, unscaled.info.range), (1, None));

    let (auto, path, said) = model(&deep, "auto.aand", &["--range", "auto"]);
    assert!(!said.contains("of 16 bits"), "{said}");
    assert_eq!(auto.info.range.unwrap().to_string(), "0..4095");
    // A program that does not know of ranges refuses the file.
    assert_eq!(auto.info.format_version, 2);
    let (eight, ..) = model(&plain, "eight.aand", &[]);
    let tensors = |model| aand::model::tensors(model).unwrap();
    assert!(tensors(&auto) == tensors(&eight), "the same pictures give the same weights");
    assert!(tensors(&unscaled) != tensors(&eight));

    let judge = |model: &Path, folder: &Path| {
        let out = place.path().join("out");
        let args = ["detect", text(model), text(folder), "--out", text(&out), "--json", "--device", "cpu"];
        let output = aand(&args);
        assert!(output.status.success());
        let scores: Vec<f64> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["score"].as_f64().unwrap())
            .collect();
        (scores, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // What has 8 bits is read as it is.
    assert_eq!(judge(&path, &deep).0, judge(&path, &plain).0);
    assert!(judge(&unscaled_path, &deep).1.contains("of 16 bits"));
    let bright = ImageBuffer::<Luma<u16>, _>::from_pixel(8, 8, Luma([65535]));
    bright.save_with_format(deep.join("bright.png"), ImageFormat::Png).unwrap();
    assert!(
        judge(&path, &deep)
            .1
            .contains("1 picture(s) hold values from 65535 to 65535, outside --range 0..4095")
    );

    let inspected = aand(&["inspect", text(&deep), "--json"]);
    assert!(!String::from_utf8_lossy(&inspected.stdout).contains("of 16 bits"));
    std::fs::remove_file(deep.join("bright.png")).unwrap();
    let inspected = aand(&["inspect", text(&deep), "--json"]);
    assert!(String::from_utf8_lossy(&inspected.stdout).contains("only up to 3581 of 65535"));

    let usage = aand(&["train", text(&deep), "--range", "4095..0"]);
    assert_eq!(usage.status.code(), Some(2));
    for weight in ["-0.1", "nan"] {
        let weight = format!("--amplification-weight={weight}");
        assert_eq!(aand(&["train", text(&deep), &weight]).status.code(), Some(2));
    }
}

/// A teacher that gives NaN: training stops, and the message names the last good checkpoint, which is kept.
#[test]
fn a_loss_that_is_not_a_number_stops_the_training() {
    let (folder, place) = (good_parts(5), tempfile::tempdir().unwrap());
    let data = dataset::open(folder.path(), None, None).unwrap().remove(0);
    let mut job = job(&data, small(Settings::default()));
    let checkpoint = checkpoint_path(&place.path().join("part.aand"));
    job.checkpoint = Some(checkpoint.clone());
    train(&job, &mut StopAfter(3)).unwrap_err();
    let good = std::fs::read(&checkpoint).unwrap();
    job.resume = true;
    let bias = job.teacher.trunk.stem.bias.clone();
    job.teacher.trunk.stem.bias = bias.mul_scalar(f32::NAN);
    let error = train(&job, &mut StopAfter(usize::MAX)).unwrap_err().to_string();
    for word in ["not a number", "`lr`", "part.aand.checkpoint"] {
        assert!(error.contains(word), "{error} lacks {word}");
    }
    assert!(std::fs::read(&checkpoint).unwrap() == good);
}

/// A disk that is full: the limit on file sizes stands in for it.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let (folder, place) = (good_parts(5), tempfile::tempdir().unwrap());
    let out = place.path().join("part.aand");
    let script = format!(
        "trap '' XFSZ; ulimit -f 64; exec {} train {} --quiet --out {} {}",
        env!("CARGO_BIN_EXE_aand"),
        folder.path().display(),
        out.display(),
        QUICK.join(" ")
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    fails(&output, &["part.aand"]);
    assert!(!out.exists());
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|n| !n.to_string_lossy().starts_with('.')), "{left:?}");
}

/// The model keeps good pictures as the network sees them, both learned from and held out; they come back to the bit,
/// and cover the training set.
#[test]
fn good_pictures_stay_in_the_model_file() {
    use aand::model::{StoredModel, decode, kept};
    let folder = good_parts(12);
    let data = dataset::open(folder.path(), None, None).unwrap().remove(0);
    let settings = Settings {
        epochs_amplify: 1,
        epochs_distill: 1,
        keep: 4,
        holdout: Some(0.4),
        ..small(Settings::default())
    };
    let job = job(&data, settings.clone());
    let model = train(&job, &mut StopAfter(usize::MAX)).unwrap();
    let bytes = encode(&model).unwrap();
    let found = kept(&bytes, Path::new("m")).unwrap();
    assert_eq!(found.pictures.iter().filter(|kept| kept.learned).count(), 3);
    assert_eq!((found.pictures.len(), found.embeddings.len()), (4, 12));
    for one in &found.pictures {
        let among = if one.learned { &job.pictures } else { &job.held_out };
        assert!(among.iter().any(|seen| seen.picture == one.seen.picture && seen.native == one.seen.native));
    }
    // However it is read or written anew.
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("m.aand");
    std::fs::write(&path, aand::model::with_info(&bytes, &model.info, &path).unwrap()).unwrap();
    let stored = StoredModel::open(&path).unwrap().kept().unwrap();
    let decoded = decode(&bytes, Path::new("m"), &Device::flex()).unwrap();
    assert!(encode(&decoded).unwrap() == bytes);
    for other in [stored, decoded.kept] {
        assert_eq!(other.embeddings, found.embeddings);
        assert!(other.pictures.iter().zip(&found.pictures).all(|(a, b)| a.seen.picture == b.seen.picture));
    }
    // Or none.
    let none = Settings { keep: 0, ..settings };
    let job = self::job(&data, none);
    let model = train(&job, &mut StopAfter(usize::MAX)).unwrap();
    assert!(kept(&encode(&model).unwrap(), Path::new("m")).unwrap().is_empty());
}
