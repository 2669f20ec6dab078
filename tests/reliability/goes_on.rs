//! One bad item neither ends a run nor loses results; a stopped run can go on.

use super::program::{
    aand, category, complaint, complaint_with, model, part, printed, put, run, text, with_model,
};
use super::{leftovers, lines, tree};
use serde_json::Value;
use std::fs;
use std::path::Path;

#[test]
fn a_result_that_cannot_be_written_fails_alone() {
    let (folder, model) = with_model();
    let parts = folder.path().join("parts");
    (0..5).for_each(|n| put(&parts, &format!("00{n}.png"), &part(n, false)));
    put(&parts, &format!("{}.png", "検".repeat(82)), &part(7, false));
    put(&parts, &format!("{}.png", "a".repeat(245)), &part(8, false));
    let out = folder.path().join("o");
    fs::create_dir_all(out.join("002_heat.png")).unwrap();
    let (at, o) = (parts.display(), out.display());
    let line = format!("detect {model} {at} --out {o}");
    let said = complaint(&line);
    assert!(said.contains("1 of 7 pictures failed"), "{said}");
    let found = lines(&out);
    assert_eq!(found.len(), 7);
    let bad = found.iter().find(|line| line["error"].is_string()).unwrap();
    assert!(bad["path"].as_str().unwrap().ends_with("002.png") && bad["score"].is_number(), "{bad}");
    assert!(bad["error"].as_str().unwrap().contains("002_heat.png") && bad["heat"].is_null());
    // Names that would be too long are cut, and every result is named where it lies.
    for line in found.iter().filter(|line| line["error"].is_null()) {
        assert!(
            ["heat", "overlay"].iter().all(|kind| out.join(line[kind].as_str().unwrap()).is_file()),
            "{line}"
        );
    }
    let head = fs::read_to_string(out.join("results.csv")).unwrap();
    assert!(
        head.starts_with("path,score,normalized,verdict,ms,error,regions,path_bytes,heat,overlay,why\n"),
        "{head}"
    );
    // Only what failed is done again.
    fs::remove_dir(out.join("002_heat.png")).unwrap();
    let output = run(&format!("{line} --device cpu"));
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("6 of 7 pictures are judged already"), "{said}");
    assert!(lines(&out).iter().all(|line| line["error"].is_null()) && out.join("002_heat.png").is_file());
    assert!(leftovers(&out).is_empty());
}

#[test]
fn a_picture_that_fails_now_keeps_no_earlier_results() {
    let (folder, model) = with_model();
    let parts = folder.path().join("parts");
    (0..3).for_each(|n| put(&parts, &format!("{n}.png"), &part(n, false)));
    let (at, out) = (parts.display(), folder.path().join("o"));
    let line = format!("detect {model} {at} --out {} --raw npy,png16", out.display());
    printed(&format!("{line} --device cpu --quiet"));
    let names = || tree(&out).into_keys().map(|path| path.display().to_string()).collect::<Vec<_>>();
    assert_eq!(names().len(), 14, "{:?}", names());
    // One can no longer be read; of another the heat map cannot be written.
    fs::write(parts.join("0.png"), "no picture").unwrap();
    part(9, true).save(parts.join("1.png")).unwrap();
    fs::remove_file(out.join("1_heat.png")).unwrap();
    fs::create_dir(out.join("1_heat.png")).unwrap();
    let said = complaint(&line);
    assert!(said.contains("2 of 3 pictures failed"), "{said}");
    let found = lines(&out);
    assert!(found[0]["heat"].is_null() && found[1]["score"].is_number() && found[2]["heat"].is_string());
    let left = names();
    let of = |start: &str| left.iter().filter(|name| name.starts_with(start)).count();
    assert_eq!((of("0_"), of("1_"), of("2_")), (0, 3, 4), "{left:?}");
}

#[test]
fn unchanged_pictures_are_not_judged_again() {
    let (folder, path) = with_model();
    let parts = folder.path().join("parts");
    (0..3).for_each(|n| put(&parts, &format!("{n}.png"), &part(n, false)));
    let (at, out) = (parts.display(), folder.path().join("o"));
    let line = format!("detect {path} {at} --out {} --device cpu", out.display());
    printed(&line);
    let (first, times) = (tree(&out), |name: &str| fs::metadata(out.join(name)).unwrap().modified().unwrap());
    let before = times("0_heat.png");
    let json = printed(&format!("{line} --json"));
    assert_eq!(json.lines().count(), 3, "{json}");
    assert!(tree(&out) == first && times("0_heat.png") == before);
    // A different picture under the same name, a missing result, different results, settings, or another
    // model.
    let judged_already = |line: &str| {
        let said = text(&run(line).stderr);
        assert_eq!(lines(&out).len(), 3, "{said}");
        let count = said.split_once("goes on: ").map_or("0", |(_, rest)| rest.split_once(' ').unwrap().0);
        count.parse::<usize>().unwrap()
    };
    part(9, true).save(parts.join("0.png")).unwrap();
    assert_eq!(judged_already(&line), 2);
    fs::remove_file(out.join("1_overlay.png")).unwrap();
    assert_eq!(judged_already(&line), 2);
    assert_eq!(judged_already(&format!("{line} --again")), 0);
    assert_eq!(judged_already(&format!("{line} --raw npy")), 0);
    assert_eq!(judged_already(&format!("{line} --raw npy --threshold 0.5")), 0);
    assert_eq!(judged_already(&line), 0);
    fs::remove_file(&path).unwrap();
    super::program::other_model(Path::new(&path));
    assert_eq!(judged_already(&line), 0);
    assert_eq!(judged_already(&line), 3);
}

