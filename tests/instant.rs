//! `aand train --instant` and small model files through the built program: judged like any other model, and refused in one
//! line where something does not apply.

mod program;

use aand::model::{Score, StoredModel};
use program::{SIZE, category, complaint, part, printed, put, run, text};
use serde_json::Value;
use std::fs;

#[test]
fn an_instant_detector_is_a_model_like_any_other() {
    let data = category();
    let at = data.path().display();
    let line = format!("train {at} --instant --size {SIZE} --out {at}/m.aand --json --quiet");
    let told: Value = serde_json::from_str(&printed(&line)).unwrap();
    assert_eq!((&told["instant"], &told["training_pictures"]), (&true.into(), &6.into()));
    let model = data.path().join("m.aand");
    let info = StoredModel::open(&model).unwrap().info;
    assert_eq!((info.score, info.threshold.pictures), (Score::Nearest, 6));
    assert!(fs::metadata(&model).unwrap().len() < 500_000, "the teacher is not in it");
    assert_eq!(StoredModel::open(&model).unwrap().kept().unwrap().pictures.len(), 6);

    // The same pictures give the same file.
    let before = fs::read(&model).unwrap();
    printed(&line);
    assert_eq!(fs::read(&model).unwrap(), before);

    let found: Value = serde_json::from_str(&printed(&format!(
        "eval {at}/m.aand {at} --device cpu --json --quiet --report {at}/r.html"
    )))
    .unwrap();
    assert_eq!(found["image_auroc"], 1.0, "{found}");
    let detect = format!("detect {at}/m.aand {at}/test --out {at}/found --device cpu --quiet --json");
    let lines = printed(&detect);
    let verdict = |name: &str| {
        let line =
            lines.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {lines}"));
        serde_json::from_str::<Value>(line).unwrap()["verdict"].clone()
    };
    assert_eq!(verdict("spot/0.png"), "anomalous");
    // What it has learned from is nearest to itself, so no threshold rests on it.
    (9..14).for_each(|n| put(data.path(), &format!("later/{n}.png"), &part(n, false)));
    let line =
        format!("calibrate {at}/m.aand {at}/later {at}/test/good {at}/train/good --out {at}/c.aand --json");
    let told: Value = serde_json::from_str(&printed(&line)).unwrap();
    assert_eq!((&told["pictures"], &told["learned"]), (&8.into(), &6.into()));
    let learned = complaint(&format!("calibrate {at}/m.aand {at}/train/good --out {at}/c.aand"));
    assert!(learned.contains("has learned from all 6 pictures"), "{learned}");
    assert!(
        printed(&format!("patch {at}/m.aand {at}/test/spot/0.png --row 2 --column 3")).contains("no gate")
    );
}

/// A copy would be judged by what has learned from the same picture.
#[test]
fn copies_change_neither_model_nor_threshold() {
    let data = category();
    let at = data.path().display();
    let line = format!("train {at}/train/good --instant --size {SIZE} --out {at}/m.aand");
    printed(&line);
    let model = fs::read(data.path().join("m.aand")).unwrap();
    (0..5).for_each(|n| put(data.path(), &format!("train/good/once more/{n}.png"), &part(n, false)));
    let output = run(&format!("{line} --json"));
    let words = text(&output.stderr);
    let named =
        "5 pictures left out, copies of others: once more/0.png, once more/1.png, once more/2.png and 2 more";
    assert!(words.contains(named), "{words}");
    let told: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    assert_eq!(
        (&told["training_pictures"], told["left_out"]["copies"].as_array().unwrap().len()),
        (&6.into(), 5)
    );
    assert!(fs::read(data.path().join("m.aand")).unwrap() == model);
}

