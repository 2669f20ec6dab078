//! No command overwrites what it did not make.

use super::program::{category, complaint, part, printed, put, run, text, with_model};
use super::{lines, tree};
use std::fs;

#[test]
fn synth_leaves_the_pictures_it_is_given() {
    let data = category();
    let good = data.path().join("train/good");
    for n in 0..6 {
        fs::rename(good.join(format!("{n}.png")), good.join(format!("00{n}.png"))).unwrap();
    }
    let before = tree(data.path());
    let good = good.display();
    for out in [
        good.to_string(),
        format!("{good}/../good/."),
        format!("{}/test/../train/good", data.path().display()),
    ] {
        let said = complaint(&format!("synth {good} --out {out} --count 4 --size 64"));
        assert!(said.contains("000.png") && said.contains("--out"), "{said}");
    }
    #[cfg(unix)]
    {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink(data.path().join("train/good"), &link).unwrap();
        complaint(&format!("synth {good} --out {} --count 4 --size 64", link.display()));
    }
    assert!(tree(data.path()) == before);
}

#[test]
fn synth_replaces_its_own_samples_and_removes_those_that_are_left_over() {
    let (data, place) = (category(), tempfile::tempdir().unwrap());
    let (root, out) = (data.path().display(), place.path().join("o"));
    printed(&format!("synth {root} --out {} --count 3 --size 64", out.display()));
    fs::write(out.join("notes.txt"), "mine").unwrap();
    part(9, false).save(out.join("009.png")).unwrap();
    let said = run(&format!("synth {root} --out {} --count 2 --size 64", out.display()));
    assert!(text(&said.stderr).contains("replaces the samples"), "{}", text(&said.stderr));
    let names: Vec<_> = tree(&out).into_keys().map(|path| path.display().to_string()).collect();
    assert_eq!(
        names,
        [
            "000.png",
            "000_foreground.png",
            "000_mask.png",
            "001.png",
            "001_foreground.png",
            "001_mask.png",
            "009.png",
            "notes.txt",
            "sheet.png"
        ]
    );
}

/// A thermal camera's heat maps have the same names as ours.
#[test]
fn detect_leaves_pictures_that_are_called_like_its_results() {
    let (folder, model) = with_model();
    let parts = folder.path().join("parts");
    for n in 0..2 {
        put(&parts, &format!("00{n}.png"), &part(n, false));
    }
    part(5, true).save(parts.join("001_heat.png")).unwrap();
    let before = tree(&parts);
    let at = parts.display();
    let line = format!("detect {model} {at}/000.png {at}/001.png");
    for out in [at.to_string(), format!("{at}/../parts")] {
        let said = complaint(&format!("{line} --out {out}"));
        assert!(said.contains("001_heat.png") && said.contains("--out"), "{said}");
    }
    assert!(tree(&parts) == before);
    // Results beside the pictures take nothing away, and are no pictures the next time.
    fs::remove_file(parts.join("001_heat.png")).unwrap();
    printed(&format!("{line} --out {at} --device cpu"));
    let all: Vec<String> = tree(&parts).into_keys().map(|name| format!("{at}/{}", name.display())).collect();
    let pictures: Vec<&str> = all.iter().map(String::as_str).filter(|name| name.ends_with(".png")).collect();
    assert_eq!(pictures.len(), 6);
    let again = run(&format!("detect {model} {} --out {at} --device cpu", pictures.join(" ")));
    let said = text(&again.stderr);
    let is_told = said.lines().any(|line| line.contains("left out") && line.contains("4 "));
    assert!(again.status.success() && is_told, "{said}");
    assert!(said.contains("2 of 2 pictures are judged already"), "{said}");
    assert_eq!(lines(&parts).len(), 2);
}

#[test]
fn results_inside_the_pictures_folder_are_never_judged() {
    let (folder, model) = with_model();
    let parts = folder.path().join("inside");
    (0..3).for_each(|n| put(&parts, &format!("{n}.png"), &part(n, false)));
    let at = parts.display();
    for out in ["results", "results2"] {
        printed(&format!("detect {model} {at} --out {at}/{out} --device cpu"));
        assert_eq!(lines(&parts.join(out)).len(), 3, "{out}");
    }
    printed(&format!("synth {at} --out {at}/previews --count 3 --size 64"));
    printed(&format!("detect {model} {at} --out {at}/results --device cpu"));
    assert_eq!(lines(&parts.join("results")).len(), 3);
    let said = complaint(&format!("detect {model} {at}/results2 --out {at}/results3"));
    assert!(said.contains("aand") && said.contains("results2"), "{said}");
}

