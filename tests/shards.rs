//! Pictures in parts and categories by number, as engines such as SLURM and Kubernetes start them; the merged results
//! equal those of one run, byte for byte.

mod program;

use program::{complaint, complaint_with, files, other_model, part, printed, put, run, text, with_model};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// All files below a folder and what is in them, but for `part.json`.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with("part.json") {
                found.insert(path.strip_prefix(root).unwrap().into(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// 14 pictures in two folders, two of them with the same results' name.
fn pictures(root: &Path) {
    (0..7).for_each(|n| put(root, &format!("a/{n}.png"), &part(n, n % 2 == 0)));
    (7..13).for_each(|n| put(root, &format!("b/deep/{n}.png"), &part(n, false)));
    put(root, "a/3.bmp", &part(20, true));
}

fn detect(model: &str, at: &Path, out: &str, more: &str) -> String {
    let at = at.display();
    format!("detect {model} {at}/pictures --out {at}/{out} --device cpu --quiet --no-times {more}")
}

fn parts(model: &str, at: &Path, count: usize, more: &str) -> String {
    for n in 1..=count {
        printed(&detect(model, at, &format!("p{n}"), &format!("--shard {n}/{count} {more}")));
    }
    (1..=count).map(|n| format!("{}/p{n} ", at.display())).collect()
}

fn with_environment(line: &str, variables: &[(&str, &str)]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_aand"));
    program.args(line.split_whitespace()).envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn parts_come_together_as_one_run_would_have_made_them() {
    let (folder, model) = with_model();
    let at = folder.path();
    pictures(&at.join("pictures"));
    printed(&detect(&model, at, "serial", "--raw npy --batch 3"));
    let list = parts(&model, at, 3, "--raw npy");
    let sizes: Vec<usize> = (1..=3)
        .map(|n| fs::read_to_string(at.join(format!("p{n}/results.jsonl"))).unwrap().lines().count())
        .collect();
    assert!(
        sizes.iter().sum::<usize>() == 14 && sizes.iter().filter(|size| **size > 0).count() > 1,
        "{sizes:?}"
    );
    // In any order, and twice.
    let backward: String = list.split_whitespace().rev().collect::<Vec<_>>().join(" ");
    let told = printed(&format!("merge {}/whole {backward} --json --quiet", at.display()));
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!([&told["parts"], &told["pictures"], &told["failed"]], [3, 14, 0]);
    printed(&format!("merge {}/whole {list} --quiet", at.display()));
    assert!(tree(&at.join("whole")) == tree(&at.join("serial")), "{:?}", files(&at.join("whole")));
    assert!(at.join("whole/a/3_png_map.npy").exists() || at.join("whole/a/3_bmp_map.npy").exists());
    // One run goes on with what the parts have done.
    let said = text(&run(&detect(&model, at, "whole", "--raw npy").replace("--quiet", "")).stderr);
    assert!(said.contains("goes on: 14 of 14"), "{said}");
    assert!(tree(&at.join("whole")) == tree(&at.join("serial")));

    // Added pictures move none of the others: only they are judged, each in its part.
    (30..36).for_each(|n| put(&at.join("pictures"), &format!("new/{n}.png"), &part(n, true)));
    let mut known = 0;
    for n in 1..=3 {
        let line = detect(&model, at, &format!("p{n}"), &format!("--shard {n}/3 --raw npy"));
        let said = text(&run(&line.replace("--quiet", "")).stderr);
        let goes_on = said.split_once("goes on: ").unwrap().1;
        known += goes_on.split_once(' ').unwrap().0.parse::<usize>().unwrap();
    }
    assert_eq!(known, 14);
    // A heat map that is no longer wanted is removed, and one that is now wanted is made.
    printed(&detect(&model, at, "serial", "--no-overlay"));
    let list = parts(&model, at, 3, "--no-overlay");
    printed(&format!("merge {}/whole {list} --quiet", at.display()));
    assert!(tree(&at.join("whole")) == tree(&at.join("serial")));
}

#[test]
fn more_parts_than_pictures_and_a_picture_that_fails() {
    let (folder, model) = with_model();
    let at = folder.path();
    put(&at.join("pictures"), "0.png", &part(0, false));
    fs::write(at.join("pictures/1.png"), "x").unwrap();
    assert_eq!(run(&detect(&model, at, "serial", "--no-heat --no-overlay")).status.code(), Some(1));
    let codes: Vec<i32> = (1..=9)
        .map(|n| {
            let more = format!("--shard {n}/9 --no-heat --no-overlay");
            run(&detect(&model, at, &format!("p{n}"), &more)).status.code().unwrap()
        })
        .collect();
    assert_eq!((codes.iter().sum::<i32>(), codes.iter().max()), (1, Some(&1)), "{codes:?}");
    let list: String = (1..=9).map(|n| format!("{}/p{n} ", at.display())).collect();
    let said = complaint(&format!("merge {}/whole {list}", at.display()));
    assert!(said.contains("1 of 2 pictures failed"), "{said}");
    assert!(tree(&at.join("whole")) == tree(&at.join("serial")));
}

#[test]
fn what_is_no_whole_is_refused_and_nothing_is_written() {
    let (folder, model) = with_model();
    let at = folder.path();
    pictures(&at.join("pictures"));
    let list = parts(&model, at, 3, "--no-overlay");
    let (a, whole) = (at.display(), at.join("whole"));
    let refused = |list: &str, words: &str| {
        let said = complaint(&format!("merge {}/whole {list}", at.display()));
        assert!(said.contains(words), "{list}: {said}");
        assert!(!whole.exists());
    };
    refused(&format!("{a}/p1 {a}/p3"), "missing: 2");
    refused(&format!("{a}/p2"), "missing: 1, 3");
    refused(&format!("{list} {a}/p2"), "give each part once");
    refused(&format!("{list} {a}/pictures"), "no part");
    refused(&format!("{list} {a}/nowhere"), "check the path");
    let said = complaint(&format!("merge {a}/p1 {list}"));
    assert!(said.contains("choose another OUT"), "{said}");
    let again = |more: &str, words: &str| {
        printed(&detect(&model, at, "p2", &format!("--shard 2/3 --no-overlay {more}")));
        refused(&list, words);
        printed(&detect(&model, at, "p2", "--shard 2/3 --no-overlay"));
    };
    again("--threshold 0.7", "other settings");
    again("--no-heat", "other settings");
    printed(&detect(&model, at, "p2", "--shard 2/4 --no-overlay"));
    refused(&list, "one of 4 parts");
    let bytes = fs::read(&model).unwrap();
    fs::remove_file(&model).unwrap();
    other_model(Path::new(&model));
    again("", "another model");
    fs::write(&model, bytes).unwrap();
    put(&at.join("pictures"), "new.png", &part(3, false));
    again("", "run all parts again");
    fs::remove_file(at.join("pictures/new.png")).unwrap();
    // Without --shard the folder is no part any more.
    printed(&detect(&model, at, "p2", ""));
    refused(&list, "not finished");
    printed(&detect(&model, at, "p2", "--shard 2/3 --no-overlay"));
    let table = at.join("p2/results.jsonl");
    let lines = fs::read_to_string(&table).unwrap();
    fs::write(&table, lines.replace("\"score\":", "\"score\": ")).unwrap();
    refused(&list, "not what this part's run wrote");
    fs::write(&table, lines).unwrap();
    let heat = fs::read_to_string(&table).unwrap();
    let heat = heat.split_once("\"heat\":\"").unwrap().1.split_once('"').unwrap().0;
    fs::rename(at.join("p2").join(heat), at.join("away.png")).unwrap();
    refused(&list, "is missing; run this part again");
    fs::rename(at.join("away.png"), at.join("p2").join(heat)).unwrap();
    // Nobody else's files are overwritten.
    fs::create_dir_all(whole.join(heat).parent().unwrap()).unwrap();
    fs::write(whole.join(heat), "theirs").unwrap();
    let said = complaint(&format!("merge {a}/whole {list}"));
    assert!(said.contains("was not made by aand"), "{said}");
    fs::remove_dir_all(&whole).unwrap();
    printed(&format!("merge {a}/whole {list} --quiet"));
}

/// An engine starts a killed worker again; until it has ended, the parts are incomplete.
#[cfg(unix)]
#[test]
fn a_part_that_was_killed_goes_on() {
    let (folder, model) = with_model();
    let at = folder.path();
    (0..120).for_each(|n| put(&at.join("pictures"), &format!("{n}.png"), &part(n, n % 3 == 0)));
    printed(&detect(&model, at, "serial", ""));
    printed(&detect(&model, at, "p1", "--shard 1/2"));
    let line = detect(&model, at, "p2", "--shard 2/2 --batch 1");
    let mut child = Command::new(env!("CARGO_BIN_EXE_aand")).args(line.split_whitespace()).spawn().unwrap();
    while !at.join("p2").is_dir() || fs::read_dir(at.join("p2")).unwrap().count() < 20 {
        assert!(child.try_wait().unwrap().is_none(), "too quick to be killed");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let list = format!("{0}/p1 {0}/p2", at.display());
    assert!(complaint(&format!("merge {}/whole {list}", at.display())).contains("not finished"));
    let said = text(&run(&line.replace("--quiet", "")).stderr);
    assert!(said.contains("goes on: "), "{said}");
    printed(&format!("merge {}/whole {list} --quiet", at.display()));
    assert!(tree(&at.join("whole")) == tree(&at.join("serial")));
}

/// A task of SLURM that is asked to stop again and again ends after its program, and is requeued after it: not while
/// the program still writes.
#[cfg(unix)]
#[test]
fn a_task_waits_for_its_program() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let write = |name: &str, script: &str| {
        fs::write(at.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(at.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    };
    // Ends after the third signal, with another file, and as what may be run again.
    write(
        "program",
        "n=0; trap 'n=$((n+1))' TERM; echo > \"$1-begun\"\n\
         while [ $n -lt 3 ]; do sleep 0.05; echo $n > \"$1-signals\"; done; sleep 0.3; echo > \"$1-ended\"; exit 75",
    );
    write("scontrol", &format!("test -e {0}/3-ended && echo \"$@\" > {0}/requeued", at.display()));
    let path = format!("{}:{}", at.display(), std::env::var("PATH").unwrap());
    let mut task = Command::new("bash")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/slurm/task.sh"))
        .args([at.join("program"), at.join("%a")])
        .envs([("PATH", path.as_str()), ("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_JOB_ID", "77")])
        .spawn()
        .unwrap();
    let until = |what: &str, is_so: &dyn Fn() -> bool| {
        let begun = std::time::Instant::now();
        while !is_so() {
            assert!(begun.elapsed().as_secs() < 60, "{what} never came");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    };
    until("the program", &|| at.join("3-begun").exists());
    for n in 1..=3 {
        let sent = Command::new("kill").args(["-TERM", &task.id().to_string()]).status().unwrap();
        assert!(sent.success(), "signal {n}: the task has ended before its program");
        let told = || fs::read_to_string(at.join("3-signals")).unwrap_or_default();
        until("a signal", &|| n == 3 || told().trim() == n.to_string());
    }
    assert_eq!(task.wait().unwrap().code(), Some(75));
    assert!(at.join("3-ended").exists());
    assert_eq!(fs::read_to_string(at.join("requeued")).unwrap(), "requeue 77\n");
}

#[test]
fn engines_say_which_part_it_is() {
    let (folder, model) = with_model();
    let at = folder.path();
    pictures(&at.join("pictures"));
    let shard = |more: &str, variables: &[(&str, &str)]| -> Result<(u64, u64), (Option<i32>, String)> {
        let output = with_environment(
            &detect(&model, at, "p", &format!("--no-heat --no-overlay --shard {more}")),
            variables,
        );
        if !output.status.success() {
            return Err((output.status.code(), text(&output.stderr)));
        }
        let part: Value = serde_json::from_slice(&fs::read(at.join("p/part.json")).unwrap()).unwrap();
        Ok((part["shard"].as_u64().unwrap(), part["shards"].as_u64().unwrap()))
    };
    let array = |id| {
        let name = |end| format!("SLURM_ARRAY_TASK_{end}");
        [("ID", id), ("COUNT", "3"), ("MIN", "10"), ("MAX", "12"), ("STEP", "1")]
            .map(|(end, value)| (name(end), value))
    };
    for (id, expected) in [("10", 1), ("12", 3)] {
        let variables = array(id);
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        assert_eq!(shard("auto", &variables), Ok((expected, 3)));
    }
    assert_eq!(shard("auto/5", &[("JOB_COMPLETION_INDEX", "4")]), Ok((5, 5)));
    assert_eq!(shard("auto/5", &[("SLURM_ARRAY_TASK_ID", "2")]), Ok((2, 5)));
    for (more, variables, words) in [
        ("auto", &[][..], "neither"),
        ("auto/3", &[("JOB_COMPLETION_INDEX", "3")], "no part 4 of 3"),
        ("auto", &[("JOB_COMPLETION_INDEX", "0")], "auto/N"),
        ("auto/3", &[("SLURM_ARRAY_TASK_ID", "0")], "--array=1-N"),
        ("0/3", &[], "counted from 1"),
    ] {
        let (status, said) = shard(more, variables).unwrap_err();
        assert!(status == Some(2) && said.contains(words), "{more}: {said}");
    }
}

#[test]
fn a_category_by_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for name in ["line10", "line9", "other"] {
        (0..4).for_each(|n| put(&at.join("root"), &format!("{name}/train/good/{n}.png"), &part(n, false)));
    }
    let line = |index: &str| {
        format!(
            "train {0}/root --out {0}/models --category-index {index} --size 64 --batch 4 --epochs-amplify 1 \
             --epochs-distill 1 --device cpu --quiet",
            at.display()
        )
    };
    let made = |output: Output| {
        assert!(output.status.success(), "{}", text(&output.stderr));
        files(&at.join("models")).into_iter().filter(|name| name.ends_with(".aand")).collect::<Vec<_>>()
    };
    // Natural order: 9 before 10.
    assert_eq!(made(run(&line("1"))), ["line9.aand"]);
    assert_eq!(
        made(with_environment(&line("auto"), &[("JOB_COMPLETION_INDEX", "1")])),
        ["line10.aand", "line9.aand"]
    );
    // A task of an array that runs again alone keeps its category.
    let alone =
        [("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_MIN", "3"), ("SLURM_ARRAY_TASK_COUNT", "1")];
    assert_eq!(made(with_environment(&line("auto"), &alone)).len(), 3);
    let usage = |line: String| complaint_with(2, &line.replace("--quiet", ""));
    let said = usage(line("4"));
    assert!(said.contains("3 categories") && said.contains("none is number 4"), "{said}");
    let said = usage(line("2").replace("/root ", "/root/other "));
    assert!(said.contains("is 1 category"), "{said}");
    for wrong in ["0", "x", "auto", "1 --category other"] {
        assert_eq!(run(&line(wrong)).status.code(), Some(2), "{wrong}");
    }
}

/// Status 75 asks an engine to try again; 1 and 2 do not.
#[test]
fn the_status_tells_whether_to_try_again() {
    let (folder, model) = with_model();
    let at = folder.path();
    pictures(&at.join("pictures"));
    assert!(printed("--help").contains("75 when it may well succeed"));
    fs::create_dir(at.join("out")).unwrap();
    let line = detect(&model, at, "out", "").replace("--device cpu --quiet", "");
    if cfg!(unix) {
        // As another run would hold it.
        let held = fs::File::open(at.join("out")).unwrap();
        held.try_lock().unwrap();
        let said = complaint_with(75, &line);
        assert!(said.contains("another aand"), "{said}");
    }
    printed(&format!("{line} --device cpu"));
    fs::write(at.join("pictures/bad.png"), "x").unwrap();
    complaint_with(1, &line);
    complaint_with(1, &line.replace("m.aand", "gone.aand"));
    assert_eq!(run(&format!("{line} --shard 3/2")).status.code(), Some(2));
}

/// A picture's part can be computed from its path without the program.
#[test]
fn the_split_is_as_documented() {
    let (folder, model) = with_model();
    let at = folder.path();
    pictures(&at.join("pictures"));
    parts(&model, at, 3, "--no-heat --no-overlay");
    use sha2::{Digest, Sha256};
    for n in 1..=3_u64 {
        for line in fs::read_to_string(at.join(format!("p{n}/results.jsonl"))).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let path = line["path"].as_str().unwrap().split_once("/pictures/").unwrap().1.to_owned();
            let hash = Sha256::digest(path.as_bytes());
            assert_eq!(u64::from_be_bytes(hash[..8].try_into().unwrap()) % 3, n - 1, "{path}");
        }
    }
}