#[test]
fn what_does_not_apply_to_it_is_one_line() {
    let data = category();
    let at = data.path().display();
    // A test beside the flags checks that each of the others is refused too.
    for flags in [
        "--tile 64",
        "--backbone resnet18",
        "--epochs-distill 3",
        "--resume",
        "--seed 3",
        "--keep 12",
        "--score gate",
        "--device gpu",
    ] {
        let output = run(&format!("train {at} --instant {flags}"));
        assert_eq!(output.status.code(), Some(2), "{flags}: {}", text(&output.stderr));
    }
    (0..2).for_each(|n| put(data.path(), &format!("few/{n}.png"), &part(n, false)));
    let said = complaint(&format!("train {at}/few --instant --size {SIZE} --out {at}/few.aand"));
    assert!(said.contains("too few usable pictures, 2"), "{said}");
    assert!(!data.path().join("few.aand").exists());
    // A flag that asks for what happens anyway is allowed.
    printed(&format!(
        "train {at} --instant --size {SIZE} --device cpu --score top:1% --out {at}/m.aand --quiet"
    ));
    let said = complaint(&format!("export {at}/m.aand --to aand --out {at}/s.aand"));
    assert!(said.contains("small already"), "{said}");
}

/// One that fails does not stop the others.
#[test]
fn each_category_is_learned_for_itself() {
    let data = tempfile::tempdir().unwrap();
    let root = data.path();
    for (name, count) in [("a", 2), ("b", 4), ("c", 4)] {
        (0..count).for_each(|n| put(root, &format!("{name}/train/good/{n}.png"), &part(n, false)));
        put(root, &format!("{name}/test/good/0.png"), &part(9, false));
        put(root, &format!("{name}/test/spot/0.png"), &part(9, true));
    }
    let at = root.display();
    let output = run(&format!("train {at} --category all --instant --size {SIZE} --out {at}/models"));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("a: too few usable pictures, 2"), "{said}");
    assert!(said.contains("1 of 3 categories failed, each is named above: a"), "{said}");
    let there = ["a", "b", "c"].map(|name| root.join(format!("models/{name}.aand")).exists());
    assert_eq!(there, [false, true, true], "{said}");
}

#[test]
fn a_small_file_has_the_same_scores() {
    let data = category();
    let at = data.path().display();
    printed(&format!(
        "train {at} --out {at}/m.aand --size {SIZE} --batch 6 --epochs-amplify 2 --epochs-distill 30 --device cpu --quiet"
    ));
    let told: Value = serde_json::from_str(&printed(&format!(
        "export {at}/m.aand --to aand --verify {at}/test {at}/train --json --quiet"
    )))
    .unwrap();
    assert_eq!(told["verified"]["pictures"], 13);
    let apart = told["verified"]["largest_difference"].as_f64().unwrap();
    assert!(apart < 1e-2, "{apart}");
    let small = data.path().join("m-small.aand");
    let [before, after] =
        [data.path().join("m.aand"), small.clone()].map(|path| fs::metadata(path).unwrap().len());
    // A quarter of the weights' bytes, and no teacher.
    assert!(4 * after < before + 400_000, "{after} of {before} bytes");
    let info = StoredModel::open(&small).unwrap().info;
    assert!(info.form.eight_bit && info.form.teacher.is_some());
    // It is evaluated, looked into, trained further and made small like the other; making it small twice is
    // refused.
    printed(&format!("eval {at}/m-small.aand {at} --device cpu --quiet --report {at}/r.html"));
    printed(&format!("patch {at}/m-small.aand {at}/test/spot/0.png --row 2 --column 3"));
    let said = complaint(&format!("export {at}/m-small.aand --to aand"));
    assert!(said.contains("8 bits already"), "{said}");

    // The error names a teacher that is not this program's.
    let bytes = fs::read(&small).unwrap();
    let place = bytes.windows(8).position(|part| part == b"67845de7").unwrap();
    let mut other = bytes;
    other[place] = b'0';
    fs::write(data.path().join("other.aand"), other).unwrap();
    let said = complaint(&format!("detect {at}/other.aand {at}/test --out {at}/x"));
    assert!(said.contains("another embedded teacher (07845de7…"), "{said}");
}