#[test]
fn a_missing_model_does_not_keep_the_others_from_being_measured() {
    let (place, set) = (tempfile::tempdir().unwrap(), category());
    let (cats, models) = (place.path().join("cats"), place.path().join("models"));
    fs::create_dir_all(&models).unwrap();
    for name in ["a", "b", "c"] {
        for (file, bytes) in tree(set.path()) {
            // The last one has no good test pictures: no image AUROC.
            if name == "c" && file.starts_with("test/good") {
                continue;
            }
            let file = cats.join(name).join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
        }
    }
    ["a", "c"].iter().for_each(|name| model(&models.join(format!("{name}.aand"))));
    let csv = place.path().join("all.csv");
    let line = format!("eval {} {} --category all --csv {}", models.display(), cats.display(), csv.display());
    let said = complaint(&line);
    assert!(said.contains("1 of 3 categories could not be measured") && said.contains("b.aand"), "{said}");
    let table = fs::read_to_string(&csv).unwrap();
    assert!(table.contains("\na,all") && table.contains("\nc,all") && !table.contains("\nb,"), "{table}");
    let output = run(&format!("{line} --json --device cpu"));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((told["categories"].as_array().unwrap().len(), &told["failed"][0]["name"]), (2, &"b".into()));
    assert_eq!([&told["mean_over"]["image_auroc"], &told["mean_over"]["pixel_ap"]], [1, 2]);
    let shown = text(&run(&format!("{line} --device cpu")).stdout);
    let mean = shown.lines().last().unwrap();
    assert!(mean.starts_with("mean of 2") && mean.contains("(of 1)"), "{mean}");
}

#[test]
fn synth_goes_on_after_a_picture_that_cannot_be_read() {
    let (data, place) = (category(), tempfile::tempdir().unwrap());
    fs::write(data.path().join("train/good/2.png"), "x").unwrap();
    let out = place.path().join("o");
    let said =
        complaint(&format!("synth {} --out {} --count 6 --size 64", data.path().display(), out.display()));
    assert!(said.contains("1 of 6 samples failed") && said.contains("2.png"), "{said}");
    assert_eq!(tree(&out).len(), 5 * 3 + 1);
}

#[test]
fn train_goes_on_with_the_other_categories() {
    let (place, set) = (tempfile::tempdir().unwrap(), category());
    let cats = place.path().join("cats");
    for name in ["a", "b"] {
        for (file, bytes) in tree(set.path()) {
            let file = cats.join(name).join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
        }
    }
    fs::write(cats.join("a/train/good/0.png"), "x").unwrap();
    let models = place.path().join("models");
    let line = format!(
        "train {} --category all --out {} --size 64 --batch 4 --epochs-amplify 1 --epochs-distill 1 --device cpu",
        cats.display(),
        models.display()
    );
    let said = complaint(&line);
    assert!(said.contains("1 of 2 categories failed") && said.ends_with(": a"), "{said}");
    assert!(models.join("b.aand").is_file() && !models.join("a.aand").exists());
    assert!(leftovers(&models).is_empty());
}

/// What weights are to be selected on is looked at before the first epoch.
#[test]
fn test_pictures_that_cannot_be_judged_are_told_before_the_training() {
    let (data, place) = (category(), tempfile::tempdir().unwrap());
    let out = place.path().join("m.aand");
    let line = format!(
        "train {} --select test --out {} --size 64 --batch 4 --epochs-amplify 1 --epochs-distill 1 --device cpu",
        data.path().display(),
        out.display()
    );
    let mask = data.path().join("ground_truth/spot/1_mask.png");
    image::GrayImage::from_pixel(10, 12, image::Luma([255])).save(&mask).unwrap();
    let said = complaint(&line);
    assert!(
        said.contains("1_mask.png") && said.contains("the mask is 10 x 12, its picture 64 x 56"),
        "{said}"
    );
    fs::remove_file(&mask).unwrap();
    fs::write(data.path().join("test/good/7.png"), "x").unwrap();
    let said = complaint(&line);
    assert!(said.contains("7.png"), "{said}");
    assert!(tree(place.path()).is_empty(), "{:?}", tree(place.path()).keys());
}

