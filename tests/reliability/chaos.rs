//! Runs that are killed, asked to stop, or lose their folder at moments drawn by chance, the same ones each time.
//!
//! Afterwards every file must be the complete old or new one; the next run clears what was left and makes what an
//! uninterrupted one would have made.

use super::program::{category, other_model, part, printed, put, with_model};
use super::{leftovers, lines, tree};
use aand::model::StoredModel;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What happens to a run.
#[derive(Clone, Copy, Debug)]
enum Blow {
    Signal(i32),
    /// Its folder is moved away, and moved back when the run has ended.
    Vanish,
    /// Its folder can no longer be written (except by root, who may write anywhere).
    ReadOnly,
}

const BLOWS: [Blow; 4] =
    [Blow::Signal(libc::SIGKILL), Blow::Signal(libc::SIGTERM), Blow::Vanish, Blow::ReadOnly];

fn start(line: &str) -> Child {
    let mut program = Command::new(env!("CARGO_BIN_EXE_aand"));
    program.args(line.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::piped());
    let hears_of_the_terminal = || {
        // SAFETY: `signal` may be called between fork and exec.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_DFL) };
        Ok(())
    };
    // SAFETY: the closure does nothing else. Where the tests run under nohup, the program would ignore SIGHUP as well.
    unsafe { program.pre_exec(hears_of_the_terminal) };
    program.spawn().unwrap()
}

/// How long an undisturbed run takes.
fn time(line: &str) -> Duration {
    let started = Instant::now();
    printed(line);
    started.elapsed()
}

/// Starts a run, strikes within `longest`, and waits for its end.
fn strike(line: &str, folder: &Path, blow: Blow, longest: Duration, rng: &mut ChaCha8Rng) {
    let child = start(line);
    std::thread::sleep(longest.mul_f64(rng.random_range(0.0..1.0)));
    let away = folder.with_extension("away");
    let mode = |mode| fs::set_permissions(folder, fs::Permissions::from_mode(mode));
    let moved = match blow {
        Blow::Signal(signal) => {
            // SAFETY: a signal to a child that has not been waited for.
            unsafe { libc::kill(child.id() as libc::pid_t, signal) };
            false
        }
        Blow::Vanish => fs::rename(folder, &away).is_ok(),
        Blow::ReadOnly => {
            let _ = mode(0o555);
            false
        }
    };
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{line}: {blow:?}: {said}");
    if !matches!(blow, Blow::Signal(_)) {
        assert!(matches!(output.status.code(), Some(0 | 1 | 75)), "{line}: {blow:?}: {said}");
    }
    let _ = mode(0o755);
    if moved {
        // What the run has made in its place since then is its own.
        let _ = fs::remove_dir_all(folder);
        fs::rename(&away, folder).unwrap();
    }
}

/// Every file is as in one of `states`, or missing; the next run clears names that begin with a dot.
fn assert_whole(folder: &Path, states: &[&BTreeMap<PathBuf, Vec<u8>>]) {
    for (path, bytes) in tree(folder) {
        let hidden = path.iter().any(|part| part.to_string_lossy().starts_with('.'));
        let known = states.iter().any(|state| state.get(&path) == Some(&bytes));
        assert!(hidden || known, "{}: {} bytes are neither old nor new", path.display(), bytes.len());
    }
}

#[test]
fn detect() {
    let (folder, model) = with_model();
    let root = folder.path();
    (0..12).for_each(|n| put(&root.join("parts"), &format!("{n}.png"), &part(n, n % 2 == 0)));
    let (at, out) = (root.display(), root.join("out"));
    let line = |threshold: &str, out: &str| {
        format!(
            "detect {model} {at}/parts --out {at}/{out} --device cpu --batch 1 --quiet --threshold {threshold}"
        )
    };
    let longest = time(&line("1.5", "new"));
    printed(&line("0.5", "old"));
    let [old, new] = ["old", "new"].map(|name| tree(&root.join(name)));
    let pictures = |mut state: BTreeMap<PathBuf, Vec<u8>>| {
        // Tables hold times.
        state.retain(|path, _| path.extension().is_some_and(|ending| ending == "png"));
        state
    };
    let (old, new) = (pictures(old), pictures(new));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (round, blow) in BLOWS.into_iter().cycle().take(8).enumerate() {
        let _ = fs::remove_dir_all(&out);
        printed(&line("0.5", "out"));
        let table = fs::read_to_string(out.join("results.csv")).unwrap();
        strike(&line("1.5", "out"), &out, blow, longest, &mut rng);
        let found = tree(&out);
        let mut seen = pictures(found.clone());
        seen.retain(|path, bytes| old.get(path) != Some(bytes) && new.get(path) != Some(bytes));
        assert!(seen.is_empty(), "{round} {blow:?}: {:?}", seen.keys());
        // The tables are the old ones or whole new ones.
        let now = fs::read_to_string(out.join("results.csv")).unwrap();
        assert!(now == table || now.ends_with('\n') && now.starts_with("path,"), "{round} {blow:?}: {now}");
        assert!(lines(&out).len() <= 12);
        printed(&line("1.5", "out"));
        assert_eq!(lines(&out), lines(&root.join("new")), "{round} {blow:?}");
        assert!(pictures(tree(&out)) == new, "{round} {blow:?}");
        assert!(leftovers(&out).is_empty(), "{round} {blow:?}: {:?}", leftovers(&out));
    }
}