#[test]
fn another_run_over_the_same_results_says_what_it_replaces() {
    let (folder, model) = with_model();
    let root = folder.path();
    for (name, n) in [("a/1.png", 1), ("a/sub/2.png", 2), ("b/1.png", 3)] {
        put(root, name, &part(n, false));
    }
    let (at, out) = (root.display(), root.join("out"));
    let line = |parts: &str| format!("detect {model} {at}/{parts} --out {at}/out --device cpu --raw npy");
    printed(&line("a"));
    assert!(out.join("sub/2_map.npy").exists());
    let said = text(&run(&line("b")).stderr);
    assert!(said.contains("replaces the results") && said.contains("removed 3 heat maps"), "{said}");
    let names: Vec<_> = tree(&out).into_keys().map(|path| path.display().to_string()).collect();
    assert_eq!(names, ["1_heat.png", "1_map.npy", "1_overlay.png", "results.csv", "results.jsonl"]);
    assert!(!out.join("sub").exists());
    // A file that its content does not show to be ours is not overwritten.
    fs::write(root.join("b/1_map.npy"), "mine").unwrap();
    let said = complaint(&format!("detect {model} {at}/b/1.png --out {at}/b --raw npy"));
    assert!(said.contains("1_map.npy"), "{said}");
}

#[test]
fn outputs_of_the_other_commands() {
    let ((folder, model), data) = (with_model(), category());
    let (at, root) = (folder.path().display(), data.path().display());
    let theirs = folder.path().join("theirs.txt");
    fs::write(&theirs, "mine\n").unwrap();
    let weights = folder.path().join("w.safetensors");
    fs::write(&weights, aand::teacher::EMBEDDED).unwrap();
    fs::create_dir_all(folder.path().join("r/washers/train")).unwrap();
    fs::write(folder.path().join("r/washers.png"), "mine").unwrap();
    for name in ["m2.training.jsonl", "m3.training.svg", "m4.aand.checkpoint"] {
        fs::write(folder.path().join(name), "mine").unwrap();
    }
    let before = tree(folder.path());
    let train = format!("train {root} --size 64 --device cpu --out");
    for (line, file) in [
        (format!("{train} {at}/theirs.txt"), "theirs.txt"),
        (format!("{train} {root}/train/good/0.png"), "0.png"),
        (format!("{train} {at}/w.safetensors --weights {at}/w.safetensors"), "w.safetensors"),
        (format!("{train} {at}/m2.aand"), "m2.training.jsonl"),
        (format!("{train} {at}/m3.aand"), "m3.training.svg"),
        (format!("{train} {at}/m4.aand"), "m4.aand.checkpoint"),
        (format!("eval {model} {root} --csv {at}/theirs.txt"), "theirs.txt"),
        (format!("eval {model} {root} --report {at}/theirs.txt"), "theirs.txt"),
        (format!("eval {model} {root} --csv {model}"), "m.aand"),
        (
            format!(
                "eval {model} {root} --csv {at}/new --report {at}/../{}/new",
                folder.path().file_name().unwrap().to_str().unwrap()
            ),
            "two files",
        ),
        (format!("weights convert {at}/w.safetensors --out {at}/w.safetensors"), "same file"),
        (format!("weights convert {at}/w.safetensors --out {at}/./w.safetensors"), "same file"),
        (format!("weights convert {at}/w.safetensors --out {at}/theirs.txt"), "theirs.txt"),
        (format!("weights convert {at}/w.safetensors --out {model}"), "m.aand"),
        (format!("render washers --out {at}/r"), "washers"),
        (format!("render cloth washers --sheet --out {at}/r"), "washers"),
        (format!("demo washers --keep {at}/r"), "washers"),
        (format!("pretrain --teacher {at}/w.safetensors --out {at}/w.safetensors"), "w.safetensors"),
        (format!("pretrain --teacher {at}/w.safetensors --out {at}/theirs.txt"), "theirs.txt"),
    ] {
        let quiet = if line.starts_with("weights") || line.starts_with("pretrain") { "" } else { " --quiet" };
        let output = run(&format!("{line}{quiet}"));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(last.starts_with("aand: ") && last.contains(file), "{line}: {said}");
    }
    let after = tree(folder.path());
    assert!(
        after == before,
        "{:?}",
        after.keys().filter(|name| !before.contains_key(*name)).collect::<Vec<_>>()
    );
}

/// One's own earlier results are replaced.
#[test]
fn own_outputs_may_be_written_again() {
    let ((folder, model), data) = (with_model(), category());
    let (at, root) = (folder.path().display(), data.path().display());
    let weights = folder.path().join("w.safetensors");
    fs::write(weights, aand::teacher::EMBEDDED).unwrap();
    for _ in 0..2 {
        printed(&format!("eval {model} {root} --csv {at}/m.csv --report {at}/m.html --device cpu --quiet"));
        printed(&format!("weights convert {at}/w.safetensors --out {at}/c.safetensors"));
        printed(&format!(
            "render washers --out {at}/r --sheet --train 1 --test-good 1 --test-per-defect 1 --quiet"
        ));
    }
    // Files that a person has put among the rendered pictures would be removed with them.
    let mine = folder.path().join("r/washers/train/good/mine.jpg");
    fs::write(&mine, "mine").unwrap();
    let said = complaint(&format!("render washers --out {at}/r"));
    assert!(said.contains("mine.jpg") && mine.exists(), "{said}");
}