#[test]
fn two_trainings_of_one_model_are_one_too_many() {
    use std::process::{Command, Stdio};
    let (data, place) = (category(), tempfile::tempdir().unwrap());
    let out = place.path().join("m.aand");
    let line = format!(
        "train {} --out {} --size 64 --batch 4 --epochs-amplify 30 --epochs-distill 1 --device cpu --quiet",
        data.path().join("train/good").display(),
        out.display()
    );
    let mut program = Command::new(env!("CARGO_BIN_EXE_aand"));
    let mut first = program.args(line.split(' ')).stderr(Stdio::null()).spawn().unwrap();
    let lock = place.path().join(".m.aand.lock");
    while !lock.exists() {
        assert!(first.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // The lock is taken a moment after its file is there.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let said = complaint_with(75, &line.replace(" --quiet", ""));
    assert!(said.contains("another training") && said.contains("m.aand"), "{said}");
    first.kill().unwrap();
    first.wait().unwrap();
    let line = line.replace("amplify 30", "amplify 1");
    printed(&line);
    assert!(out.exists() && leftovers(place.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf_8_are_found_again() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;
    let ((folder, model), data) = (with_model(), category());
    let names = [b"latin1_\xe9.png", b"latin1_\xe8.png"].map(|name| OsStr::from_bytes(name));
    let parts = folder.path().join(OsStr::from_bytes(b"parts\xff"));
    for root in [&parts, &data.path().join("train/good"), &data.path().join("test/good")] {
        fs::create_dir_all(root).unwrap();
        for name in names {
            part(1, false).save_with_format(root.join(name), image::ImageFormat::Png).unwrap();
        }
    }
    fs::write(data.path().join("test/good").join(names[0]), "x").unwrap();
    let out = folder.path().join("o");
    let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
    let with = |command: &str, path: &Path, more: &str| {
        let mut words = words(command);
        words.push(path.into());
        words.extend(more.split(' ').map(OsString::from));
        let output = aand(&words);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let line = format!("--out {} --device cpu --json --quiet", out.display());
    let (code, told, said) = with(&format!("detect {model}"), &parts, &line);
    assert_eq!((code, told.lines().count()), (Some(0), 2), "{said}");
    let mut found = Vec::new();
    for line in told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let bytes = line["path_bytes"].as_str().unwrap();
        let path = percent_encoding::percent_decode_str(bytes).collect::<Vec<u8>>();
        assert!(Path::new(OsStr::from_bytes(&path)).is_file(), "{bytes}");
        found.push(line["heat"].as_str().unwrap().to_owned());
        assert!(out.join(found.last().unwrap()).is_file());
    }
    found.sort();
    assert_eq!(found, ["latin1_%E8_heat.png", "latin1_%E9_heat.png"]);
    let table = fs::read_to_string(out.join("results.csv")).unwrap();
    assert!(table.contains("latin1_%E9.png") && table.contains("latin1_%E9_heat.png"), "{table}");

    let json = |(code, told, said): (Option<i32>, String, String)| -> Value {
        assert!(!said.contains("panicked"), "{said}");
        serde_json::from_str(&told).unwrap_or_else(|_| panic!("{code:?}: {told}: {said}"))
    };
    let told = json(with(&format!("eval {model}"), data.path(), "--device cpu --json --quiet"));
    assert!(told["errors"][0]["path_bytes"].as_str().unwrap().ends_with("latin1_%E9.png"), "{told}");
    let mut place = folder.path().join(OsStr::from_bytes(b"s\xff")).into_os_string();
    place.push("/");
    let out = |sub: &str| {
        let mut path = place.clone();
        path.push(sub);
        std::path::PathBuf::from(path)
    };
    let synth = format!("synth {} --count 1 --size 64 --json --quiet --out", data.path().display());
    let told = json(with(&synth, &out("synth"), "--seed 0"));
    assert!(told["sheet_bytes"].as_str().unwrap().contains("s%FF/synth/sheet.png"), "{told}");
    let render = "render washers --train 1 --test-good 0 --test-per-defect 0 --json --quiet --out";
    let told = json(with(render, &out("render"), "--seed 0"));
    assert!(told["path_bytes"].as_str().unwrap().contains("s%FF/render/washers"), "{told}");
    let short = "--size 64 --batch 4 --epochs-amplify 1 --epochs-distill 1 --device cpu";
    let train = format!("train {}/train/good {short} --json --quiet --out", data.path().display());
    let model = out("").join(OsStr::from_bytes(b"m\xfe.aand"));
    let told = json(with(&train, &model, "--seed 0"));
    assert!(told["model_bytes"].as_str().unwrap().ends_with("s%FF/m%FE.aand"), "{told}");
    let log = out("").join(OsStr::from_bytes(b"m\xfe.training.jsonl"));
    assert!(model.is_file() && log.is_file());
}

#[test]
fn cells_that_look_like_formulas_are_defused() {
    let (folder, model) = with_model();
    let parts = folder.path().join("p");
    put(&parts, "=1+1.png", &part(1, false));
    let out = folder.path().join("o");
    let line = format!("{model} =1+1.png --out {} --device cpu --quiet", out.display());
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_aand"));
    let output = program.arg("detect").args(line.split(' ')).current_dir(&parts).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = fs::read_to_string(out.join("results.csv")).unwrap();
    assert!(table.lines().nth(1).unwrap().starts_with("'=1+1.png,"), "{table}");
    assert_eq!(lines(&out)[0]["path"], "=1+1.png");
}