/// The way containers and job queues stop a program: finished work is kept, and the next run goes on from it.
#[test]
fn detect_that_is_asked_to_stop_keeps_what_is_done() {
    let (folder, model) = with_model();
    let root = folder.path();
    (0..300).for_each(|n| put(&root.join("parts"), &format!("{n}.png"), &part(n % 200, false)));
    let (at, out) = (root.display(), root.join("out"));
    for (round, signal) in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP].into_iter().enumerate() {
        let line = format!("detect {model} {at}/parts --out {at}/out --device cpu --batch 1 --quiet");
        let child = start(&line);
        let heat = out.join(format!("{}_heat.png", 60 * (round + 1)));
        while !heat.exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // SAFETY: a signal to a child that has not been waited for.
        unsafe { libc::kill(child.id() as libc::pid_t, signal) };
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(75), "{said}");
        assert!(said.contains("run again for the others"), "{said}");
        let done = lines(&out).len();
        assert!((60 * (round + 1)..300).contains(&done), "{done} after {signal}");
        assert!(leftovers(&out).is_empty());
    }
    printed(&format!("detect {model} {at}/parts --out {at}/out --device cpu --quiet"));
    assert_eq!(lines(&out).len(), 300);
}

#[test]
fn train() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path();
    (0..10).for_each(|n| put(&root.join("parts"), &format!("{n}.png"), &part(n, false)));
    let at = root.display();
    let line = |out: &str| {
        format!(
            "train {at}/parts --out {at}/{out}/m.aand --size 64 --batch 4 --epochs-amplify 2 --epochs-distill 3 \
             --device cpu --holdout 0.4 --quiet --resume"
        )
    };
    let longest = time(&line("whole"));
    let whole = tree(&root.join("whole"));
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let out = root.join("out");
    for blow in BLOWS.into_iter().cycle().take(8) {
        // Where the last round finished, the next begins again.
        strike(&line("out"), &out, blow, longest, &mut rng);
        let model = fs::read(out.join("m.aand")).unwrap_or_else(|_| whole[Path::new("m.aand")].clone());
        assert!(model == whole[Path::new("m.aand")], "{blow:?}: the model is neither whole nor absent");
        for line in fs::read_to_string(out.join("m.training.jsonl")).unwrap_or_default().lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
    printed(&line("out"));
    assert!(fs::read(out.join("m.aand")).unwrap() == whole[Path::new("m.aand")]);
    assert!(leftovers(&out).is_empty(), "{:?}", leftovers(&out));
    assert!(tree(&out).keys().eq(whole.keys()), "{:?}", tree(&out).keys());
    let log = fs::read_to_string(out.join("m.training.jsonl")).unwrap();
    let epochs: Vec<String> = log
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| format!("{} {}", line["stage"].as_str().unwrap(), line["epoch"]))
        .collect();
    assert_eq!(epochs, ["amplify 1", "amplify 2", "distill 1", "distill 2", "distill 3"]);
    // A log of another training does not stay in front of a new one.
    fs::remove_file(out.join("m.aand")).unwrap();
    printed(&line("out"));
    assert_eq!(fs::read_to_string(out.join("m.training.jsonl")).unwrap().lines().count(), 5);
}

