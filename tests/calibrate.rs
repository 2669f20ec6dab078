//! The threshold through the built program: what `train` states, `calibrate`, the statement in `eval`, `stress`.

mod program;

use aand::metrics::{CONFIDENCE, supported};
use aand::model::{StoredModel, Threshold};
use image::{Rgb, RgbImage};
use program::{SIZE, complaint, part, printed, put, run, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A folder with `train`, 12 good pictures, and the model `m.aand` trained on them; what `train` printed.
fn trained() -> (TempDir, Value) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    (0..12).for_each(|n| put(root, &format!("train/{n}.png"), &part(n, false)));
    let line = format!(
        "train {0}/train --out {0}/m.aand --size {SIZE} --batch 6 --epochs-amplify 2 --epochs-distill 40 --device cpu \
         --json --quiet",
        root.display()
    );
    let summary = serde_json::from_str(&printed(&line)).unwrap();
    (folder, summary)
}

fn threshold(path: &Path) -> Threshold {
    StoredModel::open(path).unwrap().info.threshold
}

/// A good picture that no model has learned from: a corner is different.
fn new_part(n: u32) -> RgbImage {
    let mut picture = part(n % 6 + 6, false);
    picture.put_pixel(0, 0, Rgb([n as u8, 34, 40]));
    picture
}

/// Another product: stripes.
fn stripes(n: u32) -> RgbImage {
    RgbImage::from_fn(SIZE as u32, SIZE as u32, |x, _| {
        Rgb(if ((x + n) / 4).is_multiple_of(2) { [250, 30, 200] } else { [0, 90, 20] })
    })
}

#[test]
fn the_threshold_states_a_rate_and_calibrate_gives_another() {
    let (folder, summary) = trained();
    let root = folder.path();
    let at = root.display();
    let model = root.join("m.aand");

    // The stated rate is the one that 12 pictures support; nothing learned from 4 of them.
    let stated = &summary["threshold"]["stated"];
    assert!((stated["false_alarms"].as_f64().unwrap() - supported(12, CONFIDENCE)).abs() < 1e-9, "{stated}");
    assert_eq!((&stated["asked"], &stated["basis"]), (&0.01.into(), &"left-out".into()));
    assert_eq!(summary["training_pictures"], 8);
    let first = threshold(&model);
    assert_eq!((first.scores.len(), first.reliable), (12, false));
    assert!(first.reliability.contains("12 good pictures support at most 32 % false alarms (99 % sure)"));
    let highest = first.scores.iter().copied().fold(0.0, f64::max);
    assert_eq!(first.value, highest);

    // Another rate needs no pictures, and the model itself stays as it was.
    let bytes = fs::read(&model).unwrap();
    printed(&format!("calibrate {at}/m.aand --false-alarms 60% --quiet"));
    let looser = threshold(&root.join("m-calibrated.aand"));
    assert!(looser.value < first.value && looser.reliable);
    assert!(fs::read(&model).unwrap() == bytes);

    // New good pictures.
    (20..32).for_each(|n| put(root, &format!("good/{n}.png"), &new_part(n)));
    let line = format!("calibrate {at}/m.aand {at}/good --out {at}/new.aand --device cpu");
    let output = run(&line);
    let words = text(&output.stderr);
    assert!(output.status.success(), "{words}");
    assert!(
        words.contains("given after the training") && words.contains("1 % asks for 459 good pictures"),
        "{words}"
    );
    let new = threshold(&root.join("new.aand"));
    assert_eq!((new.pictures, new.stated.unwrap().basis), (12, aand::model::Basis::Calibrated));
    // Every tensor is the same to the bit: the data lie after the header.
    let new_bytes = fs::read(root.join("new.aand")).unwrap();
    let data =
        |bytes: &[u8]| bytes[8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize..].to_vec();
    assert!(data(&new_bytes) == data(&bytes));
    // A second run replaces that model, and says so; a file that is no model is not replaced.
    assert!(text(&run(&line).stderr).contains("replaces the model"));
    fs::write(root.join("notes.aand"), "mine").unwrap();
    let refused = complaint(&format!("calibrate {at}/m.aand {at}/good --device cpu --out {at}/notes.aand"));
    assert!(refused.contains("notes.aand"), "{refused}");

    // Each fault of the pictures is reported in one plain sentence.
    let one = complaint(&format!("calibrate {at}/m.aand {at}/good/20.png --device cpu"));
    assert!(one.contains("1 picture is too few to calibrate on"), "{one}");
    (0..6).for_each(|n| put(root, &format!("other/{n}.png"), &stripes(n)));
    let other = complaint(&format!("calibrate {at}/m.aand {at}/other --device cpu"));
    assert!(other.contains("look like another product") && other.contains("--all-good"), "{other}");
    put(root, "good/with a defect.png", &stripes(1));
    let defect = complaint(&format!("calibrate {at}/m.aand {at}/good --device cpu"));
    assert!(defect.contains("with a defect.png scores far above the others"), "{defect}");
    printed(&format!("calibrate {at}/m.aand {at}/good --device cpu --all-good --out {at}/all.aand --quiet"));
    assert_eq!(threshold(&root.join("all.aand")).pictures, 13);

    // Pictures that it has learned from say nothing about new ones, wherever they lie; 4 of the 12 were held out.
    fs::remove_file(root.join("good/with a defect.png")).unwrap();
    (0..12).for_each(|n| put(root, &format!("good/again {n}.png"), &part(n, false)));
    let line = format!("calibrate {at}/m.aand {at}/good --out {at}/mixed.aand --device cpu");
    let words = text(&run(&line).stderr);
    assert!(
        words.contains("has learned from 8 of the 24 pictures, for example ") && words.contains("left out"),
        "{words}"
    );
    assert_eq!(threshold(&root.join("mixed.aand")).pictures, 16);
    let told: Value = serde_json::from_str(&printed(&format!("{line} --json --quiet"))).unwrap();
    assert_eq!((&told["pictures"], &told["learned"]), (&16.into(), &8.into()));

    // A copy is no further picture.
    (0..12).for_each(|n| put(root, &format!("good/copy of {n}.png"), &new_part(n + 20)));
    let words = text(&run(&line).stderr);
    assert!(words.contains("12 pictures left out, copies of others: "), "{words}");
    assert_eq!(threshold(&root.join("mixed.aand")).pictures, 16);

    for wrong in ["--false-alarms 0%", "--false-alarms 100%", "--false-alarms x"] {
        assert_eq!(
            run(&format!("calibrate {at}/m.aand {at}/good {wrong}")).status.code(),
            Some(2),
            "{wrong}"
        );
    }
}

