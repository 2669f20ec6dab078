//! `aand detect`, `eval`, `inspect` and `synth` through the built program, on pictures drawn here, and with
//! every kind of bad input.

mod program;

use aand::detection::Detector;
use aand::metrics::roc_auc;
use aand::model::open;
use burn::tensor::Device;
use image::{GrayImage, Rgb, RgbImage};
use program::{SIZE, category, complaint, damaged, files, part, printed, put, run, text, with_model};
use serde_json::Value;
use std::fs;
use std::path::Path;

#[test]
fn help_and_usage() {
    for command in ["", "detect", "eval", "inspect", "synth", "train"] {
        assert!(printed(&format!("{command} --help")).contains("Usage: aand"));
    }
    for wrong in ["", "detect", "detect m.aand --out x", "eval m.aand", "inspect", "synth x", "paint"] {
        assert_eq!(run(wrong).status.code(), Some(2), "{wrong}");
    }
    for wrong in ["--threshold 0", "--threshold x", "--raw jpg", "--batch 0", "--device cuda"] {
        assert_eq!(run(&format!("detect m.aand a.png --out x {wrong}")).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn inspect_tells_what_is_there() {
    let data = category();
    let root = data.path().display();
    assert!(printed(&format!("inspect {root}")).contains("6 good"));
    let found: Value = serde_json::from_str(&printed(&format!("inspect {root} --json"))).unwrap();
    assert_eq!([&found["train"], &found["test_good"], &found["test_anomalous"]], [6, 3, 4]);
    assert_eq!(found["layout"], "mvtec");
    assert_eq!(printed(&format!("inspect {root} --quiet")), "");
    for (name, bytes) in damaged() {
        fs::write(data.path().join("train/good").join(name), bytes).unwrap();
    }
    let said = complaint(&format!("inspect {root}"));
    assert!(said.contains("4 files cannot be read"), "{said}");
    let found: Value =
        serde_json::from_slice(&run(&format!("inspect {root} --json")).stdout).expect("JSON despite errors");
    assert_eq!(found["unreadable"].as_array().unwrap().len(), 4);
}

/// Oblong inputs, padding, tiles and a region of interest, as in training.
#[test]
fn synth_shows_what_training_sees() {
    let home = tempfile::tempdir().unwrap();
    // Three times as wide as high: oblong unless told otherwise.
    for n in 0..3 {
        let wide = RgbImage::from_fn(192, 64, |x, y| Rgb([90 + (x * 7 + y * 3 + n) as u8 % 40; 3]));
        put(home.path(), &format!("good/{n}.png"), &wide);
    }
    let samples = |options: &str| {
        let line = format!("synth {0}/good --out {0}/s --count 6 --json {options}", home.path().display());
        let told: Value = serde_json::from_str(&printed(&line)).unwrap();
        let masks = (0..6).map(|n| {
            let read = |ending| image::open(home.path().join(format!("s/00{n}{ending}.png"))).unwrap();
            let mask = read("_mask").into_luma8();
            assert_eq!((read("").width(), read("").height()), mask.dimensions());
            mask
        });
        let masks: Vec<_> = masks.collect();
        assert!(masks.iter().any(|mask| mask.pixels().any(|m| m.0[0] > 0)), "{options}: nothing is painted");
        (told["size"].clone(), masks)
    };
    let painted = |masks: &[image::GrayImage], [left, top, right, bottom]: [u32; 4]| {
        let places = masks.iter().flat_map(|mask| mask.enumerate_pixels().filter(|(_, _, m)| m.0[0] > 0));
        let inside = |x, y| (left..right).contains(&x) && (top..bottom).contains(&y);
        places.filter(|&(x, y, _)| !inside(x, y)).count()
    };
    let (size, masks) = samples("");
    assert_eq!((&size["width"], &size["height"]), (&448.into(), &160.into()));
    assert!(masks.iter().all(|mask| mask.dimensions() == (448, 160)));
    let (size, masks) = samples("--size 96 --fit pad");
    assert_eq!(size, 96);
    assert_eq!(painted(&masks, [0, 32, 96, 64]), 0, "the mirrored border is painted on");
    let (_, masks) = samples("--size 96x32 --roi 96,0,96,64");
    assert!(masks[0].dimensions() == (96, 32) && painted(&masks, [48, 0, 96, 32]) == 0);
    let (_, masks) = samples("--tile 64");
    assert_eq!(masks[0].dimensions(), (64, 64));
    let refused = complaint(&format!("synth {0}/good --out {0}/none --size 65", home.path().display()));
    assert!(refused.contains("multiple of 32") && !home.path().join("none").exists(), "{refused}");
}

#[test]
fn synth_writes_samples_and_a_sheet() {
    let (data, out) = (category(), tempfile::tempdir().unwrap());
    let (root, place) = (data.path().display(), out.path());
    let line = format!("synth {root} --out {} --count 5 --size 64 --seed 3", place.display());
    let told: Value = serde_json::from_str(&printed(&format!("{line} --json"))).unwrap();
    assert_eq!([&told["count"], &told["size"], &told["seed"]], [5, 64, 3]);
    assert_eq!(files(place).len(), 16);
    let read = |name: &str| image::open(place.join(name)).unwrap();
    let mut marked = 0;
    for n in 0..5 {
        let mask = read(&format!("00{n}_mask.png")).into_luma8();
        let foreground = read(&format!("00{n}_foreground.png")).into_luma8();
        assert_eq!((mask.dimensions(), foreground.dimensions()), ((64, 64), (64, 64)));
        assert_eq!(read(&format!("00{n}.png")).into_rgb8().dimensions(), (64, 64));
        // Every other defect lies on the part, the others anywhere.
        assert!(n % 2 == 0 || mask.pixels().zip(foreground.pixels()).all(|(m, f)| m.0[0] <= f.0[0]));
        marked += usize::from(mask.pixels().any(|m| m.0[0] > 0));
    }
    assert_eq!(marked as u64, 5 - told["clean"].as_u64().unwrap());
    assert!(marked > 0 && read("sheet.png").width() > 4 * 256);
    // The same seed gives the same files.
    let before = fs::read(place.join("sheet.png")).unwrap();
    printed(&line);
    assert_eq!(fs::read(place.join("sheet.png")).unwrap(), before);
}

#[test]
fn detect_finds_what_the_library_finds() {
    let ((folder, model), data) = (with_model(), category());
    let out = folder.path().join("out");
    let root = data.path();
    fs::copy(root.join("test/spot/1.png"), root.join("test/spot/1.bmp.png")).unwrap();
    let line = format!(
        "detect {model} {0}/test {0}/train/good/0.png --out {1} --device cpu --batch 3 --raw npy --raw png16",
        root.display(),
        out.display()
    );
    let output = run(&line);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stderr);
    assert!(said.contains("threshold 1.5000: made up for a test") && said.contains("warning"), "{said}");

    let lines = fs::read_to_string(out.join("results.jsonl")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 9);
    let library = Detector::new(open(Path::new(&model), &Device::flex()).unwrap()).unwrap();
    for line in &lines {
        let path = Path::new(line["path"].as_str().unwrap());
        let picture = aand::picture::open(path).unwrap();
        let found = library.detect(&[picture]).unwrap().remove(0);
        assert!((line["score"].as_f64().unwrap() - found.score).abs() < 1e-5, "{line}");
        assert!((line["normalized"].as_f64().unwrap() - found.normalized).abs() < 1e-5);
        let verdict = if found.score > 1.5 { "anomalous" } else { "good" };
        assert!(line["verdict"] == verdict && line["ms"].as_f64().unwrap() > 0.0);
    }
    let table = fs::read_to_string(out.join("results.csv")).unwrap();
    assert_eq!(
        (table.lines().count(), table.lines().next()),
        (10, Some("path,score,normalized,verdict,ms,error,regions"))
    );

    let expected = ["0_heat.png", "0_map.npy", "0_map.png", "0_overlay.png", "good", "spot"];
    assert_eq!(files(&out), expected);
    assert_eq!((files(&out.join("good")).len(), files(&out.join("spot")).len()), (12, 20));
    for kind in ["heat", "overlay"] {
        let size = image::image_dimensions(out.join(format!("spot/1.bmp_{kind}.png"))).unwrap();
        assert_eq!(size, (SIZE as u32, SIZE as u32 - 8));
    }
    let bytes = fs::read(out.join("spot/0_map.npy")).unwrap();
    let array = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!(array.shape(), [SIZE as u64, SIZE as u64]);
    let highest = array.into_vec::<f32>().unwrap().into_iter().fold(0.0, f32::max);
    let line = lines.iter().find(|l| l["path"].as_str().unwrap().ends_with("spot/0.png")).unwrap();
    assert_eq!(f64::from(highest), line["score"].as_f64().unwrap());

    // The same again, with JSON, another threshold and no pictures.
    let line = format!("detect {model} {}/test/good --out {}2", root.display(), out.display());
    let printed = printed(&format!("{line} --json --quiet --threshold 1e-6 --no-heat --no-overlay"));
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line["verdict"] == "anomalous"));
    assert!(files(&folder.path().join("out2")).is_empty());
}