/// A refined file records when it was made, so only the bytes of the old one can be compared.
#[test]
fn refine() {
    let place = tempfile::tempdir().unwrap();
    let (root, at) = (place.path(), place.path().display());
    (0..10).for_each(|n| put(&root.join("parts"), &format!("{n}.png"), &part(n, false)));
    (10..14).for_each(|n| put(&root.join("new"), &format!("{n}.png"), &part(n, false)));
    printed(&format!(
        "train {at}/parts --out {at}/out/m.aand --size 64 --batch 4 --epochs-amplify 1 --epochs-distill 2 --keep 8 \
         --device cpu --quiet"
    ));
    let out = root.join("out");
    let (model, former) = (out.join("m.aand"), out.join("m.aand.before"));
    let bytes = fs::read(&model).unwrap();
    let line = format!("refine {at}/out/m.aand --good {at}/new --epochs 2 --anyway --device cpu --quiet");
    let longest = time(&line);
    let reset = || {
        fs::write(&model, &bytes).unwrap();
        let _ = fs::remove_file(&former);
    };
    let is_refined = || StoredModel::open(&model).is_ok_and(|stored| stored.info.refinements.len() == 1);
    let assert_whole = |blow: &str| {
        let old = fs::read(&model).unwrap() == bytes;
        let new = is_refined() && fs::read(&former).is_ok_and(|former| former == bytes);
        assert!(old || new, "{blow}: neither the old model nor the new one beside the old one");
        // Any next run works, and clears what was left.
        printed(&if old { line.clone() } else { format!("refine {at}/out/m.aand --undo --quiet") });
        assert!(if old { is_refined() } else { fs::read(&model).unwrap() == bytes }, "{blow}");
        assert!(leftovers(&out).is_empty(), "{blow}: {:?}", leftovers(&out));
    };
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for blow in BLOWS.into_iter().cycle().take(8) {
        reset();
        strike(&line, &out, blow, longest, &mut rng);
        assert_whole(&format!("{blow:?}"));
    }
    // Also just after the former model was put beside it.
    for round in 0..4 {
        reset();
        let mut child = start(&line);
        while !former.exists() {
            assert!(child.try_wait().unwrap().is_none(), "it ended without a former model");
            std::thread::sleep(Duration::from_micros(200));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_whole(&format!("round {round}"));
    }
}

/// A command whose outputs are the same each time: `first` makes the old files, `second` the new ones.
fn old_or_new(seed: u64, rounds: usize, folder: &Path, first: &str, second: &str) {
    let state = |line: &str| {
        printed(line);
        tree(folder)
    };
    let old = state(first);
    let longest = time(second);
    let new = tree(folder);
    assert!(old != new);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for blow in BLOWS.into_iter().cycle().take(rounds) {
        printed(first);
        strike(second, folder, blow, longest, &mut rng);
        assert_whole(folder, &[&old, &new]);
        assert!(state(second) == new, "{second}: {blow:?}");
    }
}

#[test]
fn eval() {
    let ((folder, model), data) = (with_model(), category());
    let (at, root) = (folder.path().display(), data.path().display());
    let other = folder.path().join("other.aand");
    other_model(&other);
    fs::create_dir(folder.path().join("out")).unwrap();
    let line = |model: &str| {
        format!("eval {model} {root} --csv {at}/out/m.csv --report {at}/out/m.html --device cpu --quiet")
    };
    old_or_new(3, 4, &folder.path().join("out"), &line(&model), &line(other.to_str().unwrap()));
}

#[test]
fn synth() {
    let (data, place) = (category(), tempfile::tempdir().unwrap());
    let out = place.path().join("out");
    let line = |seed: u32| {
        format!(
            "synth {} --out {} --count 12 --size 64 --seed {seed} --quiet",
            data.path().display(),
            out.display()
        )
    };
    old_or_new(4, 8, &out, &line(1), &line(2));
}

#[test]
fn weights_convert() {
    let place = tempfile::tempdir().unwrap();
    let (at, out) = (place.path().display(), place.path().join("out"));
    fs::write(place.path().join("w.safetensors"), aand::teacher::EMBEDDED).unwrap();
    fs::create_dir(&out).unwrap();
    let line = format!("weights convert {at}/w.safetensors --out {at}/out/c.safetensors");
    old_or_new(5, 8, &out, &line, &format!("{line} --f16"));
}

#[test]
fn render() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let line = |seed: u32| {
        format!(
            "render washers --out {} --train 2 --test-good 1 --test-per-defect 1 --seed {seed} --quiet",
            out.display()
        )
    };
    old_or_new(6, 4, &out, &line(1), &line(2));
}
