//! `aand refine`, `--undo` and `aand watch` through the built program.

mod program;

use aand::model::{StoredModel, open};
use burn::tensor::Device;
use image::RgbImage;
use program::{SIZE, complaint, complaint_with, part, printed, put, run, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// The part `n` under less light.
fn darker(n: u32) -> RgbImage {
    let mut picture = part(n, false);
    picture.iter_mut().for_each(|value| *value = (f32::from(*value) * 0.15) as u8);
    picture
}

/// A folder with `m.aand`, trained on 12 good pictures, `new` with 6 darker ones, and `bad` with 3 defects.
fn trained() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    (0..12).for_each(|n| put(root, &format!("train/{n}.png"), &part(n, false)));
    (0..6).for_each(|n| put(root, &format!("new/{n}.png"), &darker(n)));
    (0..3).for_each(|n| put(root, &format!("bad/{n}.png"), &part(n, true)));
    printed(&format!(
        "train {0}/train --out {0}/m.aand --size {SIZE} --batch 6 --epochs-amplify 2 --epochs-distill 40 --keep 8 \
         --device cpu --quiet",
        root.display()
    ));
    folder
}

fn refinements(path: &Path) -> usize {
    StoredModel::open(path).unwrap().info.refinements.len()
}

#[test]
fn a_model_learns_from_corrections_and_takes_them_back() {
    let folder = trained();
    let (root, at) = (folder.path(), folder.path().display());
    let model = root.join("m.aand");
    let bytes = fs::read(&model).unwrap();
    let refine = format!("refine {at}/m.aand --good {at}/new --defects {at}/bad --margin 50% --device cpu");

    let told: Value = serde_json::from_str(&printed(&format!("{refine} --json --quiet"))).unwrap();
    let (before, after) = (&told["refinement"]["before"], &told["refinement"]["after"]);
    assert_eq!(
        (&before["new"]["of"], &before["kept"]["of"], &before["defects"]["of"]),
        (&6.into(), &8.into(), &3.into())
    );
    assert!(before["new"]["anomalous"].as_u64() > after["new"]["anomalous"].as_u64(), "{told}");
    let sentence = told["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with("refined on 6 corrections in ") && sentence.contains("given defects found"),
        "{sentence}"
    );
    // Teacher and amplifier are as they were; the student is not.
    let new_bytes = fs::read(&model).unwrap();
    let [old, new] = [&bytes, &new_bytes].map(|bytes| {
        let tensors = safetensors::SafeTensors::deserialize(bytes).unwrap();
        let of = |kind: &str| {
            let mut found: Vec<(String, Vec<u8>)> = tensors
                .iter()
                .filter(|(name, _)| name.starts_with(kind))
                .map(|(n, t)| (n.into(), t.data().into()))
                .collect();
            found.sort();
            found
        };
        ["teacher.", "amplifier.", "student."].map(of)
    });
    assert!(old[0] == new[0] && old[1] == new[1] && old[2] != new[2]);
    // The file names the corrections and keeps some of the new pictures; the former file is beside it.
    let stored = open(&model, &Device::flex()).unwrap();
    let record = &stored.info.refinements[0];
    assert_eq!((record.good.len(), record.defects.len(), record.good[0].name.as_str()), (6, 3, "0.png"));
    assert!(record.good[0].sha256.len() == 64 && record.when.is_some());
    assert_eq!((stored.kept.pictures.len(), stored.kept.embeddings.len()), (8, 18));
    assert!(fs::read(root.join("m.aand.before")).unwrap() == bytes);

    // The same again from the same model gives the same student and threshold.
    let first = StoredModel::open(&model).unwrap().info;
    printed(&format!("refine {at}/m.aand --undo --quiet"));
    assert!(fs::read(&model).unwrap() == bytes && !root.join("m.aand.before").exists());
    printed(&format!("{refine} --quiet"));
    let data =
        |bytes: &[u8]| bytes[8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize..].to_vec();
    assert!(data(&fs::read(&model).unwrap()) == data(&new_bytes));
    let second = StoredModel::open(&model).unwrap().info;
    assert_eq!(second.threshold, first.threshold);
    assert_eq!(second.refinements[0].after, first.refinements[0].after);

    // Pictures that it was refined on are no new evidence.
    let same = complaint(&refine);
    assert!(same.contains("the model was refined on all of these pictures before; give new ones"), "{same}");
    assert_eq!(refinements(&model), 1);

    // A second refinement on top of it, with the pictures that are new; only one can be taken back.
    (6..10).for_each(|n| put(root, &format!("more/{n}.png"), &darker(n)));
    let both =
        format!("refine {at}/m.aand --good {at}/new {at}/more --margin 50% --device cpu --json --quiet");
    let told: Value = serde_json::from_str(&printed(&both)).unwrap();
    assert_eq!((&told["left_out"], &told["refinement"]["before"]["new"]["of"]), (&6.into(), &4.into()));
    let stored = StoredModel::open(&model).unwrap();
    assert_eq!((stored.info.refinements.len(), stored.info.refinements[1].good.len()), (2, 4));
    assert_eq!(stored.embeddings().unwrap().len(), 22);
    printed(&format!("refine {at}/m.aand --undo --quiet"));
    assert_eq!(refinements(&model), 1);
    assert!(complaint(&format!("refine {at}/m.aand --undo")).contains("nothing to take back"));

    // Worse by more than the margin: the reason is given and the old model stays, unless `--anyway` insists.
    let whole = fs::read(&model).unwrap();
    let harsh =
        format!("refine {at}/m.aand --good {at}/bad --defects {at}/bad --epochs 40 --lr 0.02 --device cpu");
    let refused = complaint(&harsh);
    assert!(refused.contains("not refined") && refused.contains("--anyway"), "{refused}");
    assert!(fs::read(&model).unwrap() == whole);
    let output = run(&format!("{harsh} --anyway"));
    assert!(output.status.success() && text(&output.stderr).contains("taken by --anyway"));
}