#[test]
fn tiny_and_narrow_pictures_are_judged() {
    let (folder, model) = with_model();
    let pictures = folder.path().join("pictures");
    for (width, height) in [(1, 1), (1, 2), (1, 3000), (3000, 1), (16, 15)] {
        let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 90]));
        put(&pictures, &format!("{width}x{height}.png"), &picture);
    }
    let out = folder.path().join("out");
    let line = format!("detect {model} {} --out {} --device cpu --json", pictures.display(), out.display());
    let lines = printed(&line);
    let scores: Vec<f64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["score"].as_f64().unwrap())
        .collect();
    assert!(scores.len() == 5 && scores.iter().all(|score| score.is_finite()), "{scores:?}");
    for (name, size) in [("1x1", (1, 1)), ("3000x1", (3000, 1))] {
        assert_eq!(image::image_dimensions(out.join(format!("{name}_overlay.png"))).unwrap(), size);
    }
}

#[test]
fn detect_reports_bad_pictures_and_goes_on() {
    let (folder, model) = with_model();
    let (out, pictures) = (folder.path().join("out"), folder.path().join("pictures"));
    put(&pictures, "good.png", &part(1, false));
    for (name, bytes) in damaged() {
        fs::write(pictures.join(name), bytes).unwrap();
    }
    let line = format!("detect {model} {} no/such.png --out {}", pictures.display(), out.display());
    let output = run(&format!("{line} --quiet"));
    let errors = text(&output.stderr);
    let skipped = errors.lines().filter(|line| line.starts_with("skipped: "));
    assert_eq!(skipped.count(), 5, "{errors}");
    let said = complaint(&line);
    assert!(said.contains("5 of 6 pictures failed"), "{said}");
    let lines = fs::read_to_string(out.join("results.jsonl")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter(|line| line["error"].is_string()).count(), 5);
    let good = lines.iter().find(|line| line["score"].is_number()).unwrap();
    assert!(good["path"].as_str().unwrap().ends_with("good.png"));
    for (name, _) in damaged() {
        assert!(errors.contains(name), "{name} is not in {errors}");
    }
    // No half-written file is left behind.
    assert_eq!(files(&out), ["good_heat.png", "good_overlay.png"]);
}