#[test]
fn eval_and_stress_measure_what_is_stated() {
    let (folder, _) = trained();
    let root = folder.path();
    (30..36).for_each(|n| put(root, &format!("test/good/{n}.png"), &new_part(n)));
    (0..4).for_each(|n| put(root, &format!("test/spot/{n}.png"), &part(n, true)));
    let line = format!("{0}/m.aand {0}/test --device cpu", root.display());

    let table = printed(&format!("eval {line}"));
    assert!(table.contains("false alarms: stated at most 31.9 % (99 % sure); measured"), "{table}");
    assert!(table.contains("PG2") && table.contains("PB2"), "{table}");
    let json: Value = serde_json::from_str(&printed(&format!("eval {line} --json"))).unwrap();
    let interval: [f64; 2] = serde_json::from_value(json["false_positive_interval"].clone()).unwrap();
    let rate = json["false_positive_rate"].as_f64().unwrap();
    assert!(interval[0] <= rate && rate <= interval[1] && interval[1] > rate, "{interval:?} {rate}");

    assert_eq!(json["learned"], 0);
    let page = root.join("stress.html");
    let stress = format!("stress {line} --only lighting,rotation --report {}", page.display());
    let json: Value = serde_json::from_str(&printed(&format!("{stress} --json --quiet"))).unwrap();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &json["good"], &json["anomalous"]), (9, &6.into(), &4.into()));
    assert_eq!(rows[0]["false_alarm_rate"].as_f64().unwrap(), rate);
    assert_eq!((&rows[4]["change"], &rows[4]["level"]), (&"lighting".into(), &0.2.into()));
    let page = fs::read_to_string(page).unwrap();
    assert!(
        page.contains("lighting +20 %") && page.matches("<svg").count() == 2 && !page.contains("<script")
    );
    assert!(printed(&stress).contains("rotation -3 degrees"));
    assert_eq!(run(&format!("{stress} --only fog")).status.code(), Some(2));

    // All 12 lie in the test set too, under other names; 8 of them were learned from.
    (0..12).for_each(|n| put(root, &format!("test/good/again {n}.png"), &part(n, false)));
    let flattered = "has learned from 8 of the 22 pictures, for example ";
    let words = text(&run(&format!("stress {line} --only rotation")).stderr);
    assert!(words.contains(flattered), "{words}");
    let output = run(&format!("eval {line} --json"));
    assert!(text(&output.stderr).contains(flattered), "{}", text(&output.stderr));
    let json: Value = serde_json::from_str(&text(&output.stdout)).unwrap();
    assert_eq!(json["learned"], 8);
}
