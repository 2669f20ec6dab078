//! `aand detect --why` through the built program: the worst patch of a picture beside the good one that is most like it.

mod program;

use image::RgbImage;
use image::imageops::{FilterType, crop_imm, resize};
use program::{SIZE, category, complaint, files, part, printed, put, run, text, with_model};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A data set with an instant detector `m.aand`, the command line that learns it, and its folder as text.
fn learned() -> (tempfile::TempDir, String) {
    let data = category();
    let at = data.path().display().to_string();
    printed(&format!("train {at} --instant --size {SIZE} --out {at}/m.aand --quiet"));
    (data, at)
}

/// The lines of a results.jsonl.
fn lines(out: &Path) -> Vec<Value> {
    let text = fs::read_to_string(out.join("results.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn numbers(value: &Value) -> [u64; 4] {
    serde_json::from_value(value.clone()).unwrap()
}

/// Four times as large, so that what is shown of a patch is a part of the picture.
fn large(n: u32, defect: bool) -> RgbImage {
    resize(&part(n, defect), 256, 224, FilterType::Nearest)
}

#[test]
fn the_worst_patch_is_shown_beside_a_good_one() {
    let data = tempfile::tempdir().unwrap();
    let (root, at) = (data.path(), data.path().display());
    (0..6).for_each(|n| put(root, &format!("good/{n}.png"), &large(n, false)));
    (0..3).for_each(|n| put(root, &format!("spot/{n}.png"), &large(n, true)));
    printed(&format!("train {at}/good --instant --size 128 --out {at}/m.aand --quiet"));
    let told = printed(&format!(
        "detect {at}/m.aand {at}/good {at}/spot --out {at}/found --device cpu --quiet --json --why"
    ));
    assert!(told.contains(r#""why":{"box":["#), "{told}");
    let out = root.join("found");
    let (spots, good): (Vec<Value>, Vec<Value>) =
        lines(&out).into_iter().partition(|line| line["path"].as_str().unwrap().contains("/spot/"));
    assert_eq!((spots.len(), good.len()), (3, 6));
    assert!(good.iter().all(|line| line["verdict"] == "good" && line["why"].is_null()), "{good:?}");
    for line in &spots {
        let why = &line["why"];
        // Around the spot, which is 48 wide around (144, 96): 48 x 48 of 128 x 128 are 96 x 84 of 256 x 224.
        let [x, y, w, h] = numbers(&why["box"]);
        assert!(x < 144 && 144 < x + w && y < 96 && 96 < y + h && w == 96 && h == 84, "{line}");
        // The good patch is on the part, too.
        let [x, y, w, h] = numbers(&why["good_box"]);
        assert!(w == 96 && h == 84 && x + w <= 256 && y + h <= 224, "{line}");
        assert!((x + w / 2).abs_diff(128) < 90 && (y + h / 2).abs_diff(112) < 90, "{line}");
        assert!((1..=6).contains(&why["good"].as_u64().unwrap()), "{line}");
        let distance = why["distance"].as_f64().unwrap();
        assert!(distance > 0.01 && distance < 1.0, "{line}");
        let file = why["file"].as_str().unwrap();
        assert!(file.ends_with("_why.png"), "{line}");
        let picture = image::open(out.join(file)).unwrap().into_rgb8();
        // The spot is dark, the good patch is not.
        let darkest = |left: u32| {
            let patch = crop_imm(&picture, left, 60, 240, 200).to_image();
            patch.pixels().map(|pixel| pixel.0[1]).min().unwrap()
        };
        assert!(darkest(16) < 16 && darkest(272) > 20, "{} {}", darkest(16), darkest(272));
    }
    let table = fs::read_to_string(out.join("results.csv")).unwrap();
    assert!(
        table.lines().next().unwrap().starts_with("path,score,normalized,verdict,ms,error,regions"),
        "{table}"
    );
    // Without a word all of that is as ever.
    printed(&format!("detect {at}/m.aand {at}/spot --out {at}/plain --device cpu --quiet"));
    assert!(!fs::read_to_string(root.join("plain/results.jsonl")).unwrap().contains("why"));
    printed(&format!("eval {at}/m.aand {at} --device cpu --quiet --report {at}/r.html"));
    assert_eq!(fs::read_to_string(root.join("r.html")).unwrap().matches("nearest good patch").count(), 3);
}

#[test]
fn its_files_are_results_like_the_others() {
    let (data, at) = learned();
    let root = data.path();
    // What was learned from is good.
    (0..2).for_each(|n| put(root, &format!("line/{n}.png"), &part(n, true)));
    put(root, "line/2.png", &part(2, false));
    let line =
        format!("detect {at}/m.aand {at}/line --out {at}/line/found --device cpu --no-overlay --no-heat");
    let known = |more: &str| {
        let output = run(&format!("{line} {more}"));
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        said.split_once("goes on: ").map_or(0, |(_, rest)| rest.split_once(' ').unwrap().0.parse().unwrap())
    };
    let there = || files(&root.join("line/found"));
    assert_eq!(known("--why"), 0);
    assert_eq!(there(), ["0_why.png", "1_why.png"]);
    // Judged already, and never judged themselves.
    assert_eq!(known("--why"), 3);
    assert!(there().len() == 2 && lines(&root.join("line/found")).len() == 3);
    fs::remove_file(root.join("line/found/1_why.png")).unwrap();
    assert_eq!(known("--why"), 2);
    // A picture that is good now has nothing to show.
    put(root, "line/0.png", &part(4, false));
    assert_eq!(known("--why"), 2);
    assert_eq!(there(), ["1_why.png"]);
    // Wanted no longer, they go.
    assert_eq!(known(""), 2);
    assert!(there().is_empty());
    assert_eq!(known("--why"), 2);
    assert_eq!(there(), ["1_why.png"]);
    // Somebody else's picture of that name stays.
    part(1, false).save(root.join("line/found/2_why.png")).unwrap();
    let said = complaint(&format!("{line} --why").replace("--device cpu", ""));
    assert!(said.contains("2_why.png") && said.contains("--out"), "{said}");
}

#[test]
fn a_model_that_keeps_nothing_says_so() {
    let (folder, model) = with_model();
    put(folder.path(), "0.png", &part(0, true));
    let at = folder.path().display();
    let said = complaint(&format!("detect {model} {at}/0.png --out {at}/out --why"));
    assert!(
        said.contains("m.aand: it keeps no pictures") && said.contains("train anew with --keep 24"),
        "{said}"
    );
    assert!(files(&folder.path().join("out")).is_empty() && !folder.path().join("out/results.csv").exists());
}

#[test]
fn parts_carry_it() {
    let (data, at) = learned();
    let pictures = data.path().join("pictures");
    (0..6).for_each(|n| put(&pictures, &format!("a/{n}.png"), &part(n, n % 2 == 0)));
    // Two of the same name: the table tells which file is whose.
    put(&pictures, "a/0.bmp", &part(0, true));
    let detect = |out: &str, more: &str| {
        let line = format!(
            "detect {at}/m.aand {at}/pictures --out {at}/{out} --device cpu --quiet --no-times --why"
        );
        printed(&format!("{line} --no-heat --no-overlay {more}"));
    };
    detect("serial", "");
    (1..=3).for_each(|n| detect(&format!("p{n}"), &format!("--shard {n}/3")));
    printed(&format!("merge {at}/whole {at}/p1 {at}/p2 {at}/p3 --quiet"));
    let [whole, serial] = ["whole", "serial"].map(|name| data.path().join(name));
    for table in ["results.jsonl", "results.csv"] {
        assert_eq!(
            fs::read_to_string(whole.join(table)).unwrap(),
            fs::read_to_string(serial.join(table)).unwrap()
        );
    }
    let names = files(&whole.join("a"));
    assert!(names.len() >= 4 && names == files(&serial.join("a")), "{names:?}");
    for name in &names {
        assert!(name.ends_with("_why.png"));
        let [a, b] = [&whole, &serial].map(|folder| fs::read(folder.join("a").join(name)).unwrap());
        assert!(a == b, "{name}");
    }
    let table = fs::read_to_string(whole.join("results.csv")).unwrap();
    assert!(table.contains(",why\n") && table.contains(",a/2_why.png\n"), "{table}");
}

/// Trained models too, those that look at tiles among them.
#[test]
fn a_trained_model_with_tiles_shows_a_tile() {
    let data = category();
    let at = data.path().display();
    printed(&format!(
        "train {at} --out {at}/m.aand --tile 32 --batch 4 --epochs-amplify 1 --epochs-distill 1 --keep 3 --device cpu \
         --quiet"
    ));
    let judge =
        format!("detect {at}/m.aand {at}/test/spot --out {at}/found --device cpu --quiet --threshold 1e-6");
    printed(&format!("{judge} --why"));
    let lines = lines(&data.path().join("found"));
    assert_eq!(lines.len(), 4);
    for line in &lines {
        let why = &line["why"];
        let [odd, good] = [numbers(&why["box"]), numbers(&why["good_box"])];
        // A tile is smaller than what is shown of a patch otherwise.
        assert!((odd[2], odd[3], good[2], good[3]) == (32, 32, 32, 32), "{line}");
        assert!(odd[0] + odd[2] <= 64 && odd[1] + odd[3] <= 56, "{line}");
        assert!((1..=3).contains(&why["good"].as_u64().unwrap()), "{line}");
    }
}