#[test]
fn eval_measures_what_detect_scores() {
    let ((folder, model), data) = (with_model(), category());
    let (root, csv) = (data.path(), folder.path().join("m.csv"));
    let page = folder.path().join("report.html");
    let line = format!("eval {model} {} --device cpu", root.display());
    let both = format!("--csv {} --report {}", csv.display(), page.display());
    let measured: Value = serde_json::from_str(&printed(&format!("{line} --json {both}"))).unwrap();
    for key in ["image_auroc", "pixel_auroc", "aupro", "pro_rd", "pixel_ap", "image_f1_max", "pixel_f1_max"] {
        let value = measured[key].as_f64().unwrap_or(-1.0);
        assert!((0.0..=1.0).contains(&value), "{key}: {}", measured[key]);
    }
    let counts = &measured["counts"];
    assert_eq!([&counts["good"], &counts["anomalous"], &counts["with_masks"]], [3, 4, 4]);
    assert_eq!(measured["threshold"], 1.5);
    assert_eq!(measured["threshold_method"], "made up for a test");
    assert_eq!(measured["defects"][0]["kind"], "spot");
    assert_eq!(measured["selection"], "last epoch");

    let out = folder.path().join("out").display().to_string();
    let scored = printed(&format!("detect {model} {}/test --out {out} --json --quiet", root.display()));
    let (scores, labels): (Vec<f64>, Vec<bool>) = scored
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| (line["score"].as_f64().unwrap(), line["path"].as_str().unwrap().contains("spot")))
        .unzip();
    let auroc = roc_auc(&scores, &labels).unwrap();
    assert!((measured["image_auroc"].as_f64().unwrap() - auroc).abs() < 1e-9);

    let table = printed(&line);
    assert!(table.contains("AUPRO") && table.contains("last epoch"), "{table}");
    assert_eq!(fs::read_to_string(csv).unwrap().lines().count(), 3);
    let page = fs::read_to_string(page).unwrap();
    for words in ["spot/0.png", "Level 3", "Advanced teacher", "made up for a test", "data:image/"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("<script") && !page.contains("Rendered"));
    fs::write(root.join("README.txt"), "A data set.\nRendered pictures, no photographs.\n").unwrap();
    printed(&format!("{line} --quiet --report {}", folder.path().join("r2.html").display()));
    let page = fs::read_to_string(folder.path().join("r2.html")).unwrap();
    assert!(page.contains("Rendered pictures, no photographs."));
}

