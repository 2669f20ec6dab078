//! `aand train` end to end, through the library and through the program.

use aand::dataset::{self, Dataset};
use aand::model::{Aand, encode, open};
use aand::teacher::Teacher;
use aand::training::{Course, Event, Observer, Settings, checkpoint_path, train};
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
    Settings { size: 64, batch: 4, epochs_amplify: 2, epochs_distill: 3, holdout: 0.2, ..settings }
}

fn course(data: &Dataset, settings: Settings) -> Course {
    let teacher = Teacher::embedded(&Device::flex()).unwrap();
    Course::prepare(data, settings, teacher, "the embedded teacher".into()).unwrap()
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
    let whole = train(&course(&data, small(Settings::default())), &mut StopAfter(usize::MAX)).unwrap();
    let whole = encode(&whole).unwrap();

    // 8 pictures in batches of 4: 2 steps an epoch; these stops lie within, and at the end of, epochs of both
    // stages.
    for stops in [[1, 4], [2, 3], [5, 2]] {
        let place = tempfile::tempdir().unwrap();
        let mut course = course(&data, small(Settings::default()));
        course.checkpoint = Some(checkpoint_path(&place.path().join("part.aand")));
        course.resume = true;
        for stop in stops {
            let error = train(&course, &mut StopAfter(stop)).unwrap_err();
            assert!(error.to_string().contains("--resume"), "{error}");
        }
        let resumed = train(&course, &mut StopAfter(usize::MAX)).unwrap();
        assert!(encode(&resumed).unwrap() == whole, "stopped after {stops:?} steps");
    }
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
        encode(&train(&course(&data, settings), &mut StopAfter(usize::MAX)).unwrap()).unwrap()
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
        let mut course = course(&data, settings.clone());
        course.cache_budget = budget;
        encode(&train(&course, &mut StopAfter(usize::MAX)).unwrap()).unwrap()
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
        let model = train(&course(&data, settings.clone()), &mut StopAfter(usize::MAX)).unwrap();
        assert!(model.info.threshold.value.is_finite() && model.info.threshold.value > 0.0);
        let again = aand::model::decode(&encode(&model).unwrap(), Path::new("m"), &Device::flex()).unwrap();
        assert_eq!(scores(&again, &data), scores(&model, &data), "{settings:?}");
        files.push(scores(&model, &data));
    }
    for (i, a) in files.iter().enumerate() {
        assert!(files[i + 1..].iter().all(|b| a != b), "two switches gave the same scores");
    }
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
    "0.2",
];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Fails with status 1 and one line on standard error that holds all of `parts`.
#[track_caller]
fn fails(output: &Output, parts: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
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
    for word in ["device: CPU", "GB of memory", "only 2 pictures held out", "threshold"] {
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
        fails(&child.wait_with_output().unwrap(), &["stopped", "--resume"]);
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

    assert!(!out.exists());
}

/// A teacher that gives NaN: training stops, and the last good checkpoint is named and kept.
#[test]
fn a_loss_that_is_not_a_number_stops_the_training() {
    let (folder, place) = (good_parts(5), tempfile::tempdir().unwrap());
    let data = dataset::open(folder.path(), None, None).unwrap().remove(0);
    let mut course = course(&data, small(Settings::default()));
    let checkpoint = checkpoint_path(&place.path().join("part.aand"));
    course.checkpoint = Some(checkpoint.clone());
    train(&course, &mut StopAfter(3)).unwrap_err();
    let good = std::fs::read(&checkpoint).unwrap();
    course.resume = true;
    let bias = course.teacher.trunk.stem.bias.clone();
    course.teacher.trunk.stem.bias = bias.mul_scalar(f32::NAN);
    let error = train(&course, &mut StopAfter(usize::MAX)).unwrap_err().to_string();
    for word in ["not a number", "--lr", "part.aand.checkpoint"] {
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