#[test]
fn what_cannot_be_refined_is_told_in_one_line_and_the_model_stays() {
    let (folder, model) = program::with_model();
    let (root, at) = (folder.path(), folder.path().display());
    put(root, "new/1.png", &part(1, false));
    fs::write(root.join("text.png"), "no picture").unwrap();
    let bytes = fs::read(&model).unwrap();
    let refine = |what: &str| complaint(&format!("refine {model} {what} --device cpu"));
    assert!(refine(&format!("--good {at}/new")).contains("keeps no good pictures"));
    assert!(refine(&format!("--good {at}/text.png")).contains("text.png"));
    assert!(refine("--undo").contains("never refined"));
    fs::write(root.join("old.aand"), "other").unwrap();
    assert!(complaint(&format!("refine {at}/old.aand --good {at}/new --device cpu")).contains("old.aand"));
    let version = text(&bytes.iter().map(|&b| if b < 128 { b } else { b'?' }).collect::<Vec<u8>>());
    assert!(version.contains("\\\"format_version\\\":1"));
    let mut other = bytes.clone();
    let place = version.find("\\\"format_version\\\":1").unwrap() + "\\\"format_version\\\":".len();
    other[place] = b'9';
    fs::write(root.join("newer.aand"), &other).unwrap();
    let said = complaint(&format!("refine {at}/newer.aand --good {at}/new --device cpu"));
    assert!(said.contains("model format 9"), "{said}");
    // Two at once.
    let held = aand::files::Lock::take(&root.join(".m.aand.lock")).unwrap().unwrap();
    let taken = complaint_with(75, &format!("refine {model} --good {at}/new --device cpu"));
    assert!(taken.contains("another run trains or refines this model; wait for it"), "{taken}");
    drop(held);
    assert!(fs::read(&model).unwrap() == bytes && !root.join("m.aand.before").exists());
    assert_eq!(run(&format!("refine {model}")).status.code(), Some(2));
}

#[test]
fn watch_says_what_the_results_show() {
    let folder = trained();
    let (root, at) = (folder.path(), folder.path().display());
    (0..24).for_each(|n| put(root, &format!("line/a{n:02}.png"), &part(n % 12, false)));
    (0..40).for_each(|n| put(root, &format!("line/b{n:02}.png"), &darker(n % 12)));
    printed(&format!(
        "detect {at}/m.aand {at}/line --out {at}/out --no-heat --no-overlay --distance --device cpu --quiet"
    ));
    let results = fs::read_to_string(root.join("out/results.jsonl")).unwrap();
    let lines: Vec<Value> = results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["distance"].as_f64().unwrap() >= 0.0));

    // The region of interest does not matter: the distance is between embeddings made as in training.
    printed(&format!(
        "detect {at}/m.aand {at}/line/a00.png --out {at}/roi --roi 0,0,20,20 --distance --device cpu --quiet"
    ));
    let of_roi = fs::read_to_string(root.join("roi/results.jsonl")).unwrap();
    let of_roi: Value = serde_json::from_str(of_roi.lines().next().unwrap()).unwrap();
    assert_eq!(of_roi["distance"], lines[0]["distance"]);

    let watched = printed(&format!("watch {at}/m.aand {at}/out --json --quiet"));
    let told: Vec<Value> = watched.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), 3);
    let distance = told.iter().find(|told| told["signal"] == "distance").unwrap();
    assert_eq!(distance["finding"], "changed", "{watched}");
    assert!(distance["since"].as_u64().unwrap().abs_diff(25) <= 3, "{watched}");
    assert!(distance["sentence"].as_str().unwrap().contains("unlike those of the training"));
    assert_eq!((&told[2]["signal"], &told[2]["finding"]), (&"corrections".into(), &"unknown".into()));

    // A few pictures say nothing.
    let few: String = results.lines().take(5).map(|line| format!("{line}\n")).collect();
    fs::write(root.join("few.jsonl"), few).unwrap();
    let said = printed(&format!("watch {at}/m.aand {at}/few.jsonl --quiet"));
    assert_eq!(said.matches("too few pictures to say").count(), 3, "{said}");

    // Corrections by name; a path that is no result, or belongs to none, is reported.
    let names: String =
        lines[24..].iter().map(|line| format!("{}\n", line["path"].as_str().unwrap())).collect();
    fs::write(root.join("wrong.txt"), names).unwrap();
    let said = printed(&format!("watch {at}/m.aand {at}/out --corrections {at}/wrong.txt --quiet"));
    assert!(said.contains("verdicts are corrected more often"), "{said}");
    fs::write(root.join("other.txt"), "x.png\n").unwrap();
    let unknown = complaint(&format!("watch {at}/m.aand {at}/out --corrections {at}/other.txt"));
    assert!(unknown.contains("names x.png"), "{unknown}");
    fs::write(root.join("no.jsonl"), "{}\n").unwrap();
    assert!(complaint(&format!("watch {at}/m.aand {at}/no.jsonl")).contains("line 1 is no result"));
}