#[test]
fn eval_needs_neither_training_pictures_nor_masks() {
    let ((_folder, model), data) = (with_model(), category());
    let root = data.path();
    fs::remove_dir_all(root.join("train")).unwrap();
    fs::remove_dir_all(root.join("ground_truth")).unwrap();
    let measured: Value =
        serde_json::from_str(&printed(&format!("eval {model} {} --json", root.display()))).unwrap();
    assert!(measured["image_auroc"].is_number() && measured["image_f1_max"].is_number());
    assert!(measured["pixel_auroc"].is_null() && measured["aupro"].is_null());
    assert_eq!(measured["counts"]["with_masks"], 0);
    fs::remove_dir_all(root.join("test/good")).unwrap();
    let said = complaint(&format!("eval {model} {}", root.display()));
    assert!(said.contains("labeled"), "{said}");
}

#[test]
fn eval_names_what_it_cannot_measure() {
    let ((_folder, model), data) = (with_model(), category());
    let root = data.path();
    GrayImage::new(10, 12).save(root.join("ground_truth/spot/2_mask.png")).unwrap();
    fs::write(root.join("test/good/7.png"), "x").unwrap();
    let line = format!("eval {model} {}", root.display());
    let said = complaint(&line);
    assert!(said.contains("2 of 7 pictures") && said.contains("7.png"), "{said}");
    let output = run(&format!("{line} --json"));
    assert!(text(&output.stderr).contains("the mask is 10 x 12, its picture 64 x 56"));
    let measured: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(measured["errors"].as_array().unwrap().len(), 2);
    assert_eq!(measured["counts"]["anomalous"], 3);
}

#[test]
fn bad_models() {
    let ((folder, model), data) = (with_model(), category());
    let picture = data.path().join("test/good/6.png");
    let bytes = fs::read(&model).unwrap();
    let version = br#"\"format_version\":1"#;
    let at = bytes.windows(version.len()).position(|part| part == version).unwrap() + version.len() - 1;
    let mut newer = bytes.clone();
    newer[at] = b'7';
    let cases = [
        ("newer.aand", newer, "format 7"),
        ("cut.aand", bytes[..bytes.len() * 2 / 3].to_vec(), "truncated"),
        ("stub.aand", bytes[..100].to_vec(), "truncated"),
        ("empty.aand", Vec::new(), "truncated"),
        ("picture.aand", fs::read(&picture).unwrap(), "not an aand model"),
    ];
    let out = folder.path().join("out");
    for (name, bytes, words) in cases {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let path = path.display();
        for line in [
            format!("detect {path} {} --out {}", picture.display(), out.display()),
            format!("eval {path} {}", data.path().display()),
        ] {
            let said = complaint(&line);
            assert!(said.contains(name) && said.contains(words), "{line}: {said}");
        }
    }
    let said = complaint(&format!("eval gone.aand {}", data.path().display()));
    assert!(said.contains("gone.aand") && said.contains("check the path"), "{said}");
}

#[test]
fn bad_folders() {
    let ((folder, model), data) = (with_model(), category());
    let root = folder.path();
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::create_dir_all(root.join("none/train/good")).unwrap();
    fs::write(root.join("file.txt"), "x").unwrap();
    let (r, d) = (root.display(), data.path().display());
    for (line, words) in [
        (format!("inspect {r}/empty"), "empty; put pictures"),
        (format!("inspect {r}/none"), "no good pictures in train/good"),
        (format!("inspect {r}/gone"), "check the path"),
        (format!("inspect {r}/file.txt"), "it is a file"),
        (format!("inspect {d} --category moon"), "--category"),
        (format!("inspect {d} --layout visa"), "--layout"),
        (format!("synth {r}/empty --out {r}/s"), "empty; put pictures"),
        (format!("synth {d} --out {r}/file.txt/s --size 64"), "file.txt"),
        (format!("synth {d} --out {r}/s --textures {r}/empty"), "empty"),
        (format!("detect {model} {r}/empty --out {r}/d"), "no pictures"),
        (format!("detect {model} {d}/test --out {r}/file.txt/d"), "file.txt"),
        (format!("detect {model} {d}/test --out {d}/test"), "choose another"),
        (format!("eval {model} {r}/empty"), "no labeled pictures"),
        (format!("eval {model} {d}/train/good"), "no labeled pictures"),
        (format!("eval {model} {d} --csv {r}/file.txt/m.csv"), "file.txt"),
        (format!("eval {model} {d} --report {r}/empty"), "name a file"),
    ] {
        let said = complaint(&line);
        assert!(said.contains(words), "{line}: {said}");
    }
    let (name, bytes) = damaged().swap_remove(0);
    fs::write(data.path().join("train/good").join(name), bytes).unwrap();
    let said = complaint(&format!("synth {d} --out {r}/s --size 64 --count 7"));
    assert!(said.contains(name), "{said}");
}
